// What the demo shows: one screen for a terminal, plain lines for anything else. Functions from a view to text.
import type { NodeStatus } from "../resources/nodeStatus.ts"
import { clip } from "./terminal.ts"

export interface DemoView {
  readonly status: NodeStatus
  readonly url: string
  readonly socket: string
  /** With the role write; it ends with the demo. */
  readonly token: string
  readonly routers: ReadonlyArray<{
    readonly name: string
    readonly address: string
    readonly asn: number
    readonly state: string
    readonly routes: ReadonlyArray<{ readonly prefix: string; readonly nextHop: string }>
  }>
}

const bold = (text: string): string => `\x1b[1m${text}\x1b[0m`
const dim = (text: string): string => `\x1b[2m${text}\x1b[0m`
const green = (text: string): string => `\x1b[32m${text}\x1b[0m`
const yellow = (text: string): string => `\x1b[33m${text}\x1b[0m`

const sessionLines = (view: DemoView): ReadonlyArray<string> =>
  view.status.sessions.map(({ name, state, peerAsn, reason }) => {
    const shown = state === "Established" ? green(state.padEnd(12)) : yellow(state.padEnd(12))
    return `  ${name.padEnd(24)} AS ${String(peerAsn).padEnd(6)} ${shown} ${dim(reason ?? "")}`
  })

const routerLines = (view: DemoView): ReadonlyArray<string> =>
  view.routers.flatMap(({ name, address, asn, routes }) => {
    const head = `  ${name} ${dim(`${address}, AS ${asn}`)}`
    if (routes.length === 0) return [`${head}  ${dim("no routes")}`]
    return routes.map(({ prefix, nextHop }) => `${head}  ${green(prefix)} via ${nextHop}`)
  })

/** The whole screen, cursor home first. */
export const drawDemo = (view: DemoView, columns: number): string => {
  const lines = [
    bold("viaduct demo"),
    dim("one node announces the control-plane VIP 10.0.0.8 to two routers, all on loopback"),
    "",
    bold("Sessions of the node"),
    ...sessionLines(view),
    "",
    bold("Routes as the routers see them"),
    ...routerLines(view),
    "",
    bold("Look at it in a browser"),
    `  ${view.url}`,
    dim(`  to change something there, sign in with ${view.token}`),
    "",
    bold("Or from another terminal"),
    `  curl ${view.url}/readyz`,
    `  curl ${view.url}/metrics`,
    `  kubectl --server=${view.url} -n kube-system get bgpsessions`,
    `  npm start -- get bgpsessions --server ${view.url}`,
    "",
    dim("Ctrl+C ends it; npm start -- run --config FILE runs the real thing")
  ]
  const width = Math.max(20, columns || 80)
  return `\x1b[?25l\x1b[H${lines.map((line) => `${clip(line, width)}\x1b[K`).join("\r\n")}\x1b[J`
}

/** What is new since `before`, a line each. */
export const plainDemo = (before: DemoView | undefined, now: DemoView): ReadonlyArray<string> => {
  const lines: Array<string> = []
  if (before === undefined)
    lines.push(
      `admin API: ${now.url} (in a browser: the dashboard; readyz, metrics, kubectl --server=…) and ${now.socket}`,
      `to change something in the dashboard, sign in with ${now.token}`
    )
  for (const [i, router] of now.routers.entries()) {
    const had = new Set(before?.routers[i]?.routes.map(({ prefix, nextHop }) => `${prefix} via ${nextHop}`))
    const has = new Set(router.routes.map(({ prefix, nextHop }) => `${prefix} via ${nextHop}`))
    for (const route of has) if (!had.has(route)) lines.push(`${router.name} (AS ${router.asn}) has ${route}`)
    for (const route of had) if (!has.has(route)) lines.push(`${router.name} (AS ${router.asn}) no longer has ${route}`)
  }
  return lines
}
