// GoBGP 3: one process, configured by TOML, asked through its command-line client (JSON, and a table for path identifiers;
// capabilities arrive as base64 protobuf, of which only the type names and the family are read). Its own announcements are added after the start. It
// waits about 7 s before its first connect: let it wait for the other end.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Lab } from "../Lab.ts"
import {
  familiesOf,
  familyOfText,
  HOLD_TIME,
  isPassive,
  type Make,
  MULTIHOP_TTL,
  type RouterNeighbor,
  type RouterRoute,
  type RouterSession,
  type RouterSpec,
  ready,
  type SessionState,
  told,
  toldList,
  wantsMultihop
} from "./Router.ts"

const API_PORT = "50051"

const neighborLines = (spec: RouterSpec, neighbor: RouterNeighbor): ReadonlyArray<string> => {
  const hold = spec.holdTime ?? HOLD_TIME
  return [
    "[[neighbors]]",
    "  [neighbors.config]",
    `    neighbor-address = "${neighbor.ip}"`,
    `    peer-as = ${neighbor.asn}`,
    ...(neighbor.md5 === undefined ? [] : [`    auth-password = "${neighbor.md5}"`]),
    "  [neighbors.transport.config]",
    `    passive-mode = ${isPassive(neighbor)}`,
    ...(neighbor.local === undefined ? [] : [`    local-address = "${neighbor.local}"`]),
    ...(neighbor.port === undefined ? [] : [`    remote-port = ${neighbor.port}`]),
    "  [neighbors.timers.config]",
    "    connect-retry = 1",
    `    hold-time = ${hold}`,
    `    keepalive-interval = ${Math.max(1, Math.floor(hold / 3))}`,
    ...(wantsMultihop(spec, neighbor)
      ? ["  [neighbors.ebgp-multihop.config]", "    enabled = true", `    multihop-ttl = ${MULTIHOP_TTL}`]
      : []),
    ...(neighbor.ttlSecurityHops === undefined
      ? []
      : ["  [neighbors.ttl-security.config]", "    enabled = true", `    ttl-min = ${256 - neighbor.ttlSecurityHops}`]),
    ...(spec.gracefulRestart === true
      ? ["  [neighbors.graceful-restart.config]", "    enabled = true", "    notification-enabled = true"]
      : []),
    ...familiesOf(spec).flatMap((family) => [
      "  [[neighbors.afi-safis]]",
      "    [neighbors.afi-safis.config]",
      `      afi-safi-name = "${family}-unicast"`,
      ...(spec.addPath === true ? ["    [neighbors.afi-safis.add-paths.config]", "      receive = true"] : [])
    ])
  ]
}

const configuration = (spec: RouterSpec): string =>
  [
    "[global.config]",
    `  as = ${spec.asn}`,
    `  router-id = "${spec.routerId}"`,
    ...(spec.announce === undefined
      ? ["[global.apply-policy.config]", '  default-export-policy = "reject-route"']
      : []),
    ...spec.neighbors.flatMap((neighbor) => neighborLines(spec, neighbor)),
    ""
  ].join("\n")

const ask = (lab: Lab, spec: RouterSpec, words: ReadonlyArray<string>): Promise<string> =>
  lab.exec(spec.host, ["gobgp", "-u", "127.0.0.1", "-p", API_PORT, ...words])

const start: Make["start"] = async (lab, spec) => {
  const file = join(lab.hostDirectory(spec.host), "gobgp.toml")
  writeFileSync(file, spec.configText ?? configuration(spec))
  const api = ["--api-hosts", `127.0.0.1:${API_PORT}`, "--pprof-disable"]
  const one = lab.spawn(spec.host, "gobgp", ["gobgpd", "-f", file, "-p", "-l", "info", ...api])
  await ready(lab, one, async () => {
    if (!(await ask(lab, spec, ["global"])).includes("AS:")) return false
    const neighbors: ReadonlyArray<unknown> = JSON.parse(await ask(lab, spec, ["neighbor", "-j"]))
    return neighbors.length === spec.neighbors.length
  })
  for (const route of spec.announce ?? []) {
    await ask(lab, spec, [
      ...["global", "rib", "add", "-a", familyOfText(route.prefix), route.prefix],
      ...(route.nextHop === undefined ? [] : ["nexthop", route.nextHop]),
      ...(route.med === undefined ? [] : ["med", String(route.med)]),
      ...(route.communities === undefined ? [] : ["community", route.communities.join(",")])
    ])
  }
  return [one]
}

const STATES: ReadonlyArray<SessionState> = [
  "Idle",
  "Idle",
  "Connect",
  "Active",
  "OpenSent",
  "OpenConfirm",
  "Established"
]

const CAPABILITIES: Readonly<Record<string, string>> = {
  FourOctetASNCapability: "four-octet-as",
  RouteRefreshCapability: "route-refresh",
  EnhancedRouteRefreshCapability: "enhanced-route-refresh",
  GracefulRestartCapability: "graceful-restart",
  LongLivedGracefulRestartCapability: "long-lived-graceful-restart",
  ExtendedNexthopCapability: "extended-next-hop",
  AddPathCapability: "add-path",
  FqdnCapability: "fqdn"
}

interface Capability {
  readonly type_url: string
  readonly value?: string
}

