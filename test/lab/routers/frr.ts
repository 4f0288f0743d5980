// FRR: zebra and bgpd, each with a configuration of its own and all sockets in the host's directory. zebra must resolve
// next hops over the default route; sessions start at once (`timers connect 1`); nothing learnt is passed on unless asked.
import { chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
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

const DAEMONS = "/usr/lib/frr"

const neighborLines = (spec: RouterSpec, neighbor: RouterNeighbor): ReadonlyArray<string> => {
  const line = (text: string) => ` neighbor ${neighbor.ip} ${text}`
  return [
    line(`remote-as ${neighbor.asn}`),
    ...(wantsMultihop(spec, neighbor) ? [line(`ebgp-multihop ${MULTIHOP_TTL}`)] : []),
    ...(neighbor.ttlSecurityHops === undefined ? [] : [line(`ttl-security hops ${neighbor.ttlSecurityHops}`)]),
    line("advertisement-interval 0"),
    line("timers connect 1"),
    ...(neighbor.local === undefined ? [] : [line(`update-source ${neighbor.local}`)]),
    ...(neighbor.port === undefined ? [] : [line(`port ${neighbor.port}`)]),
    ...(isPassive(neighbor) ? [line("passive")] : []),
    ...(neighbor.md5 === undefined ? [] : [line(`password ${neighbor.md5}`)])
  ]
}

const familyLines = (spec: RouterSpec, family: "ipv4" | "ipv6"): ReadonlyArray<string> => [
  ` address-family ${family} unicast`,
  ...spec.neighbors.flatMap((neighbor) => {
    const line = (text: string) => `  neighbor ${neighbor.ip} ${text}`
    return [
      line("activate"),
      line("soft-reconfiguration inbound"),
      ...(spec.acceptNextHops === undefined ? [] : [line("route-map IN in")]),
      ...(neighbor.passOn === true ? [line("attribute-unchanged next-hop")] : [line("route-map NONE out")]),
      ...(neighbor.passOn === true && spec.addPath === true ? [line("addpath-tx-all-paths")] : []),
      ...(spec.addPath === true ? [] : [line("disable-addpath-rx")])
    ]
  }),
  "  maximum-paths 64",
  " exit-address-family"
]

const acceptLines = (spec: RouterSpec): ReadonlyArray<string> =>
  spec.acceptNextHops === undefined
    ? []
    : [
        ...spec.acceptNextHops.map((prefix, index) => {
          const [word, bits] = familyOfText(prefix) === "ipv6" ? ["ipv6", 128] : ["ip", 32]
          return `${word} prefix-list NH seq ${index + 1} permit ${prefix} le ${bits}`
        }),
        "route-map IN permit 10",
        " match ip next-hop prefix-list NH",
        "route-map IN permit 20",
        " match ipv6 next-hop prefix-list NH",
        " set ipv6 next-hop prefer-global",
        "exit"
      ]

const configuration = (spec: RouterSpec): string => {
  const hold = spec.holdTime ?? HOLD_TIME
  return [
    `hostname ${spec.host}`,
    "log timestamp precision 3",
    "debug bgp neighbor-events",
    ...acceptLines(spec),
    "route-map NONE deny 10",
    `router bgp ${spec.asn}`,
    ` bgp router-id ${spec.routerId}`,
    " no bgp ebgp-requires-policy",
    " no bgp default ipv4-unicast",
    " bgp bestpath as-path multipath-relax",
    ` timers bgp ${Math.max(1, Math.floor(hold / 3))} ${hold}`,
    ...spec.neighbors.flatMap((neighbor) => neighborLines(spec, neighbor)),
    ...familiesOf(spec).flatMap((family) => familyLines(spec, family)),
    "exit",
    ""
  ].join("\n")
}

const directoryOf = (lab: Lab, spec: RouterSpec): string => join(lab.hostDirectory(spec.host), "frr")

const start: Make["start"] = async (lab, spec) => {
  const directory = directoryOf(lab, spec)
  mkdirSync(directory, { recursive: true })
  const [uid, gid] = (await lab.exec(spec.host, ["sh", "-c", "id -u frr; id -g frr"])).trim().split("\n").map(Number)
  if (uid === undefined || gid === undefined) throw new Error("no user frr")
  chownSync(directory, uid, gid)
  writeFileSync(
    join(directory, "zebra.conf"),
    `hostname ${spec.host}\nip nht resolve-via-default\nipv6 nht resolve-via-default\n`
  )
  writeFileSync(join(directory, "bgpd.conf"), spec.configText === undefined ? configuration(spec) : "")
  const launch = async (daemon: "zebra" | "bgpd", socket: string, extra: ReadonlyArray<string>) => {
    const common = ["-z", join(directory, "zserv.api"), "--vty_socket", directory, "--log", "stdout", "-P", "0"]
    const own = ["-i", join(directory, `${daemon}.pid`), "-f", join(directory, `${daemon}.conf`)]
    const one = lab.spawn(spec.host, daemon, [`${DAEMONS}/${daemon}`, ...common, ...own, ...extra])
    await ready(lab, one, () => existsSync(join(directory, socket)))
    return one
  }
  await lab.exec(spec.host, [
    "rm",
    "-f",
    join(directory, "zserv.api"),
    join(directory, "zebra.vty"),
    join(directory, "bgpd.vty")
  ])
  const zebra = await launch("zebra", "zserv.api", [])
  const port = spec.listenPort === undefined ? [] : ["-p", String(spec.listenPort)]
  const bgpd = await launch("bgpd", "bgpd.vty", [...port, ...(spec.installRoutes === true ? [] : ["-n"])])
  await ready(lab, bgpd, async () => (await show(lab, spec, "show bgp neighbors json")) !== undefined)
  if (spec.configText !== undefined) await integrated(lab, spec, spec.configText)
  return [zebra, bgpd]
}

/** One text for both daemons, as /etc/frr/frr.conf is: vtysh takes it apart. */
const integrated = async (lab: Lab, spec: RouterSpec, text: string): Promise<void> => {
  const file = join(directoryOf(lab, spec), "frr.conf")
  writeFileSync(file, text)
  await lab.exec(spec.host, ["vtysh", "--vty_socket", directoryOf(lab, spec), "-f", file])
}

const show = async (lab: Lab, spec: RouterSpec, command: string): Promise<unknown> => {
  const text = await lab.exec(spec.host, ["vtysh", "--vty_socket", directoryOf(lab, spec), "-c", command])
  return text.trim() === "" ? {} : JSON.parse(text)
}

interface Neighbor {
  readonly remoteAs: number
  readonly bgpState: string
  readonly bgpTimerHoldTimeMsecs?: number
  readonly connectionsEstablished?: number
  readonly neighborCapabilities?: Readonly<Record<string, unknown>>
  readonly lastResetDueTo?: string
  readonly lastNotificationReason?: string
}

const CAPABILITIES: ReadonlyArray<readonly [string, string]> = [
  ["4byteAs", "four-octet-as"],
  ["extendedMessage", "extended-message"],
  ["routeRefresh", "route-refresh"],
  ["enhancedRouteRefresh", "enhanced-route-refresh"],
  ["gracefulRestartCapability", "graceful-restart"],
  ["gracefulRestart", "graceful-restart"],
  ["longLivedGracefulRestart", "long-lived-graceful-restart"],
  ["role", "role"]
]

const isReceived = (value: unknown): boolean => /received/i.test(JSON.stringify(value ?? ""))

const capabilitiesOf = (all: Readonly<Record<string, unknown>>): ReadonlyArray<string> => {
  const families = (all.multiprotocolExtensions ?? {}) as Record<string, Record<string, boolean>>
  const named = CAPABILITIES.filter(([key]) => isReceived(all[key])).map(([, name]) => name)
  const family = (key: string, name: string) =>
    families[key]?.received === true || families[key]?.advertisedAndReceived === true ? [name] : []
  const addPath = Object.values((all.addPath ?? {}) as Record<string, Record<string, boolean>>)
  const host = (all.hostName ?? {}) as Record<string, string>
  return [
    ...new Set([
      ...named,
      ...family("ipv4Unicast", "ipv4-unicast"),
      ...family("ipv6Unicast", "ipv6-unicast"),
      ...(isReceived(all.extendedNexthop) ? ["extended-next-hop"] : []),
      ...(addPath.some((one) => Object.keys(one).some((key) => /received$/i.test(key) && one[key]))
        ? ["add-path"]
        : []),
      ...(host.rcvHostName !== undefined && host.rcvHostName !== "n/a" ? ["fqdn"] : [])
    ])
  ].sort()
}

const sessions = async (lab: Lab, spec: RouterSpec): Promise<ReadonlyArray<RouterSession>> => {
  const all = (await show(lab, spec, "show bgp neighbors json")) as Record<string, Neighbor | string>
  return Object.entries(all).flatMap(([ip, one]): ReadonlyArray<RouterSession> => {
    if (typeof one === "string" || one.bgpState === undefined) return []
    const up = one.bgpState === "Established"
    const reasons = [one.lastResetDueTo, one.lastNotificationReason].filter((text) => text !== undefined)
    return [
      {
        neighbor: ip,
        state: stateOf(one.bgpState),
        remoteAsn: one.remoteAs,
        ...told("incarnation", up ? one.connectionsEstablished : undefined),
        ...told("holdTime", up ? (one.bgpTimerHoldTimeMsecs ?? 0) / 1000 : undefined),
        capabilities: up ? capabilitiesOf(one.neighborCapabilities ?? {}) : [],
        ...told("lastError", reasons.length === 0 ? undefined : reasons.join(": "))
      }
    ]
  })
}

interface Path {
  readonly peer?: { readonly peerId?: string; readonly type?: string }
  readonly nexthops?: ReadonlyArray<{ readonly ip: string; readonly scope?: string }>
  readonly addpathRxId?: number
  readonly aspath?: { readonly string?: string }
  readonly origin?: string
  readonly metric?: number
  readonly locPrf?: number
  readonly community?: { readonly list?: ReadonlyArray<string> }
  readonly largeCommunity?: { readonly list?: ReadonlyArray<string> }
}

const routeOf = (prefix: string, path: Path): ReadonlyArray<RouterRoute> => {
  const neighbor = path.peer?.peerId
  const hop = path.nexthops?.find((one) => one.scope !== "link-local") ?? path.nexthops?.[0]
  if (neighbor === undefined || neighbor === "0.0.0.0" || neighbor === "::" || hop === undefined) return []
  return [
    {
      prefix,
      nextHop: hop.ip,
      asPath: asPathOf(path.aspath?.string ?? ""),
      neighbor,
      ...originOf(path.origin),
      ...told("pathId", path.addpathRxId === 0 ? undefined : path.addpathRxId),
      ...told("med", path.metric),
      ...told("localPref", path.locPrf),
      ...toldList("communities", path.community?.list),
      ...toldList("largeCommunities", path.largeCommunity?.list)
    }
  ]
}

const routes = async (lab: Lab, spec: RouterSpec): Promise<ReadonlyArray<RouterRoute>> => {
  const tables = await Promise.all(
    familiesOf(spec).map((family) => show(lab, spec, `show bgp ${family} unicast json detail`))
  )
  return tables.flatMap((table) => {
    const all =
      (table as { routes?: Record<string, ReadonlyArray<Path> | { paths?: ReadonlyArray<Path> }> }).routes ?? {}
    return Object.entries(all).flatMap(([prefix, entry]) => {
      const paths: ReadonlyArray<Path> = "length" in entry ? entry : (entry.paths ?? [])
      return paths.flatMap((path) => routeOf(prefix, path))
    })
  })
}

export const frr: Make = { name: "frr", start, sessions, routes }
