// The reference of the verbs as one page of plain HTML, rendered from the OpenAPI document: no script, no request to anywhere.
import type { OpenApiDocument, OpenApiOperation } from "./openapi.ts"

export const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer"
} as const

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 2.5rem 0 0.3rem; } h3 { font-size: 1rem; margin: 1rem 0 0.2rem; }
code, pre { font: 0.9em/1.4 ui-monospace, monospace; } pre { overflow-x: auto; border: 1px solid var(--line); border-radius: 4px; padding: 0.6rem; }
h2 code { font-size: 1em; } .role { font-size: 0.8rem; border: 1px solid var(--line); border-radius: 1em; padding: 0.1em 0.6em; font-weight: normal; }
table { border-collapse: collapse; width: 100%; } td { border-top: 1px solid var(--line); padding: 0.3rem 0.6rem 0.3rem 0; vertical-align: top; }
nav ul { columns: 16rem; padding-left: 1.2rem; } section { overflow-wrap: anywhere; }
`

const schemaText = (schema: unknown): string => `<pre>${escaped(JSON.stringify(schema, undefined, 2))}</pre>`

/** The name of a referred schema as a link to it; any other one whole. */
const schemaOf = (content: Readonly<Record<string, unknown>>): string =>
  Object.entries(content)
    .map(([type, value]) => {
      const schema = typeof value === "object" && value !== null && "schema" in value ? value.schema : {}
      const ref = typeof schema === "object" && schema !== null && "$ref" in schema ? String(schema.$ref) : undefined
      const name = ref?.slice(ref.lastIndexOf("/") + 1) ?? ""
      const shape = ref === undefined ? "" : ` <a href="#schema-${escaped(name)}">${escaped(name)}</a>`
      return `<code>${escaped(type)}</code>${shape}`
    })
    .join(", ")

const row = (cells: ReadonlyArray<string>): string => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`

const operationHtml = (path: string, method: string, operation: OpenApiOperation): string => {
  const { operationId, summary, description, parameters, requestBody, responses } = operation
  const parameterRows = parameters.map(({ name, required, description: what, in: where }) =>
    row([`<code>${escaped(name)}</code>`, `${where}${required ? ", required" : ""}`, escaped(what)])
  )
  const responseRows = Object.entries(responses).map(([code, { description: what, content }]) =>
    row([`<code>${code}</code>`, escaped(what), schemaOf(content)])
  )
  return `<section><h2 id="${operationId}"><code>${method.toUpperCase()} ${escaped(path)}</code> <span class="role">${operation["x-role"]}</span></h2>
<p><strong>${escaped(summary)}.</strong> ${escaped(description)}</p>
${parameterRows.length === 0 ? "" : `<h3>Parameters</h3><table>${parameterRows.join("")}</table>`}
${requestBody === undefined ? "" : `<h3>Body</h3><p>${schemaOf(requestBody.content)}</p>`}
<h3>Answers</h3><table>${responseRows.join("")}</table></section>`
}

/** The page. */
export const referencePage = ({ info, paths, components }: OpenApiDocument): string => {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
  )
  const contents = operations.map(
    ({ path, method, operation }) =>
      `<li><a href="#${operation.operationId}">${escaped(operation.summary)}</a> <code>${method.toUpperCase()} ${escaped(path)}</code></li>`
  )
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `<section><h3 id="schema-${escaped(name)}">${escaped(name)}</h3>${schemaText(schema)}</section>`
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(info.title)} ${escaped(info.version)}: verbs of the admin API</title><style>${STYLE}</style></head>
<body><h1>${escaped(info.title)} ${escaped(info.version)}: verbs of the admin API</h1>
<p>${escaped(info.description)} The same as <a href="/v1/openapi.json">OpenAPI 3.1</a>.</p>
<nav aria-label="Verbs"><ul>${contents.join("")}</ul></nav>
<main>${operations.map(({ path, method, operation }) => operationHtml(path, method, operation)).join("\n")}</main>
<h2>Schemas</h2>${schemas.join("\n")}
</body></html>
`
}
