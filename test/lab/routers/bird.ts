// BIRD 2: one process; state as text over birdc. It learns the kernel's routes so that recursive next hops resolve, and
// its delays are turned down to one second. What it announces are static blackhole routes with attributes by filter.
import { existsSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Lab } from "../Lab.ts"
import {
  asPathOf,
  familiesOf,
  familyOfText,
  HOLD_TIME,
  isPassive,
  type Make,
  MULTIHOP_TTL,
  originOf,
  type RouterAnnouncement,
  type RouterNeighbor,
  type RouterRoute,
  type RouterSession,
  type RouterSpec,
  ready,
  stateOf,
  told,
  toldList,
  wantsMultihop
} from "./Router.ts"

type Family = "ipv4" | "ipv6"

const announcements = (spec: RouterSpec, family: Family): ReadonlyArray<RouterAnnouncement> =>
  (spec.announce ?? []).filter((one) => familyOfText(one.prefix) === family)

const attributeLines = (one: RouterAnnouncement): string =>
  [
    ...(one.nextHop === undefined ? [] : [`bgp_next_hop = ${one.nextHop};`]),
    ...(one.med === undefined ? [] : [`bgp_med = ${one.med};`]),
    ...(one.communities ?? []).map((text) => `bgp_community.add((${text.replace(":", ",")}));`)
  ].join(" ")

const tableLines = (spec: RouterSpec, family: Family): ReadonlyArray<string> => {
  const mine = announcements(spec, family)
  const accepted = (spec.acceptNextHops ?? []).filter((prefix) => familyOfText(prefix) === family)
  const merge = spec.installRoutes === true ? "merge paths on limit 64;" : ""
  const toKernel = spec.installRoutes === true ? "export where source = RTS_BGP;" : "export none;"
  return [
    `protocol kernel kernel_${family} { learn yes; scan time 1; ${merge} ${family} { import all; ${toKernel} }; }`,
    `filter in_${family} {`,
    ...(accepted.length === 0
      ? []
      : [`  if !(${accepted.map((prefix) => `bgp_next_hop ~ ${prefix}`).join(" || ")}) then reject;`]),
    ...(spec.refusePrefixes ?? [])
      .filter((prefix) => familyOfText(prefix) === family)
      .map((prefix) => `  if net = ${prefix} then reject;`),
    "  accept;",
    "}",
    ...(mine.length === 0
      ? []
      : [
          `protocol static announce_${family} { ${family}; ${mine.map((one) => `route ${one.prefix} blackhole;`).join(" ")} }`
        ]),
    `filter out_${family} {`,
    ...mine.map((one) => `  if source = RTS_STATIC && net = ${one.prefix} then { ${attributeLines(one)} accept; }`),
    "  reject;",
    "}"
  ]
}

const channelLines = (spec: RouterSpec, neighbor: RouterNeighbor, family: Family): string => {
  const paths = spec.addPath === true ? `add paths ${neighbor.passOn === true ? "on" : "rx"};` : ""
  const out =
    neighbor.passOn === true ? "export where source = RTS_BGP; next hop keep;" : `export filter out_${family};`
  return `  ${family} { import filter in_${family}; ${out} ${paths} };`
}

const neighborLines = (spec: RouterSpec, neighbor: RouterNeighbor, index: number): ReadonlyArray<string> => {
  const hold = spec.holdTime ?? HOLD_TIME
  const port = neighbor.port === undefined ? "" : ` port ${neighbor.port}`
  const local = [neighbor.local, spec.listenPort === undefined ? undefined : `port ${spec.listenPort}`].filter(
    (text) => text !== undefined
  )
  const reach =
    neighbor.ttlSecurityHops !== undefined
      ? `ttl security yes; ${neighbor.ttlSecurityHops > 1 ? `multihop ${neighbor.ttlSecurityHops};` : "direct;"}`
      : wantsMultihop(spec, neighbor)
        ? `multihop ${MULTIHOP_TTL};`
        : neighbor.asn === spec.asn
          ? `multihop ${MULTIHOP_TTL};`
          : "direct;"
  return [
    `protocol bgp n${index} {`,
    `  local ${[...local, `as ${spec.asn}`].join(" ")};`,
    `  neighbor ${neighbor.ip}${port} as ${neighbor.asn};`,
    `  ${reach}`,
    `  hold time ${hold}; ${hold === 0 ? "" : `keepalive time ${Math.max(1, Math.floor(hold / 3))}; `}startup hold time 30;`,
    "  connect delay time 1; connect retry time 1; error wait time 1,2;",
    ...(isPassive(neighbor) ? ["  passive yes;"] : []),
    ...(neighbor.md5 === undefined ? [] : [`  password "${neighbor.md5}";`]),
    ...familiesOf(spec).map((family) => channelLines(spec, neighbor, family)),
    "}"
  ]
}

const configuration = (spec: RouterSpec): string =>
  [
    `router id ${spec.routerId};`,
    "log stderr all;",
    "timeformat protocol iso long ms;",
    "protocol device { scan time 1; }",
    'protocol direct { ipv4; ipv6; interface "-lo", "*"; }',
    ...(["ipv4", "ipv6"] as const).flatMap((family) => tableLines(spec, family)),
    ...spec.neighbors.flatMap((neighbor, index) => neighborLines(spec, neighbor, index)),
    ""
  ].join("\n")

