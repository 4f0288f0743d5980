// BGP messages by name: octets, what they mean, and in which context. Owns no tests; `canonical` says that encoding the
// value gives the same octets again. Vendors' OPENs were captured from real speakers; the others follow the layouts of
// the RFC that each names.
import { type CodecContext, defaultContext } from "../../src/bgp/context.ts"

export interface Vector {
  readonly name: string
  /** Blanks are skipped. */
  readonly hex: string
  readonly is: object
  readonly ctx?: CodecContext
  /** Default true. */
  readonly canonical?: boolean
}

const M = "ff".repeat(16)
const ipv4 = { code: 1, name: "multiprotocol", afi: 1, safi: 1, family: "ipv4-unicast" }
const ipv6 = { code: 1, name: "multiprotocol", afi: 2, safi: 1, family: "ipv6-unicast" }
const refresh = { code: 2, name: "route-refresh" }
const restart = (restartTime: number) => ({
  code: 64,
  name: "graceful-restart",
  restarting: false,
  notification: false,
  restartTime,
  families: []
})
const as4 = (asn: number) => ({ code: 65, name: "four-octet-as", asn })
const open = (asn: number, holdTime: number, routerId: string, capabilities: ReadonlyArray<object>) => ({
  type: "OPEN",
  version: 4,
  asn,
  holdTime,
  routerId,
  capabilities
})
const capability = (name: string, hex: string, is: object): Vector => {
  const length = hex.replaceAll(" ", "").length / 2
  const two = (n: number) => n.toString(16).padStart(2, "0")
  return {
    name: `capability ${name}`,
    hex: `${M} 00 ${two(31 + length)} 01 04 fde9 005a 0a000001 ${two(length + 2)} 02 ${two(length)} ${hex}`,
    is: open(65001, 90, "10.0.0.1", [is])
  }
}

export const vendorOpens: ReadonlyArray<Vector> = [
  {
    name: "Arista EOS 4.13.10M, two-octet AS numbers only",
    hex: `${M}002b0104fde900b4b9ecf0400e020c0104000100010200400200b4`,
    is: open(65001, 180, "185.236.240.64", [ipv4, refresh, restart(180)])
  },
  {
    name: "a four-octet speaker with a two-octet AS number",
    hex: `${M}00310104fdea005ab9ecf02714021201040001000101040002000141040000fdea`,
    is: open(65002, 90, "185.236.240.39", [ipv4, ipv6, as4(65002)])
  },
  {
    name: "many capabilities in one parameter, labelled IPv4 and ADD-PATH",
    hex: `${M}00410104000100b40a01010124022201040001000101040001000402004002012c41040000000145080001010100010401`,
    is: open(1, 180, "10.1.1.1", [
      ipv4,
      { code: 1, name: "multiprotocol", afi: 1, safi: 4 },
      refresh,
      restart(300),
      as4(1),
      {
        code: 69,
        name: "add-path",
        families: [
          { afi: 1, safi: 1, mode: "receive" },
          { afi: 1, safi: 4, mode: "receive" }
        ]
      }
    ])
  },
  {
    name: "minimal, four-octet AS only",
    hex: `${M}00250104fc1f0028c0a8124108020641040000fc1f`,
    is: open(64543, 40, "192.168.18.65", [as4(64543)])
  },
  {
    name: "enhanced route refresh, graceful restart with time 0",
    hex: `${M}00330104fc1f0028c0a8104516021401040001000102004002000041040000fc1f4600`,
    is: open(64543, 40, "192.168.16.69", [
      ipv4,
      refresh,
      restart(0),
      as4(64543),
      { code: 70, name: "enhanced-route-refresh" }
    ])
  },
  {
    name: "one capability for each parameter, pre-standard route refresh",
    hex: `${M}00350104fc1f00b4c0a810011802060104000100010202800002020200020641040000fc1f`,
    is: open(64543, 180, "192.168.16.1", [
      ipv4,
      { code: 128, name: "route-refresh-cisco", value: "" },
      refresh,
      as4(64543)
    ]),
    canonical: false
  }
]

