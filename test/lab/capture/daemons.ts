// The five routers as they are set up for a capture: all that they can say is turned on, more than the lab's tests need,
// so each has a configuration of its own here. A daemon is asked only to start, to ask for routes again, to withdraw what
// is its own and to shut the session down with a few words.
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Lab } from "../Lab.ts"
import type { Background } from "../process.ts"
import type { MakeName } from "../routers/index.ts"
import { ready } from "../routers/Router.ts"

export const ROUTER_ASN = 65010
const REASON = "maintenance until 18:00"

export interface Setup {
  /** The session's other end and its AS number. */
  readonly peer: string
  readonly peerAsn: number
  /** Neighbors that routes come from. */
  readonly feeds: ReadonlyArray<{ readonly ip: string; readonly asn: number }>
  /** Every capability, both families; otherwise IPv4 and what is on by itself. */
  readonly full: boolean
}

export interface Daemon {
  readonly process: Background
  /** Commands by what they make the router send; absent where it cannot. */
  readonly refresh?: () => Promise<unknown>
  readonly withdraw?: () => Promise<unknown>
  readonly shutdown?: () => Promise<unknown>
  readonly reset?: () => Promise<unknown>
}

type Start = (lab: Lab, setup: Setup) => Promise<Daemon>

const HOST = "router"
const ID = "10.0.1.254"
const internal = (setup: Setup): boolean => setup.peerAsn === ROUTER_ASN

const frrConfiguration = (setup: Setup): string => {
  const all = [...setup.feeds, { ip: setup.peer, asn: setup.peerAsn }]
  const each = (line: (ip: string) => string) => all.map(({ ip }) => line(ip))
  const toPeer = setup.full && !internal(setup) ? [` neighbor ${setup.peer} local-role provider`] : []
  const family = (name: "ipv4" | "ipv6", own: ReadonlyArray<string>) => [
    ` address-family ${name} unicast`,
    ...own,
    ...each((ip) => `  neighbor ${ip} activate`),
    ...(setup.full ? [`  neighbor ${setup.peer} addpath-tx-all-paths`] : []),
    ...(internal(setup) ? each((ip) => `  neighbor ${ip} route-reflector-client`) : []),
    " exit-address-family"
  ]
  return [
    "hostname tor-1",
    "bgp extcommunity-list standard NONE permit rt 1:1",
    "route-map OWN permit 10",
    " set metric 50",
    " set community 65010:100 65010:200",
    " set large-community 65010:1:2",
    " set extcommunity rt 65010:100",
    `router bgp ${ROUTER_ASN}`,
    ` bgp router-id ${ID}`,
    " no bgp ebgp-requires-policy",
    " no bgp default ipv4-unicast",
    " no bgp network import-check",
    ...(setup.full
      ? [
          " bgp graceful-restart",
          " bgp graceful-restart notification",
          " bgp long-lived-graceful-restart stale-time 3600"
        ]
      : []),
    " timers bgp 1 3",
    ...all.flatMap(({ ip, asn }) => [
      ` neighbor ${ip} remote-as ${asn}`,
      ` neighbor ${ip} passive`,
      ` neighbor ${ip} advertisement-interval 0`
    ]),
    ...(setup.full && setup.peer.includes(":") ? [` neighbor ${setup.peer} capability extended-nexthop`] : []),
    ...toPeer,
    ...family("ipv4", [
      "  network 10.10.0.0/16 route-map OWN",
      "  aggregate-address 198.51.100.0/24 as-set summary-only"
    ]),
    ...(setup.full ? family("ipv6", ["  network 2001:db8:10::/48 route-map OWN"]) : []),
    "exit",
    ""
  ].join("\n")
}

const frr: Start = async (lab, setup) => {
  const directory = join(lab.hostDirectory(HOST), "frr")
  mkdirSync(directory, { recursive: true })
  const [uid = 0, gid = 0] = (await lab.exec(HOST, ["sh", "-c", "id -u frr; id -g frr"])).trim().split("\n").map(Number)
  chownSync(directory, uid, gid)
  writeFileSync(join(directory, "zebra.conf"), "hostname tor-1\n")
  writeFileSync(join(directory, "bgpd.conf"), frrConfiguration(setup))
  const launch = async (name: string, socket: string) => {
    const common = ["-z", join(directory, "zserv.api"), "--vty_socket", directory, "--log", "stdout", "-P", "0"]
    const own = ["-i", join(directory, `${name}.pid`), "-f", join(directory, `${name}.conf`)]
    const one = lab.spawn(HOST, name, [`/usr/lib/frr/${name}`, ...common, ...own])
    await ready(lab, one, () => existsSync(join(directory, socket)))
    return one
  }
  await launch("zebra", "zserv.api")
  const process = await launch("bgpd", "bgpd.vty")
  const vtysh = (...lines: ReadonlyArray<string>) =>
    lab.exec(HOST, ["vtysh", "--vty_socket", directory, ...lines.flatMap((line) => ["-c", line])])
  const router = ["conf t", `router bgp ${ROUTER_ASN}`]
  return {
    process,
    refresh: () => vtysh(`clear bgp ipv4 unicast ${setup.peer} soft in`),
    withdraw: () =>
      vtysh(
        ...[...router, "address-family ipv4 unicast", "no network 10.10.0.0/16", "exit"],
        ...["address-family ipv6 unicast", "no network 2001:db8:10::/48"]
      ),
    shutdown: () => vtysh(...router, `neighbor ${setup.peer} shutdown message ${REASON}`),
    reset: () => vtysh(`clear bgp ${setup.peer}`)
  }
}

