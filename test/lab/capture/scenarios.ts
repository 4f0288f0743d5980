// What a router is led into so that it says something worth keeping: who speaks with it, what they say, and which commands it
// gets. The scripted end is AS 65001 at 10.0.1.10 (or in the router's own AS); two feeds at .253 and .252 bring the routes.

import type { Attributes } from "../../../src/bgp/attribute/types.ts"
import type { Capability } from "../../../src/bgp/capability/types.ts"
import { encodeMessage } from "../../../src/bgp/codec.ts"
import { defaultContext } from "../../../src/bgp/context.ts"
import type { Open } from "../../../src/bgp/message/types.ts"
import type { Address, Prefix } from "../../../src/net/ip.ts"
import { ROUTER_ASN } from "./daemons.ts"

export type Step = "refresh" | "withdraw" | "shutdown" | "reset" | "say" | "feed"

export interface Scenario {
  readonly name: string
  readonly asn: number
  readonly ipv6?: true
  readonly full?: true
  readonly fed?: true
  /** Octets as hex; the first is the OPEN unless the scenario is about a bad one. */
  readonly greeting: ReadonlyArray<string>
  readonly open: Open
  readonly keepalive: boolean
  readonly later?: ReadonlyArray<ReadonlyArray<string>>
  readonly steps: ReadonlyArray<Step>
}

const PEER_ASN = 65001
const ipv4 = { afi: 1, safi: 1 }
const ipv6 = { afi: 2, safi: 1 }
const kept = (family: typeof ipv4) => ({ ...family, forwardingPreserved: true })

const minimal = (asn: number): ReadonlyArray<Capability> => [
  { code: 1, name: "multiprotocol", ...ipv4, family: "ipv4-unicast" },
  { code: 2, name: "route-refresh" },
  { code: 65, name: "four-octet-as", asn }
]

const everything = (asn: number): ReadonlyArray<Capability> => [
  ...minimal(asn),
  { code: 1, name: "multiprotocol", ...ipv6, family: "ipv6-unicast" },
  { code: 5, name: "extended-next-hop", families: [{ ...ipv4, nextHopAfi: 2 }] },
  { code: 6, name: "extended-message" },
  ...(asn === ROUTER_ASN ? [] : [{ code: 9, name: "role", role: "customer" } as const]),
  {
    code: 64,
    name: "graceful-restart",
    restarting: false,
    notification: true,
    restartTime: 120,
    families: [kept(ipv4), kept(ipv6)]
  },
  {
    code: 69,
    name: "add-path",
    families: [
      { ...ipv4, mode: "both" },
      { ...ipv6, mode: "both" }
    ]
  },
  { code: 70, name: "enhanced-route-refresh" },
  {
    code: 71,
    name: "long-lived-graceful-restart",
    families: [
      { ...kept(ipv4), staleTime: 3600 },
      { ...kept(ipv6), staleTime: 3600 }
    ]
  }
]

const openOf = (asn: number, routerId: string, capabilities: ReadonlyArray<Capability>): Open => ({
  type: "OPEN",
  version: 4,
  asn,
  holdTime: 3,
  routerId,
  capabilities
})

const hex = (message: Parameters<typeof encodeMessage>[0]): string =>
  encodeMessage(message, { ...defaultContext, ebgp: false }).toHex()

const refresh = (afi: number): string => hex({ type: "ROUTE-REFRESH", afi, safi: 1, subtype: "request" })

const announce = (prefixes: ReadonlyArray<string>, nextHop: string, attributes: Attributes): string =>
  hex({
    type: "UPDATE",
    announce: prefixes.map((prefix) => ({ prefix: prefix as Prefix, nextHop: nextHop as Address })),
    withdraw: [],
    attributes
  })

const withdraw = (...prefixes: ReadonlyArray<string>): string =>
  hex({
    type: "UPDATE",
    announce: [],
    withdraw: prefixes.map((prefix) => ({ prefix: prefix as Prefix })),
    attributes: {}
  })

export interface Feed {
  readonly host: string
  readonly ip: string
  readonly asn: number
  readonly greeting: ReadonlyArray<string>
  readonly established: ReadonlyArray<string>
  readonly later: ReadonlyArray<ReadonlyArray<string>>
}