export const capabilities: ReadonlyArray<Vector> = [
  capability("multiprotocol of a family without a name (RFC 4760)", "01 04 0019 00 41", {
    code: 1,
    name: "multiprotocol",
    afi: 25,
    safi: 65
  }),
  capability("extended next hop (RFC 8950)", "05 06 0001 0001 0002", {
    code: 5,
    name: "extended-next-hop",
    families: [{ afi: 1, safi: 1, nextHopAfi: 2 }]
  }),
  capability("extended message (RFC 8654)", "06 00", { code: 6, name: "extended-message" }),
  capability("role customer (RFC 9234)", "09 01 03", { code: 9, name: "role", role: "customer" }),
  capability("role without a name", "09 01 09", { code: 9, name: "role", role: 9 }),
  capability("graceful restart with R, N and F (RFC 4724, RFC 8538)", "40 06 c078 0001 01 80", {
    code: 64,
    name: "graceful-restart",
    restarting: true,
    notification: true,
    restartTime: 120,
    families: [{ afi: 1, safi: 1, forwardingPreserved: true }]
  }),
  capability("four-octet AS (RFC 6793)", "41 04 0000fde9", as4(65001)),
  capability("ADD-PATH both and an undefined mode (RFC 7911)", "45 08 0001 01 03 0002 01 04", {
    code: 69,
    name: "add-path",
    families: [
      { afi: 1, safi: 1, mode: "both" },
      { afi: 2, safi: 1, mode: 4 }
    ]
  }),
  capability("long-lived graceful restart (RFC 9494)", "47 07 0001 01 80 015180", {
    code: 71,
    name: "long-lived-graceful-restart",
    families: [{ afi: 1, safi: 1, forwardingPreserved: true, staleTime: 86400 }]
  }),
  capability("fqdn", "49 08 04 746f7231 02 6463", { code: 73, name: "fqdn", hostname: "tor1", domain: "dc" }),
  capability("fqdn that is not UTF-8 stays octets", "49 04 02 fffe 00", {
    code: 73,
    name: "unknown",
    value: "02fffe00"
  }),
  capability("without a name", "c8 02 abcd", { code: 200, name: "unknown", value: "abcd" })
]

const as2: CodecContext = { ...defaultContext, as4: false }
const ibgp: CodecContext = { ...defaultContext, ebgp: false }
const addPath: CodecContext = { ...defaultContext, addPath: { ipv4: true, ipv6: true } }

const MANDATORY = "40 01 01 00 40 02 06 02 01 0000fde9 40 03 04 0a000101"
const route = { prefix: "10.0.0.8/32", nextHop: "10.0.1.1" }
const base = { origin: "igp", asPath: [[65001]] }
const update = (announce: ReadonlyArray<object>, withdraw: ReadonlyArray<object>, attributes: object, more = {}) => ({
  type: "UPDATE",
  announce,
  withdraw,
  ...more,
  attributes
})
/** 10.0.0.8/32 with the mandatory attributes and `hex`. */
const attribute = (name: string, hex: string, is: object, ctx = defaultContext): Vector => {
  const octets = (text: string) => text.replaceAll(" ", "").length / 2
  const four = (n: number) => n.toString(16).padStart(4, "0")
  const all = octets(MANDATORY) + octets(hex)
  return {
    name: `attribute ${name}`,
    hex: `${M} ${four(28 + all)} 02 0000 ${four(all)} ${MANDATORY} ${hex} 20 0a000008`,
    is: update([route], [], { ...base, ...is }),
    ctx
  }
}

export const attributes: ReadonlyArray<Vector> = [
  attribute("MULTI_EXIT_DISC", "80 04 04 00000064", { med: 100 }),
  attribute("LOCAL_PREF", "40 05 04 000000c8", { localPref: 200 }, ibgp),
  attribute("ATOMIC_AGGREGATE", "40 06 00", { atomicAggregate: true }),
  attribute("AGGREGATOR", "c0 07 08 0000fde9 0a000001", { aggregator: { asn: 65001, address: "10.0.0.1" } }),
  attribute("COMMUNITIES, GRACEFUL_SHUTDOWN", "c0 08 08 fde90064 ffff0000", { communities: ["65001:100", "65535:0"] }),
  attribute("ORIGINATOR_ID", "80 09 04 0a000001", { originatorId: "10.0.0.1" }, ibgp),
  attribute("CLUSTER_LIST", "80 0a 08 0a000001 0a000002", { clusterList: ["10.0.0.1", "10.0.0.2"] }, ibgp),
  attribute(
    "EXTENDED_COMMUNITIES of every form",
    "c0 10 28 0002fde900000064 0103 0a000001 0064 0202 00011170 0064 0202 0000fde9 0064 4004fde900000064",
    {
      extendedCommunities: [
        "rt:65001:100",
        "soo:10.0.0.1:100",
        "rt:70000:100",
        "0x02020000fde90064",
        "0x4004fde900000064"
      ]
    }
  ),
  attribute("LARGE_COMMUNITY", "c0 20 0c 0000fde9 00000001 00000002", { largeCommunities: ["65001:1:2"] }),
  attribute("OTC", "c0 23 04 0000fde9", { otc: 65001 }),
  attribute("without a name, partial", "e0 63 02 abcd", { unknown: [{ type: 99, flags: 0xe0, value: "abcd" }] }),
  attribute("without a name, extended length it did not need", "d0 63 0001 00", {
    unknown: [{ type: 99, flags: 0xd0, value: "00" }]
  })
]

