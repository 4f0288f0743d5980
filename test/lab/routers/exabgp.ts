// ExaBGP 4.2: a speaker without a table. It writes one JSON object per event to a helper process (here: cat into a
// file), and sessions and routes are what these events add up to, so asking reads that file. A passive neighbor makes it
// listen on the host's own address. Its "negotiated" event fails where ADD-PATH send was agreed: it is not asked for then,
// and the session has no hold time to tell.
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Lab } from "../Lab.ts"
import {
  familiesOf,
  familyOfText,
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
  told,
  toldList,
  wantsMultihop
} from "./Router.ts"

const eventsOf = (lab: Lab, spec: RouterSpec): string => join(lab.hostDirectory(spec.host), "exabgp.jsonl")

const localOf = (lab: Lab, spec: RouterSpec, neighbor: RouterNeighbor): string =>
  neighbor.local ?? lab.address(spec.host, familyOfText(neighbor.ip))

const pathsOf = (spec: RouterSpec): string =>
  spec.sendPaths === true ? "send" : spec.addPath === true ? "receive" : "disable"

const dotted = (id: number): string => [24, 16, 8, 0].map((bits) => (id >>> bits) & 255).join(".")

const neighborLines = (lab: Lab, spec: RouterSpec, neighbor: RouterNeighbor): ReadonlyArray<string> => [
  `neighbor ${neighbor.ip} {`,
  `  local-as ${spec.asn}; peer-as ${neighbor.asn}; router-id ${spec.routerId};`,
  `  local-address ${localOf(lab, spec, neighbor)}; hold-time ${spec.holdTime ?? HOLD_TIME};`,
  ...(wantsMultihop(spec, neighbor) ? [`  outgoing-ttl ${MULTIHOP_TTL};`] : []),
  ...(neighbor.ttlSecurityHops === undefined
    ? []
    : ["  outgoing-ttl 255;", `  incoming-ttl ${256 - neighbor.ttlSecurityHops};`]),
  ...(isPassive(neighbor) ? ["  passive true;", "  listen 179;"] : []),
  ...(neighbor.port === undefined ? [] : [`  connect ${neighbor.port};`]),
  ...(neighbor.md5 === undefined ? [] : [`  md5-password '${neighbor.md5}';`]),
  `  capability { asn4 enable; route-refresh enable; graceful-restart ${spec.gracefulRestartTime ?? "disable"}; add-path ${pathsOf(spec)}; }`,
  `  family { ${familiesOf(spec)
    .map((family) => `${family} unicast;`)
    .join(" ")} }`,
  `  api { processes [ events ]; neighbor-changes; ${spec.sendPaths === true ? "" : "negotiated; "}receive { parsed; update; open; notification; } }`,
  "  static {",
  ...(spec.announce ?? []).map((one) => {
    const med = one.med === undefined ? "" : ` med ${one.med}`
    const communities = one.communities === undefined ? "" : ` community [ ${one.communities.join(" ")} ]`
    const path = one.pathId === undefined ? "" : ` path-information ${dotted(one.pathId)}`
    return `    route ${one.prefix}${path} next-hop ${one.nextHop ?? "self"}${med}${communities};`
  }),
  "  }",
  "}"
]

const start: Make["start"] = async (lab, spec) => {
  const directory = lab.hostDirectory(spec.host)
  const file = join(directory, "exabgp.conf")
  const events = eventsOf(lab, spec)
  const writer = join(directory, "exabgp-events.sh")
  writeFileSync(events, "")
  writeFileSync(
    writer,
    `#!/bin/sh\n# The daemon takes a closed stdout for a death, so this shell stays and keeps it.\ncat >> '${events}'\n`
  )
  chmodSync(writer, 0o755)
  const process = `process events { run ${writer}; encoder json; }`
  writeFileSync(
    file,
    [process, ...spec.neighbors.flatMap((neighbor) => neighborLines(lab, spec, neighbor)), ""].join("\n")
  )
  const env = {
    "exabgp.daemon.drop": "false",
    "exabgp.daemon.user": "root",
    "exabgp.log.destination": "stderr",
    "exabgp.api.cli": "false",
    "exabgp.api.ack": "false"
  }
  const one = lab.spawn(spec.host, "exabgp", ["exabgp", file], env)
  const listens = async () => (await lab.exec(spec.host, ["ss", "-Hltn", "sport = :179"])).trim() !== ""
  const waits = spec.neighbors.some(isPassive) ? listens : async () => one.log().includes("loaded new configuration")
  await ready(lab, one, async () => existsSync(events) && (await waits()))
  return [one]
}

interface Nlri {
  readonly nlri?: string
  readonly "path-information"?: string
}

interface Event {
  readonly type: string
  readonly neighbor: {
    readonly address: { readonly peer: string }
    readonly state?: string
    readonly reason?: string
    readonly open?: {
      readonly capabilities?: Readonly<Record<string, { readonly name: string; readonly families?: unknown }>>
    }
    readonly negotiated?: { readonly hold_time: number }
    readonly notification?: { readonly code: number; readonly subcode: number; readonly message?: string }
    readonly message?: {
      readonly update?: {
        readonly attribute?: Readonly<Record<string, unknown>>
        readonly announce?: Readonly<Record<string, Readonly<Record<string, ReadonlyArray<Nlri>>>>>
        readonly withdraw?: Readonly<Record<string, ReadonlyArray<Nlri>>>
      }
    }
  }
}