const socketOf = (lab: Lab, spec: RouterSpec): string => join(lab.hostDirectory(spec.host), "bird.ctl")

const start: Make["start"] = async (lab, spec) => {
  const file = join(lab.hostDirectory(spec.host), "bird.conf")
  const socket = socketOf(lab, spec)
  rmSync(socket, { force: true })
  writeFileSync(file, spec.configText ?? configuration(spec))
  const one = lab.spawn(spec.host, "bird", ["bird", "-f", "-c", file, "-s", socket])
  await ready(
    lab,
    one,
    async () => existsSync(socket) && (await show(lab, spec, "show status")).includes("Daemon is up")
  )
  return [one]
}

const show = (lab: Lab, spec: RouterSpec, command: string): Promise<string> =>
  lab.exec(spec.host, ["birdc", "-s", socketOf(lab, spec), ...command.split(" ")])

const CAPABILITIES: ReadonlyArray<readonly [RegExp, string]> = [
  [/^ +AF announced:.*\bipv4\b/m, "ipv4-unicast"],
  [/^ +AF announced:.*\bipv6\b/m, "ipv6-unicast"],
  [/^ +4-octet AS numbers/m, "four-octet-as"],
  [/^ +Route refresh/m, "route-refresh"],
  [/^ +Enhanced refresh/m, "enhanced-route-refresh"],
  [/^ +Graceful restart/m, "graceful-restart"],
  [/^ +Long-lived graceful restart/m, "long-lived-graceful-restart"],
  [/^ +Extended message/m, "extended-message"],
  [/^ +Extended next hop/m, "extended-next-hop"],
  [/^ +ADD-PATH/m, "add-path"],
  [/^ +Hostname/m, "fqdn"],
  [/^ +Role/m, "role"]
]

const sessionOf = (block: string): ReadonlyArray<RouterSession> => {
  if (!/^\S+\s+BGP\s/.test(block)) return []
  const field = (name: string) => new RegExp(`^ +${name}:\\s+(.*)$`, "m").exec(block)?.[1]?.trim()
  const state = stateOf(field("BGP state") ?? "")
  const theirs = block.slice(Math.max(0, block.indexOf("Neighbor capabilities")))
  const since = /^\S+\s+BGP\s+\S+\s+\S+\s+(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})/.exec(block)
  // Local time, of the same zone as ours.
  const sinceMs = since === null ? undefined : Date.parse(`${since[1]}T${since[2]}`)
  const hold = /Hold timer:\s+[\d.]+\/(\d+)/.exec(block)?.[1]
  return [
    {
      neighbor: (field("Neighbor address") ?? "").replace(/%.*/, ""),
      state,
      remoteAsn: Number(field("Neighbor AS") ?? 0),
      ...told("sinceMs", sinceMs),
      ...told("holdTime", hold === undefined ? undefined : Number(hold)),
      capabilities:
        state === "Established"
          ? CAPABILITIES.flatMap(([words, name]) => (words.test(theirs) ? [name] : [])).sort()
          : [],
      ...told("lastError", field("Last error"))
    }
  ]
}

const sessions = async (lab: Lab, spec: RouterSpec): Promise<ReadonlyArray<RouterSession>> =>
  (await show(lab, spec, "show protocols all")).split(/\n(?=\S)/).flatMap(sessionOf)

const routeOf = (
  block: string,
  prefix: string,
  spec: RouterSpec,
  neighbor: RouterNeighbor
): RouterRoute | undefined => {
  const field = (name: string) => new RegExp(`^\\s+BGP\\.${name}: (.*)$`, "m").exec(block)?.[1]?.trim()
  const nextHop = field("next_hop")?.split(" ")[0]
  if (nextHop === undefined) return undefined
  const number = (name: string) => (field(name) === undefined ? undefined : Number(field(name)))
  const tuples = (name: string) =>
    [...(field(name) ?? "").matchAll(/\(([\d, ]+)\)/g)].map((match) => (match[1] ?? "").replace(/, */g, ":"))
  return {
    prefix,
    nextHop,
    asPath: asPathOf(field("as_path") ?? ""),
    neighbor: neighbor.ip,
    ...originOf(field("origin")),
    ...told("med", number("med")),
    ...told("localPref", neighbor.asn === spec.asn ? number("local_pref") : undefined),
    ...toldList("communities", tuples("community")),
    ...toldList("largeCommunities", tuples("large_community"))
  }
}

const routes = async (lab: Lab, spec: RouterSpec): Promise<ReadonlyArray<RouterRoute>> => {
  const tables = await Promise.all(
    spec.neighbors.map(async (neighbor, index) => {
      let prefix = ""
      const text = await show(lab, spec, `show route all protocol ${neighbor.protocol ?? `n${index}`}`)
      return text.split(/\n(?=\S|\s{10,}(?:unicast|unreachable|blackhole) )/).flatMap((block) => {
        const head = /^(\S*)\s+(?:unicast|unreachable|blackhole) \[/.exec(block)
        if (head === null) return []
        if (head[1] !== undefined && head[1] !== "") prefix = head[1]
        const route = routeOf(block, prefix, spec, neighbor)
        return route === undefined ? [] : [route]
      })
    })
  )
  return tables.flat()
}

export const bird: Make = { name: "bird", start, sessions, routes }