export const updates: ReadonlyArray<Vector> = [
  {
    name: "withdrawal of two prefixes",
    hex: `${M} 0020 02 0009 20 0a000008 18 0a0100 0000`,
    is: update([], [{ prefix: "10.0.0.8/32" }, { prefix: "10.1.0.0/24" }], {})
  },
  {
    name: "prefix with host bits set",
    hex: `${M} 001b 02 0004 17 0a0101 0000`,
    is: update([], [{ prefix: "10.1.0.0/23" }], {}),
    canonical: false
  },
  {
    name: "default route",
    hex: `${M} 0018 02 0001 00 0000`,
    is: update([], [{ prefix: "0.0.0.0/0" }], {})
  },
  {
    name: "End-of-RIB of IPv4 (RFC 4724)",
    hex: `${M} 0017 02 0000 0000`,
    is: update([], [], {}, { endOfRib: "ipv4-unicast" })
  },
  {
    name: "End-of-RIB of IPv6 (RFC 4724)",
    hex: `${M} 001d 02 0000 0006 80 0f 03 0002 01`,
    is: update([], [], {}, { endOfRib: "ipv6-unicast" })
  },
  {
    name: "IPv6 with a link-local second next hop (RFC 2545)",
    hex: `${M} 005d 02 0000 0046 80 0e 36 0002 01 20 20010db8000000000000000000000001 fe800000000000000000000000000001
          00 80 20010db8000000000000000000000008 40 01 01 00 40 02 06 02 01 0000fde9`,
    is: update([{ prefix: "2001:db8::8/128", nextHop: "2001:db8::1", linkLocal: "fe80::1" }], [], base)
  },
  {
    name: "IPv6 withdrawal",
    hex: `${M} 0026 02 0000 000f 80 0f 0c 0002 01 40 20010db800000000`,
    is: update([], [{ prefix: "2001:db8::/64" }], {})
  },
  {
    name: "IPv4 with an IPv6 next hop (RFC 8950)",
    hex: `${M} 0041 02 0000 002a 80 0e 1a 0001 01 10 20010db8000000000000000000000001 00 20 0a000008
          40 01 01 00 40 02 06 02 01 0000fde9`,
    is: update([{ prefix: "10.0.0.8/32", nextHop: "2001:db8::1" }], [], base)
  },
  {
    name: "IPv4 with an IPv4 next hop in MP_REACH_NLRI",
    hex: `${M} 0035 02 0000 001e 80 0e 0e 0001 01 04 0a000101 00 20 0a000008 40 01 01 00 40 02 06 02 01 0000fde9`,
    is: update([{ ...route, multiprotocol: true }], [], base)
  },
  {
    name: "two paths of one prefix (RFC 7911)",
    hex: `${M} 003d 02 0000 0014 ${MANDATORY} 00000001 20 0a000008 00000002 20 0a000008`,
    is: update(
      [
        { ...route, pathId: 1 },
        { ...route, pathId: 2 }
      ],
      [],
      base
    ),
    ctx: addPath
  },
  {
    name: "withdrawal of one path (RFC 7911)",
    hex: `${M} 0020 02 0009 00000002 20 0a000008 0000`,
    is: update([], [{ prefix: "10.0.0.8/32", pathId: 2 }], {}),
    ctx: addPath
  },
  {
    name: "AS_SET behind a sequence",
    hex: `${M} 003a 02 0000 001e 40 01 01 01 40 02 10 02 01 0000fde9 01 02 00000001 00000002 40 03 04 0a000101 20 0a000008`,
    is: update([route], [], { origin: "egp", asPath: [[65001], { set: [1, 2] }] })
  },
  {
    name: "confederation segments within the AS (RFC 5065)",
    hex: `${M} 0030 02 0000 0014 40 01 01 02 40 02 06 03 01 0000fde9 40 03 04 0a000101 20 0a000008`,
    is: update([route], [], { origin: "incomplete", asPath: [{ confedSequence: [65001] }] }),
    ctx: ibgp
  },
  {
    name: "four-octet AS numbers past a two-octet peer (RFC 6793 4.2.3)",
    hex: `${M} 0039 02 0000 001d 40 01 01 00 40 02 06 02 02 fde9 5ba0 40 03 04 0a000101
          c0 11 06 02 01 00011170 20 0a000008`,
    is: update([route], [], { origin: "igp", asPath: [[65001, 70000]] }),
    ctx: as2,
    canonical: false
  },
  {
    name: "an AS4_PATH longer than the AS_PATH is ignored (RFC 6793 4.2.3)",
    hex: `${M} 003b 02 0000 001f 40 01 01 00 40 02 04 02 01 fde9 40 03 04 0a000101
          c0 11 0a 02 02 00011170 00011171 20 0a000008`,
    is: update([route], [], base),
    ctx: as2,
    canonical: false
  },
  {
    name: "a real AS number in AGGREGATOR outdates the AS4 attributes (RFC 6793 4.2.3)",
    hex: `${M} 004b 02 0000 002f 40 01 01 00 40 02 04 02 01 5ba0 40 03 04 0a000101 c0 07 06 fde9 0a000001
          c0 11 06 02 01 00011170 c0 12 08 00011170 0a000002 20 0a000008`,
    is: update([route], [], { origin: "igp", asPath: [[23456]], aggregator: { asn: 65001, address: "10.0.0.1" } }),
    ctx: as2,
    canonical: false
  },
  {
    name: "AS_TRANS in AGGREGATOR stands for AS4_AGGREGATOR (RFC 6793 4.2.3)",
    hex: `${M} 004b 02 0000 002f 40 01 01 00 40 02 04 02 01 5ba0 40 03 04 0a000101 c0 07 06 5ba0 0a000002
          c0 11 06 02 01 00011170 c0 12 08 00011170 0a000002 20 0a000008`,
    is: update([route], [], { origin: "igp", asPath: [[70000]], aggregator: { asn: 70000, address: "10.0.0.2" } }),
    ctx: as2
  }
]