const parse = (line: string): ReadonlyArray<Event> => {
  try {
    return [JSON.parse(line) as Event]
  } catch (error) {
    if (error instanceof SyntaxError) return [] // the line that is being written right now
    throw error
  }
}

const history = (lab: Lab, spec: RouterSpec): ReadonlyArray<Event> =>
  readFileSync(eventsOf(lab, spec), "utf8").split("\n").filter(Boolean).flatMap(parse)

const NAMES: Readonly<Record<string, string>> = {
  "2": "route-refresh",
  "5": "extended-next-hop",
  "6": "extended-message",
  "9": "role",
  "64": "graceful-restart",
  "65": "four-octet-as",
  "69": "add-path",
  "70": "enhanced-route-refresh",
  "71": "long-lived-graceful-restart",
  "73": "fqdn"
}

const capabilitiesOf = (open: Event["neighbor"]["open"]): ReadonlyArray<string> =>
  Object.entries(open?.capabilities ?? {})
    .flatMap(([code, one]) =>
      code === "1"
        ? [one.families].flat().map((family) => String(family).replace(/[ /]/, "-"))
        : NAMES[code] === undefined
          ? []
          : [NAMES[code]]
    )
    .sort()

type Mutable = { -readonly [K in keyof RouterSession]: RouterSession[K] }

const apply = (session: Mutable, { type, neighbor }: Event): void => {
  if (type === "open" && neighbor.open !== undefined) session.capabilities = capabilitiesOf(neighbor.open)
  if (type === "negotiated" && neighbor.negotiated !== undefined) session.holdTime = neighbor.negotiated.hold_time
  if (type === "notification") session.lastError = JSON.stringify(neighbor.notification)
  if (type !== "state") return
  if (neighbor.state === "up") session.state = "Established"
  else if (neighbor.state === "connected") session.state = "OpenSent"
  else {
    session.state = "Idle"
    session.capabilities = []
    delete session.holdTime
    if (neighbor.reason !== undefined) session.lastError = neighbor.reason
  }
}

const sessions = async (lab: Lab, spec: RouterSpec): Promise<ReadonlyArray<RouterSession>> => {
  const all = new Map<string, Mutable>(
    spec.neighbors.map(({ ip, asn }) => [ip, { neighbor: ip, state: "Idle", remoteAsn: asn, capabilities: [] }])
  )
  for (const event of history(lab, spec)) {
    const session = all.get(event.neighbor?.address?.peer)
    if (session !== undefined) apply(session, event)
  }
  return [...all.values()]
}

const pathIdOf = (one: Nlri): number | undefined =>
  one["path-information"]?.split(".").reduce((id, octet) => id * 256 + Number(octet), 0)

const list = (value: unknown): ReadonlyArray<string> | undefined =>
  Array.isArray(value) ? value.map((one) => (Array.isArray(one) ? one.join(":") : String(one))) : undefined

const routeOf = (
  neighbor: string,
  nextHop: string,
  one: Nlri,
  attributes: Readonly<Record<string, unknown>>
): RouterRoute => {
  const number = (name: string) => (typeof attributes[name] === "number" ? attributes[name] : undefined)
  const path = attributes["as-path"]
  return {
    prefix: one.nlri ?? "",
    nextHop,
    asPath: Array.isArray(path) ? path.map(Number) : [],
    neighbor,
    ...originOf(String(attributes.origin)),
    ...told("pathId", pathIdOf(one)),
    ...told("med", number("med")),
    ...told("localPref", number("local-preference")),
    ...toldList("communities", list(attributes.community)),
    ...toldList("largeCommunities", list(attributes["large-community"]))
  }
}

const routes = async (lab: Lab, spec: RouterSpec): Promise<ReadonlyArray<RouterRoute>> => {
  const table = new Map<string, RouterRoute>()
  for (const { type, neighbor } of history(lab, spec)) {
    const peer = neighbor?.address?.peer
    if (type === "state" && neighbor.state === "down") {
      for (const [key, route] of table) if (route.neighbor === peer) table.delete(key)
    }
    const update = neighbor?.message?.update
    const keyOf = (one: Nlri) => `${peer} ${one.nlri} ${pathIdOf(one) ?? ""}`
    for (const one of Object.values(update?.withdraw ?? {}).flat()) table.delete(keyOf(one))
    for (const [nextHop, list] of Object.values(update?.announce ?? {}).flatMap(Object.entries)) {
      for (const one of list as ReadonlyArray<Nlri>) {
        if (one.nlri !== undefined) table.set(keyOf(one), routeOf(peer, nextHop, one, update?.attribute ?? {}))
      }
    }
  }
  return [...table.values()]
}

export const exabgp: Make = { name: "exabgp", start, sessions, routes }
