// The dashboard as routes: the page at `/`, its script and its style sheet under `/assets/`. The page has nothing of
// the cluster in it, so it is for everybody; what it shows comes through the API, which asks who one is. Nothing is
// loaded from anywhere else, and the browser is told to hold to that.
import { type Context, Hono } from "hono"

const POLICY = [
  "default-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "object-src 'none'"
].join("; ")

const GUARDS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin"
} as const

interface Asset {
  readonly type: string
  readonly plain: Uint8Array<ArrayBuffer>
  readonly packed: Uint8Array<ArrayBuffer>
  readonly etag: string
  readonly cache: string
}

/** `immutable`: its name changes with its content. */
const IMMUTABLE = "public, max-age=31536000, immutable"
const ASK_AGAIN = "no-cache"

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 26 26"><rect width="26" height="26" rx="7" fill="#2757d6"/><path \
d="M4 9.5h18M7 9.5V20M19 9.5V20M7 20v-3.5a6 6 0 0 1 12 0V20" fill="none" stroke="#fff" stroke-width="2" stroke-linecap="round"/></svg>`

const page = (script: string, style: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<title>viaduct</title>
<link rel="icon" href="assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="assets/${style}">
<script type="module" src="assets/${script}"></script>
</head>
<body>
<div id="app"><noscript>The dashboard needs JavaScript. Without it: viaduct get, or kubectl --server.</noscript></div>
</body>
</html>
`

const packed = async (plain: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> => {
  const stream = new Blob([plain]).stream().pipeThrough(new CompressionStream("gzip"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

const asset = async (text: string, type: string, name: string, cache: string): Promise<Asset> => {
  const plain = new TextEncoder().encode(text)
  return { type, plain, packed: await packed(plain), etag: `"${name}"`, cache }
}

/** What there is, by path. */
const load = async (): Promise<ReadonlyMap<string, Asset>> => {
  const { script, style } = (await import("./assets.ts")).assets
  const html = page(script.name, style.name)
  return new Map([
    ["/", await asset(html, "text/html; charset=utf-8", `${script.name}+${style.name}`, ASK_AGAIN)],
    [`/assets/${script.name}`, await asset(script.text, "text/javascript; charset=utf-8", script.name, IMMUTABLE)],
    [`/assets/${style.name}`, await asset(style.text, "text/css; charset=utf-8", style.name, IMMUTABLE)],
    ["/assets/icon.svg", await asset(ICON, "image/svg+xml", "icon", ASK_AGAIN)]
  ])
}

const takesGzip = (accept: string | undefined): boolean =>
  /(^|[\s,])gzip\s*(,|$|;\s*q=(?!0(\.0*)?\s*(,|$)))/.test(accept ?? "")

const answer = (context: Context, { type, plain, packed: small, etag, cache }: Asset): Response => {
  const headers = { ...GUARDS, etag, "cache-control": cache, vary: "accept-encoding" }
  const known = context.req
    .header("if-none-match")
    ?.split(",")
    .map((tag) => tag.trim().replace(/^W\//, ""))
  if (known?.includes(etag) === true) return new Response(null, { status: 304, headers })
  const gzip = takesGzip(context.req.header("accept-encoding"))
  return new Response(gzip ? small : plain, {
    headers: { ...headers, "content-type": type, ...(gzip ? { "content-encoding": "gzip" } : {}) }
  })
}

/** Whether a request is for the dashboard itself and needs no token. */
export const isDashboard = (path: string): boolean => path === "/" || path.startsWith("/assets/")

let loaded: Promise<ReadonlyMap<string, Asset>> | undefined

/** The routes; what they serve is made once, when it is asked for first. */
export const dashboardRoutes = (): Hono => {
  const routes = new Hono()
  const serve = async (context: Context, next: () => Promise<void>): Promise<Response | undefined> => {
    loaded ??= load()
    const found = (await loaded).get(context.req.path)
    if (found !== undefined) return answer(context, found)
    await next()
    return undefined
  }
  routes.get("/", serve)
  routes.get("/assets/:name", serve)
  return routes
}