const birdConfiguration = (setup: Setup): string => {
  const attributes =
    "bgp_med = 50; bgp_community.add((65010,100)); bgp_community.add((65010,200)); " +
    "bgp_large_community.add((65010,1,2)); bgp_ext_community.add((rt,65010,100));"
  const channels = (out: string, extra: string) =>
    (setup.full ? ["ipv4", "ipv6"] : ["ipv4"]).map((family) => `  ${family} { import all; ${out} ${extra} };`)
  const common = [
    `  local as ${ROUTER_ASN}; passive yes; direct; hold time 3; keepalive time 1;`,
    "  error wait time 1,2; connect delay time 1;",
    ...(internal(setup) ? ["  rr client;"] : [])
  ]
  const rich =
    "  graceful restart on; graceful restart time 120; long lived graceful restart on; long lived stale time 3600; " +
    "enable extended messages on;"
  return [
    `router id ${ID};`,
    "log stderr all;",
    "protocol device {}",
    'protocol direct { ipv4; ipv6; interface "eth0"; }',
    `protocol static own4 { ipv4; route 10.10.0.0/16 blackhole { ${attributes} }; }`,
    `protocol static own6 { ipv6; route 2001:db8:10::/48 blackhole { ${attributes} }; }`,
    ...setup.feeds.flatMap(({ ip, asn }, index) => [
      `protocol bgp feed${index} {`,
      `  neighbor ${ip} as ${asn};`,
      ...common,
      ...channels("export none;", ""),
      "}"
    ]),
    "protocol bgp sink {",
    `  neighbor ${setup.peer} as ${setup.peerAsn};`,
    ...common,
    ...(setup.full ? [rich] : []),
    ...(setup.full && !internal(setup) ? ["  local role provider;"] : []),
    ...channels(
      "export where source = RTS_BGP || source = RTS_STATIC;",
      setup.full ? `add paths on;${setup.peer.includes(":") ? " extended next hop on;" : ""}` : ""
    ),
    "}",
    ""
  ].join("\n")
}

const bird: Start = async (lab, setup) => {
  const directory = lab.hostDirectory(HOST)
  const [file, socket] = [join(directory, "bird.conf"), join(directory, "bird.ctl")]
  writeFileSync(file, birdConfiguration(setup))
  const process = lab.spawn(HOST, "bird", ["bird", "-f", "-c", file, "-s", socket])
  const birdc = (...words: ReadonlyArray<string>) => lab.exec(HOST, ["birdc", "-s", socket, ...words])
  await ready(lab, process, async () => existsSync(socket) && (await birdc("show", "status")).includes("is up"))
  return {
    process,
    refresh: () => birdc("reload", "in", "sink"),
    withdraw: async () => {
      await birdc("disable", "own4")
      await birdc("disable", "own6")
    },
    shutdown: () => birdc("disable", "sink", `"${REASON}"`),
    reset: () => birdc("restart", "sink", `"${REASON}"`)
  }
}