/** Two neighbors with routes that have every attribute; the second has other paths to two of the same prefixes. */
export const feedsOf = (internal: boolean): ReadonlyArray<Feed> => {
  const [one, two] = internal ? [ROUTER_ASN, ROUTER_ASN] : [65020, 65030]
  const first = (asn: number) => (internal ? [] : [asn])
  const inside: Attributes = internal ? { localPref: 200 } : {}
  const both = (asn: number) => [
    ...minimal(asn),
    { code: 1, name: "multiprotocol", ...ipv6, family: "ipv6-unicast" } as const
  ]
  const rich: Attributes = {
    ...inside,
    origin: "igp",
    asPath: [[...first(one), 70000, 65100]],
    med: 10,
    communities: ["65020:1", "65020:200"],
    extendedCommunities: ["rt:65020:100", "soo:10.0.0.1:100", "rt:70000:100"],
    largeCommunities: ["65020:1:2", "70000:3:4"]
  }
  const set: Attributes = {
    ...inside,
    origin: "incomplete",
    asPath: [...(internal ? [] : [[one]]), { set: [64700, 70001] }],
    atomicAggregate: true,
    aggregator: { asn: 70001, address: "192.0.2.1" }
  }
  const foreign: Attributes = {
    ...inside,
    origin: "egp",
    asPath: [[...first(one), 64800]],
    unknown: [{ type: 99, flags: 0xc0, value: "abcd" }]
  }
  const [six, four] = ["2001:db8:1::253", "10.0.1.253"]
  const plain = (asn: number): Attributes => ({
    ...inside,
    origin: "igp",
    asPath: [[...first(asn), 64600 + (asn % 100)]]
  })
  return [
    {
      host: "feed-1",
      ip: four,
      asn: one,
      greeting: [hex(openOf(one, four, both(one)))],
      established: [
        announce(["203.0.113.0/24"], four, rich),
        announce(["192.0.2.0/24"], four, set),
        announce(["10.20.0.0/24", "10.20.1.0/25", "10.20.2.4/30"], four, foreign),
        announce(["198.51.100.0/25"], four, plain(one)),
        announce(["2001:db8:203::/48", "2001:db8:204::8/128"], six, rich)
      ],
      later: [[withdraw("10.20.0.0/24", "203.0.113.0/24"), withdraw("2001:db8:203::/48")]]
    },
    {
      host: "feed-2",
      ip: "10.0.1.252",
      asn: two,
      greeting: [hex(openOf(two, "10.0.1.252", both(two)))],
      established: [
        announce(["203.0.113.0/24"], "10.0.1.252", plain(two)),
        announce(["198.51.100.128/25"], "10.0.1.252", plain(two)),
        announce(["2001:db8:203::/48"], "2001:db8:1::252", plain(two))
      ],
      later: []
    }
  ]
}

const session = (
  name: string,
  asn: number,
  capabilities: ReadonlyArray<Capability>,
  more: Partial<Scenario>
): Scenario => {
  const open = openOf(asn, "10.0.1.10", capabilities)
  return { name, asn, greeting: [hex(open)], open, keepalive: true, steps: [], ...more }
}

/** A session that the router refuses or gives up for what this end says. */
const mistake = (name: string, octets: ReadonlyArray<string>, more: Partial<Scenario> = {}): Scenario =>
  session(name, PEER_ASN, minimal(PEER_ASN), { greeting: octets, ...more })

const good = hex(openOf(PEER_ASN, "10.0.1.10", minimal(PEER_ASN)))
const bodyAt = 2 * 19
const withOctets = (at: number, octets: string): string => good.slice(0, at) + octets + good.slice(at + octets.length)

export const SCENARIOS: ReadonlyArray<Scenario> = [
  session("plain", PEER_ASN, minimal(PEER_ASN), { steps: ["refresh", "shutdown"] }),
  session("everything", PEER_ASN, everything(PEER_ASN), {
    full: true,
    fed: true,
    later: [[refresh(1), refresh(2)]],
    steps: ["say", "feed", "withdraw", "refresh", "shutdown"]
  }),
  session("iBGP, route reflector", ROUTER_ASN, everything(ROUTER_ASN), {
    full: true,
    fed: true,
    steps: ["feed", "withdraw", "reset"]
  }),
  session("two-octet peer", PEER_ASN, minimal(PEER_ASN).slice(0, 2), { fed: true, steps: ["feed", "reset"] }),
  session("over IPv6", PEER_ASN, everything(PEER_ASN), {
    full: true,
    ipv6: true,
    fed: true,
    steps: ["withdraw", "shutdown"]
  }),
  mistake("another AS number", [hex(openOf(65002, "10.0.1.10", minimal(65002)))]),
  mistake("another four-octet AS number", [hex(openOf(4273481989, "10.0.1.10", minimal(4273481989)))]),
  mistake("version 5", [withOctets(bodyAt, "05")]),
  mistake("hold time 1", [withOctets(bodyAt + 6, "0001")]),
  mistake("identifier 0.0.0.0", [withOctets(bodyAt + 10, "00000000")]),
  mistake("lost marker", [withOctets(0, "00")]),
  mistake("unknown optional parameter", [
    `${"ff".repeat(16)}002101 04 fde9 0003 0a00010a 04 63 02 abcd`.replaceAll(" ", "")
  ]),
  mistake("silence", [good], { keepalive: false, greeting: [good, `${"ff".repeat(16)}001304`] }),
  mistake("UPDATE in OpenConfirm", [good, withdraw("10.0.0.0/8")], { keepalive: false }),
  mistake("UPDATE with a length that runs on", [good], {
    later: [[`${"ff".repeat(16)}001902ffff0000`.concat("0000")]],
    steps: ["say"]
  }),
  mistake("message of an unknown type", [good], { later: [[`${"ff".repeat(16)}001363`]], steps: ["say"] })
]
