// What becomes of a session's routes, told by prefix and not by path: new ones, those that go, and those that go out again with
// something else about them. Counts and a few examples: a cluster may have millions of paths.
import type { Prefix } from "../net/ip.ts"
import type { ChangeLine } from "./change.ts"
import type { ChangedRoutes } from "./diff.ts"
import type { PlannedRoute, PlannedSession } from "./types.ts"

const EXAMPLES = 3

/** "3 prefixes: a, b, c", "120 prefixes, such as a, b, c". */
export const counted = (what: readonly [one: string, many: string], names: ReadonlyArray<string>): string => {
  const [one, many] = what
  if (names.length === 1) return `${one} ${names[0]}`
  const shown = names.slice(0, EXAMPLES).join(", ")
  return `${names.length} ${many}${names.length > EXAMPLES ? `, such as ${shown}` : `: ${shown}`}`
}

const PREFIXES = ["prefix", "prefixes"] as const

export const announcedText = ({ routes }: PlannedSession): string => {
  const prefixes = [...new Set(routes.map(({ prefix }) => prefix))]
  return prefixes.length === 0 ? "nothing" : counted(PREFIXES, prefixes)
}

const hops = (routes: ReadonlyArray<PlannedRoute>): string =>
  [...new Set(routes.map((r) => r.nextHop))].sort().join(", ")

const single = (routes: ReadonlyArray<PlannedRoute>): string =>
  routes.flatMap((route) => (route.single === false ? [] : [route.nextHop])).join(", ")

const list = (values: ReadonlyArray<string> | undefined): string => [...(values ?? [])].sort().join(" ")

/** What a reader can see of the paths of a prefix, by name. */
const ASPECTS: ReadonlyArray<readonly [string, (routes: ReadonlyArray<PlannedRoute>) => string]> = [
  ["next hops", hops],
  ["MED", (routes) => String(routes[0]?.med ?? "")],
  ["communities", (routes) => list(routes[0]?.communities)],
  ["large communities", (routes) => list(routes[0]?.largeCommunities)],
  ["the path for a peer that takes one,", single],
  ["name", (routes) => routes[0]?.name ?? ""]
]

const orNone = (text: string): string => (text === "" ? "none" : text)

/** "MED none → 20" of the first prefix that differs in it. */
const aspectTexts = (
  prefixes: ReadonlyArray<Prefix>,
  before: ReadonlyMap<Prefix, ReadonlyArray<PlannedRoute>>,
  after: ReadonlyMap<Prefix, ReadonlyArray<PlannedRoute>>
): ReadonlyArray<string> =>
  ASPECTS.flatMap(([name, of]) => {
    for (const prefix of prefixes) {
      const [was, is] = [of(before.get(prefix) ?? []), of(after.get(prefix) ?? [])]
      if (was !== is) return [`${name} ${orNone(was)} → ${orNone(is)}`]
    }
    return []
  })

const byPrefix = (routes: ReadonlyArray<PlannedRoute>, wanted: ReadonlySet<Prefix>) => {
  const found = new Map<Prefix, Array<PlannedRoute>>()
  for (const route of routes) {
    if (!wanted.has(route.prefix)) continue
    const paths = found.get(route.prefix)
    if (paths === undefined) found.set(route.prefix, [route])
    else paths.push(route)
  }
  return found
}

/** Up to three lines: what is announced newly, again with something else about it, and no more. */
export const routeLines = (node: string, before: PlannedSession, changed: ChangedRoutes): ReadonlyArray<ChangeLine> => {
  const { session, announce, withdraw } = changed
  const touched = new Set([...announce, ...withdraw].map(({ prefix }) => prefix))
  const was = byPrefix(before.routes, touched)
  const is = byPrefix(session.routes, touched)
  const all = [...touched]
  const fresh = all.filter((prefix) => !was.has(prefix))
  const gone = all.filter((prefix) => !is.has(prefix))
  const soft = all.filter((prefix) => was.has(prefix) && is.has(prefix))
  const subject = `session ${session.name}`
  const line = (verdict: ChangeLine["verdict"], prefixes: ReadonlyArray<Prefix>, detail: () => string) =>
    prefixes.length === 0 ? [] : [{ verdict, node, subject, detail: detail() }]
  return [
    ...line("new announcement", fresh, () => `announces ${counted(PREFIXES, fresh)}`),
    ...line("withdraw", gone, () => `withdraws ${counted(PREFIXES, gone)}`),
    ...line("session soft", soft, () => {
      const what = aspectTexts(soft, was, is)
      return `announces ${counted(PREFIXES, soft)} again${what.length === 0 ? "" : `: ${what.join("; ")}`}`
    })
  ]
}