const gobgpConfiguration = (setup: Setup): string => {
  const neighbor = (ip: string, asn: number, rich: boolean) => [
    "[[neighbors]]",
    `  [neighbors.config]\n    neighbor-address = "${ip}"\n    peer-as = ${asn}`,
    "  [neighbors.transport.config]\n    passive-mode = true",
    "  [neighbors.timers.config]\n    hold-time = 3\n    keepalive-interval = 1\n    idle-hold-time-after-reset = 1",
    ...(internal(setup)
      ? [
          "  [neighbors.route-reflector.config]\n    route-reflector-client = true",
          `    route-reflector-cluster-id = "${ID}"`
        ]
      : []),
    ...(rich
      ? [
          "  [neighbors.graceful-restart.config]\n    enabled = true\n    restart-time = 120",
          "    notification-enabled = true\n    long-lived-enabled = true"
        ]
      : []),
    ...(setup.full ? ["ipv4", "ipv6"] : ["ipv4"]).flatMap((family) => [
      `  [[neighbors.afi-safis]]\n    [neighbors.afi-safis.config]\n      afi-safi-name = "${family}-unicast"`,
      ...(rich
        ? [
            "    [neighbors.afi-safis.mp-graceful-restart.config]\n      enabled = true",
            "    [neighbors.afi-safis.long-lived-graceful-restart.config]\n      enabled = true\n      restart-time = 3600",
            "    [neighbors.afi-safis.add-paths.config]\n      receive = true\n      send-max = 8"
          ]
        : [])
    ])
  ]
  return [
    `[global.config]\n  as = ${ROUTER_ASN}\n  router-id = "${ID}"`,
    ...setup.feeds.flatMap(({ ip, asn }) => neighbor(ip, asn, false)),
    ...neighbor(setup.peer, setup.peerAsn, setup.full),
    ""
  ].join("\n")
}

const gobgp: Start = async (lab, setup) => {
  const file = join(lab.hostDirectory(HOST), "gobgp.toml")
  writeFileSync(file, gobgpConfiguration(setup))
  const process = lab.spawn(HOST, "gobgp", ["gobgpd", "-f", file, "--pprof-disable"])
  const ask = (...words: ReadonlyArray<string>) => lab.exec(HOST, ["gobgp", ...words])
  await ready(lab, process, async () => (await ask("neighbor", setup.peer)).includes("BGP neighbor is"))
  const own = [
    ["-a", "ipv4", "10.10.0.0/16"],
    ["-a", "ipv6", "2001:db8:10::/48"]
  ]
  const attributes = ["med", "50", "community", "65010:100,65010:200", "large-community", "65010:1:2"]
  for (const words of own) {
    const nexthop = ["nexthop", words[1] === "ipv4" ? ID : "2001:db8:1::254"]
    await ask("global", "rib", "add", ...words, ...nexthop, ...attributes, "rt", "65010:100")
  }
  return {
    process,
    refresh: () => ask("neighbor", setup.peer, "softresetin"),
    withdraw: async () => {
      for (const words of own) await ask("global", "rib", "del", ...words)
    },
    shutdown: () => ask("neighbor", setup.peer, "disable", "--reason", REASON),
    reset: () => ask("neighbor", setup.peer, "reset", "--reason", REASON)
  }
}

const exabgpConfiguration = (setup: Setup, script: string): string => {
  const common =
    "community [ 65010:100 65010:200 ] large-community [ 65010:1:2 ] extended-community [ target:65010:100 ]"
  const preference = internal(setup)
    ? "local-preference 200 originator-id 10.0.0.7 cluster-list [ 10.0.0.1 10.0.0.2 ]"
    : ""
  const path = (id: number) => (setup.full ? `path-information 0.0.0.${id}` : "")
  const routes = [
    `route 10.10.0.0/16 next-hop self med 50 ${common} ${preference};`,
    `route 203.0.113.0/24 ${path(1)} next-hop 10.0.1.253 as-path [ 65010 70000 65100 ] ${preference};`,
    ...(setup.full
      ? [`route 203.0.113.0/24 ${path(2)} next-hop 10.0.1.252 as-path [ 65010 65030 ] ${preference};`]
      : []),
    `route 192.0.2.0/24 next-hop self origin incomplete as-path [ 65010 ( 64700 70001 ) ] atomic-aggregate aggregator ( 70001:192.0.2.1 ) ${preference};`,
    `route 198.51.100.0/24 next-hop self origin egp attribute [ 0x63 0xc0 0xabcd ] ${preference};`,
    ...(setup.full
      ? [
          `route 2001:db8:10::/48 ${path(1)} next-hop 2001:db8:1::254 ${common} ${preference};`,
          `route 2001:db8:11::/48 ${path(2)} next-hop 2001:db8:1::253 med 7 ${preference};`
        ]
      : [])
  ]
  const rich =
    "graceful-restart 120; add-path send/receive; multi-session disable; operational enable; extended-message enable;"
  return [
    `process commands { run ${script}; encoder text; }`,
    `neighbor ${setup.peer} {`,
    `  local-as ${ROUTER_ASN}; peer-as ${setup.peerAsn}; router-id ${ID};`,
    `  local-address ${setup.peer.includes(":") ? "2001:db8:1::254" : ID}; hold-time 3; passive true; listen 179;`,
    `  capability { asn4 enable; route-refresh enable; ${setup.full ? rich : ""} }`,
    `  family { ipv4 unicast; ${setup.full ? "ipv6 unicast;" : ""} }`,
    "  api { processes [ commands ]; }",
    `  static { ${routes.join("\n    ")} }`,
    "}",
    ""
  ].join("\n")
}