const notification = (code: number, subcode: number, name: string, more = {}) => ({
  type: "NOTIFICATION",
  code,
  subcode,
  name,
  ...more
})

export const others: ReadonlyArray<Vector> = [
  { name: "KEEPALIVE", hex: `${M} 0013 04`, is: { type: "KEEPALIVE" } },
  {
    name: "NOTIFICATION Unsupported Version Number",
    hex: `${M} 0017 03 0201 0004`,
    is: notification(2, 1, "OPEN Message Error: Unsupported Version Number", { data: "0004" })
  },
  { name: "NOTIFICATION Hold Timer Expired", hex: `${M} 0015 03 0400`, is: notification(4, 0, "Hold Timer Expired") },
  {
    name: "NOTIFICATION Administrative Shutdown with a message (RFC 9003)",
    hex: `${M} 001d 03 0602 07 676f6f64 c3bc 21`,
    is: notification(6, 2, "Cease: Administrative Shutdown", { message: "goodü!" })
  },
  {
    name: "NOTIFICATION Administrative Reset with a length that is wrong stays octets",
    hex: `${M} 0018 03 0604 09 6162`,
    is: notification(6, 4, "Cease: Administrative Reset", { data: "096162" })
  },
  {
    name: "NOTIFICATION Hard Reset that holds a shutdown with a message (RFC 8538)",
    hex: `${M} 001a 03 0609 0602 02 6869`,
    is: notification(6, 9, "Cease: Hard Reset", {
      message: "hi",
      hardReset: { code: 6, subcode: 2, name: "Cease: Administrative Shutdown" }
    })
  },
  {
    name: "NOTIFICATION of a code without a name",
    hex: `${M} 0015 03 6307`,
    is: notification(99, 7, "Error code 99: subcode 7")
  },
  {
    name: "ROUTE-REFRESH of IPv6 (RFC 2918)",
    hex: `${M} 0017 05 0002 00 01`,
    is: { type: "ROUTE-REFRESH", afi: 2, safi: 1, subtype: "request" }
  },
  {
    name: "ROUTE-REFRESH BoRR (RFC 7313)",
    hex: `${M} 0017 05 0001 01 01`,
    is: { type: "ROUTE-REFRESH", afi: 1, safi: 1, subtype: "begin" }
  }
]
