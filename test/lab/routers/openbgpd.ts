// OpenBGPD 7.7 (portable): three processes under one; state as JSON over bgpctl. It never touches the kernel's table here
// (`fib-update no`). After a refused connection it waits half a minute, so let it wait for the other end instead.
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Lab } from "../Lab.ts"
import {
  asPathOf,
  familiesOf,
  HOLD_TIME,
  isPassive,
  type Make,
  MULTIHOP_TTL,
  originOf,
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

const neighborLines = (spec: RouterSpec, neighbor: RouterNeighbor): ReadonlyArray<string> => [
  `neighbor ${neighbor.ip} {`,
  `  remote-as ${neighbor.asn}`,
  ...(wantsMultihop(spec, neighbor) ? [`  multihop ${MULTIHOP_TTL}`] : []),
  ...(neighbor.ttlSecurityHops === undefined ? [] : ["  ttl-security yes"]),
  ...(neighbor.local === undefined ? [] : [`  local-address ${neighbor.local}`]),
  ...(neighbor.port === undefined ? [] : [`  port ${neighbor.port}`]),
  ...(isPassive(neighbor) ? ["  passive"] : []),
  ...(neighbor.md5 === undefined ? [] : [`  tcp md5sig password "${neighbor.md5}"`]),
  ...familiesOf(spec).map((family) => `  announce ${family === "ipv4" ? "IPv4" : "IPv6"} unicast`),
  ...(spec.addPath === true ? ["  announce add-path recv yes"] : []),
  "}"
]

const socketOf = (lab: Lab, spec: RouterSpec): string => join(lab.hostDirectory(spec.host), "openbgpd.sock")

const configuration = (lab: Lab, spec: RouterSpec): string =>
  [
    `AS ${spec.asn}`,
    `router-id ${spec.routerId}`,
    "fib-update no",
    `holdtime ${spec.holdTime ?? HOLD_TIME}`,
    "holdtime min 3",
    `socket "${socketOf(lab, spec)}"`,
    ...spec.neighbors.flatMap((neighbor) => neighborLines(spec, neighbor)),
    "allow from any",
    "deny to any",
    ""
  ].join("\n")

const start: Make["start"] = async (lab, spec) => {
  const file = join(lab.hostDirectory(spec.host), "openbgpd.conf")
  const socket = socketOf(lab, spec)
  rmSync(socket, { force: true })
  mkdirSync("/run/openbgpd", { recursive: true }) // its privilege separation directory, made by the package's service otherwise
  const text = spec.configText === undefined ? configuration(lab, spec) : `${spec.configText}\nsocket "${socket}"\n`
  writeFileSync(file, text, { mode: 0o600 })
  const one = lab.spawn(spec.host, "openbgpd", ["bgpd", "-d", "-f", file])
  await ready(lab, one, async () => existsSync(socket) && (await show(lab, spec, ["show", "neighbor"])) !== undefined)
  return [one]
}

const show = async (lab: Lab, spec: RouterSpec, words: ReadonlyArray<string>): Promise<unknown> =>
  JSON.parse((await lab.exec(spec.host, ["bgpctl", "-j", "-s", socketOf(lab, spec), ...words])) || "{}")

interface Neighbor {
  readonly remote_addr: string
  readonly remote_as: string
  readonly state: string
  readonly last_error?: string
  readonly last_error_received?: string
  readonly last_error_sent?: string
  readonly session?: {
    readonly holdtime?: number
    readonly remote?: { readonly capabilities?: Capabilities }
  }
}

interface Capabilities {
  readonly multiprotocol?: ReadonlyArray<string>
  readonly as4byte?: boolean
  readonly refresh?: boolean
  readonly enhanced_refresh?: boolean
  readonly graceful_restart?: unknown
  readonly "add-path"?: unknown
}

const capabilitiesOf = (all: Capabilities): ReadonlyArray<string> =>
  [
    ...(all.multiprotocol ?? []).map((family) => family.toLowerCase().replace(" ", "-")),
    ...(all.as4byte ? ["four-octet-as"] : []),
    ...(all.refresh ? ["route-refresh"] : []),
    ...(all.enhanced_refresh ? ["enhanced-route-refresh"] : []),
    ...(all.graceful_restart ? ["graceful-restart"] : []),
    ...(all["add-path"] ? ["add-path"] : [])
  ].sort()

const sessions = async (lab: Lab, spec: RouterSpec): Promise<ReadonlyArray<RouterSession>> => {
  const { neighbors = [] } = (await show(lab, spec, ["show", "neighbor"])) as { neighbors?: ReadonlyArray<Neighbor> }
  return neighbors.map((one) => {
    const up = one.state.toLowerCase() === "established"
    return {
      neighbor: one.remote_addr,
      state: stateOf(one.state),
      remoteAsn: Number(one.remote_as),
      ...told("holdTime", up ? one.session?.holdtime : undefined),
      capabilities: up ? capabilitiesOf(one.session?.remote?.capabilities ?? {}) : [],
      ...told("lastError", one.last_error_sent ?? one.last_error_received ?? one.last_error)
    }
  })
}

interface Path {
  readonly prefix: string
  readonly neighbor?: { readonly remote_addr?: string }
  readonly exit_nexthop?: string
  readonly path_id?: number
  readonly aspath?: string
  readonly origin?: string
  readonly metric?: number
  readonly localpref?: number
  readonly communities?: ReadonlyArray<string>
  readonly large_communities?: ReadonlyArray<string>
}

const routeOf = (spec: RouterSpec, path: Path): ReadonlyArray<RouterRoute> => {
  const neighbor = path.neighbor?.remote_addr
  if (neighbor === undefined || path.exit_nexthop === undefined) return []
  const internal = spec.neighbors.some((one) => one.ip === neighbor && one.asn === spec.asn)
  return [
    {
      prefix: path.prefix,
      nextHop: path.exit_nexthop,
      asPath: asPathOf(path.aspath ?? ""),
      neighbor,
      ...originOf(path.origin),
      ...told("pathId", path.path_id),
      ...told("med", path.metric === 0 ? undefined : path.metric),
      ...told("localPref", internal ? path.localpref : undefined),
      ...toldList("communities", path.communities),
      ...toldList("largeCommunities", path.large_communities)
    }
  ]
}

const routes = async (lab: Lab, spec: RouterSpec): Promise<ReadonlyArray<RouterRoute>> => {
  const { rib = [] } = (await show(lab, spec, ["show", "rib", "in", "detail"])) as { rib?: ReadonlyArray<Path> }
  return rib.flatMap((path) => routeOf(spec, path))
}

export const openbgpd: Make = { name: "openbgpd", start, sessions, routes }