const exabgp: Start = async (lab, setup) => {
  const directory = lab.hostDirectory(HOST)
  const [file, commands, script] = ["exabgp.conf", "commands", "commands.sh"].map((name) => join(directory, name)) as [
    string,
    string,
    string
  ]
  writeFileSync(commands, "")
  writeFileSync(script, `#!/bin/sh\nexec tail -n +1 -f '${commands}'\n`)
  chmodSync(script, 0o755)
  writeFileSync(file, exabgpConfiguration(setup, script))
  const env = {
    "exabgp.daemon.drop": "false",
    "exabgp.daemon.user": "root",
    "exabgp.log.destination": "stderr",
    "exabgp.api.cli": "false",
    "exabgp.api.ack": "false"
  }
  const process = lab.spawn(HOST, "exabgp", ["exabgp", file], env)
  await ready(lab, process, async () => (await lab.exec(HOST, ["ss", "-Hltn", "sport = :179"])).trim() !== "")
  const say = async (...lines: ReadonlyArray<string>) => {
    await lab.exec(HOST, ["tee", "-a", commands], { input: `${lines.join("\n")}\n` })
  }
  return {
    process,
    refresh: () => say("announce route-refresh ipv4 unicast"),
    withdraw: () =>
      say(
        "withdraw route 10.10.0.0/16 next-hop 10.0.1.254",
        "withdraw route 2001:db8:10::/48 next-hop 2001:db8:1::254"
      ),
    shutdown: () => say(`neighbor ${setup.peer} teardown 2`),
    reset: () => say(`neighbor ${setup.peer} teardown 4`)
  }
}

const openbgpdConfiguration = (lab: Lab, setup: Setup): string => {
  const set =
    "set { metric 50 community 65010:100 community 65010:200 large-community 65010:1:2 ext-community rt 65010:100 }"
  const neighbor = (ip: string, asn: number, rich: boolean) => [
    `neighbor ${ip} {`,
    `  remote-as ${asn}\n  passive\n  announce IPv4 unicast`,
    ...(internal(setup) ? ["  route-reflector"] : []),
    ...(setup.full ? ["  announce IPv6 unicast"] : ["  announce IPv6 none"]),
    ...(rich ? ["  announce add-path send all\n  announce add-path recv yes\n  announce enhanced refresh yes"] : []),
    ...(rich && !internal(setup) ? ["  role provider\n  announce policy yes"] : []),
    "}"
  ]
  return [
    `AS ${ROUTER_ASN}`,
    `router-id ${ID}\nfib-update no\nholdtime 3\nholdtime min 3\nreject as-set no`,
    `socket "${join(lab.hostDirectory(HOST), "openbgpd.sock")}"`,
    `network 10.10.0.0/16 ${set}`,
    `network 2001:db8:10::/48 ${set}`,
    ...setup.feeds.flatMap(({ ip, asn }) => neighbor(ip, asn, false)),
    ...neighbor(setup.peer, setup.peerAsn, setup.full),
    "allow from any\nallow to any",
    ""
  ].join("\n")
}

const openbgpd: Start = async (lab, setup) => {
  const file = join(lab.hostDirectory(HOST), "openbgpd.conf")
  const socket = join(lab.hostDirectory(HOST), "openbgpd.sock")
  rmSync(socket, { force: true })
  mkdirSync("/run/openbgpd", { recursive: true })
  writeFileSync(file, openbgpdConfiguration(lab, setup), { mode: 0o600 })
  const process = lab.spawn(HOST, "openbgpd", ["bgpd", "-d", "-f", file])
  const ctl = (...words: ReadonlyArray<string>) => lab.exec(HOST, ["bgpctl", "-s", socket, ...words])
  await ready(lab, process, async () => existsSync(socket) && (await ctl("show", "neighbor")) !== "")
  return {
    process,
    refresh: () => ctl("neighbor", setup.peer, "refresh"),
    withdraw: async () => {
      await ctl("network", "delete", "10.10.0.0/16")
      await ctl("network", "delete", "2001:db8:10::/48")
    },
    shutdown: () => ctl("neighbor", setup.peer, "down", REASON),
    reset: () => ctl("neighbor", setup.peer, "clear", REASON)
  }
}

export const DAEMONS: Readonly<Record<MakeName, { readonly version: string; readonly start: Start }>> = {
  frr: { version: "8.4.4", start: frr },
  bird: { version: "2.0.12", start: bird },
  gobgp: { version: "3.10.0", start: gobgp },
  exabgp: { version: "4.2.21", start: exabgp },
  openbgpd: { version: "7.7", start: openbgpd }
}