const capabilityOf = ({ type_url, value = "" }: Capability): ReadonlyArray<string> => {
  const type = type_url.slice(type_url.lastIndexOf(".") + 1)
  // MultiProtocolCapability { family = 1 { afi = 1; safi = 2 } }: the AFI is the fourth octet, 1 or 2.
  if (type === "MultiProtocolCapability")
    return [Uint8Array.fromBase64(value)[3] === 2 ? "ipv6-unicast" : "ipv4-unicast"]
  // The client knows no name for the extended message: code 6 arrives as unknown.
  if (type === "UnknownCapability") return Uint8Array.fromBase64(value)[1] === 6 ? ["extended-message"] : []
  return CAPABILITIES[type] === undefined ? [] : [CAPABILITIES[type]]
}

interface Neighbor {
  readonly conf: { readonly neighbor_address: string; readonly peer_asn: number }
  readonly state: { readonly session_state?: number; readonly remote_cap?: ReadonlyArray<Capability> }
  readonly timers?: {
    readonly state?: { readonly negotiated_hold_time?: number; readonly uptime?: { readonly seconds?: number } }
  }
}

const neighborsOf = async (lab: Lab, spec: RouterSpec): Promise<ReadonlyArray<Neighbor>> =>
  JSON.parse(await ask(lab, spec, ["neighbor", "-j"]))

const sessions = async (lab: Lab, spec: RouterSpec): Promise<ReadonlyArray<RouterSession>> =>
  (await neighborsOf(lab, spec)).map(({ conf, state, timers }) => {
    const word = STATES[state.session_state ?? 0] ?? "Idle"
    const up = word === "Established"
    return {
      neighbor: conf.neighbor_address,
      state: word,
      remoteAsn: conf.peer_asn,
      ...told("incarnation", up ? timers?.state?.uptime?.seconds : undefined),
      ...told("holdTime", up ? timers?.state?.negotiated_hold_time : undefined),
      capabilities: up ? (state.remote_cap ?? []).flatMap(capabilityOf).sort() : []
    }
  })

interface Attribute {
  readonly type: number
  readonly value?: unknown
  readonly nexthop?: string
  readonly metric?: number
  readonly as_paths?: ReadonlyArray<{ readonly asns: ReadonlyArray<number> }>
  readonly communities?: ReadonlyArray<number>
}

const ORIGINS = ["igp", "egp", "incomplete"] as const

const routeOf = (prefix: string, neighbor: string, attributes: ReadonlyArray<Attribute>): RouterRoute => {
  const of = (type: number) => attributes.find((one) => one.type === type)
  const large = of(32)?.value as ReadonlyArray<{ ASN: number; LocalData1: number; LocalData2: number }> | undefined
  const origin = of(1)?.value
  return {
    prefix,
    nextHop: of(14)?.nexthop ?? of(3)?.nexthop ?? "",
    asPath: (of(2)?.as_paths ?? []).flatMap((segment) => segment.asns),
    neighbor,
    ...told("origin", typeof origin === "number" ? ORIGINS[origin] : "igp"),
    ...told("med", of(4)?.metric),
    ...told("localPref", of(5)?.value as number | undefined),
    ...toldList(
      "communities",
      of(8)?.communities?.map((value) => `${value >>> 16}:${value & 0xffff}`)
    ),
    ...toldList(
      "largeCommunities",
      large?.map((one) => `${one.ASN}:${one.LocalData1}:${one.LocalData2}`)
    )
  }
}

/** Path identifiers by prefix, in the order of the paths: the JSON form leaves them out, the printed table has them. */
const pathIds = async (lab: Lab, spec: RouterSpec, neighbor: string, family: string) => {
  const text = await ask(lab, spec, ["neighbor", neighbor, "adj-in", "-a", family])
  const ids = new Map<string, Array<number>>()
  for (const [, id, prefix = ""] of text.matchAll(/^\s+(?:\S+\s+)?(\d+)\s+(\S+\/\d+)\s/gm))
    ids.set(prefix, [...(ids.get(prefix) ?? []), Number(id)])
  return ids
}

const routes = async (lab: Lab, spec: RouterSpec): Promise<ReadonlyArray<RouterRoute>> => {
  // With graceful restart there are routes of a neighbor that is away.
  const telling = (await neighborsOf(lab, spec)).filter(
    (one) => spec.gracefulRestart === true || one.state.session_state === 6
  )
  const tables = await Promise.all(
    telling.flatMap(({ conf }) =>
      familiesOf(spec).map(async (family) => {
        const answer = await lab.tryExec(spec.host, [
          ...["gobgp", "-u", "127.0.0.1", "-p", API_PORT],
          ...["neighbor", conf.neighbor_address, "adj-in", "-a", family, "-j"]
        ])
        // A family that the session did not agree on is an error of the client's, "Network not in table" a text.
        if (!answer.stdout.startsWith("{")) return []
        const table: Record<string, ReadonlyArray<{ readonly attrs: ReadonlyArray<Attribute> }>> = JSON.parse(
          answer.stdout
        )
        const ids = spec.addPath === true ? await pathIds(lab, spec, conf.neighbor_address, family) : undefined
        return Object.entries(table).flatMap(([prefix, paths]) =>
          paths.map((path, index) => ({
            ...routeOf(prefix, conf.neighbor_address, path.attrs),
            ...told("pathId", ids?.get(prefix)?.[index])
          }))
        )
      })
    )
  )
  return tables.flat()
}

export const gobgp: Make = { name: "gobgp", start, sessions, routes }
