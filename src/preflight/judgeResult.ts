// What the answers of the nodes mean (S25, S27): a session with what its peer can and cannot do, traffic that arrived somewhere, an address
// that somebody has. Sentences for people, with what to look at next.
import { type Address, familyOf } from "../net/ip.ts"
import type { EventOf, SessionEvent, SessionTest } from "./protocol.ts"
import { type Finding, failed, ok, type SessionExpectation, skipped, warning } from "./types.ts"

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`

/** Hints for a session that does not come up, from how far it came and what is configured. */
const sessionHints = (
  { furthest, lastNotification, reason = "" }: SessionEvent,
  test: SessionTest
): ReadonlyArray<string> => {
  const told = lastNotification ?? ""
  const { localAddress, localAsn, peerAddress, peerAsn, peerPort } = test
  if (/bad peer as/i.test(`${told} ${reason}`))
    return [
      told.startsWith("received")
        ? `the router expects another AS of ${localAddress} than ${localAsn}: compare its neighbor statement with localASN`
        : `the router is in another AS than ${peerAsn}: correct asn (peerASN) of ${peerAddress} in the file`
    ]
  if (/OpenSent|OpenConfirm/.test(furthest))
    return [
      `TCP works; the router ended the session: its log says why. Is ${localAddress} one of its neighbors with AS ${localAsn}?`
    ]
  if (/refused/.test(reason))
    return [
      `the router does not listen on port ${peerPort} for ${localAddress}: is BGP running, and ${localAddress} its neighbor?`
    ]
  const key =
    test.passwordFile === undefined
      ? "a key (MD5) that only the router has"
      : `another MD5 key than in ${test.passwordFile}`
  return [
    `look for a filter for TCP port ${peerPort} between ${localAddress} and ${peerAddress}, ${key}, or a router without this neighbor`
  ]
}

const FAMILY_NAMES = { ipv4: "IPv4", ipv6: "IPv6" } as const

const familyFindings = (
  event: SessionEvent,
  test: SessionTest,
  { needed }: SessionExpectation
): ReadonlyArray<Finding> => {
  const agreed = event.negotiated?.families ?? []
  const missing = test.families.filter((family) => !agreed.includes(`${family}-unicast`))
  return missing.map((family) => {
    const hint = `activate the ${FAMILY_NAMES[family]} unicast family for ${test.localAddress} on the router`
    return needed.includes(family)
      ? failed(`the router does not take ${FAMILY_NAMES[family]} routes on this session, which it needs`, hint)
      : warning(`the router does not take ${FAMILY_NAMES[family]} routes on this session`, hint)
  })
}

const capabilityFindings = (
  event: SessionEvent,
  test: SessionTest,
  { purpose }: SessionExpectation
): ReadonlyArray<Finding> => {
  const has = event.negotiated?.peerCapabilities ?? []
  const findings: Array<Finding> = []
  if (!has.includes("four-octet-as")) {
    const text = "the router has no 4-octet AS numbers (RFC 6793)"
    findings.push(test.localAsn > 65535 ? failed(`${text}, and ours is ${test.localAsn}`) : warning(text))
  }
  if (purpose === "control-plane") return findings
  if (!has.includes("graceful-restart"))
    findings.push(
      warning(
        "the router has no graceful restart (RFC 4724): each time that a floating IP moves, its routes are gone for a moment",
        "turn graceful restart (helper mode is enough) on for this neighbor"
      )
    )
  const taken = event.negotiated?.addPathSend ?? []
  const families = (event.negotiated?.families ?? []).filter((family) => !taken.includes(family))
  if (test.addPaths === true && families.length > 0)
    findings.push(
      warning(
        `the router does not receive additional paths (RFC 7911) for ${families.join(", ")}: each session carries one next hop for a service`,
        "turn ADD-PATH receive on for this neighbor, or set addPaths: false if one node per session is enough"
      )
    )
  return findings
}

export const established = ({ state }: SessionEvent): boolean => state === "Established"

/** A session when it is Established, or when the time is up. */
export const judgeSession = (
  event: SessionEvent | undefined,
  test: SessionTest,
  expects: SessionExpectation,
  tookMs: number
): ReadonlyArray<Finding> => {
  if (event === undefined) return [failed("the node said nothing about the session")]
  if (!established(event)) {
    const said = event.lastNotification === undefined ? "" : ` (NOTIFICATION ${event.lastNotification})`
    const why = event.reason ?? `it stays ${event.state}`
    return [
      failed(
        `no session from ${test.localAddress} after ${seconds(tookMs)}: ${why}${said}`,
        ...sessionHints(event, test)
      )
    ]
  }
  const { holdTime = 0, families = [] } = event.negotiated ?? {}
  return [
    ok(
      `Established from ${test.localAddress} in ${seconds(tookMs)}: AS ${expects.asn}, ${families.join(" and ")}, hold time ${holdTime} s`
    ),
    ...familyFindings(event, test, expects),
    ...capabilityFindings(event, test, expects)
  ]
}

/** How one other node fared. */
export interface Arrival {
  readonly node: string
  readonly probed: EventOf<"probed"> | { readonly _tag: "lost"; readonly reason: string }
  /** Absent: it was not tried. */
  readonly pinged?: EventOf<"pinged"> | EventOf<"refused">
}

/** `nonces`: who answers with which, so that a wrong one tells where traffic went. */
export const judgeDelivery = (
  address: Address,
  to: string,
  arrivals: ReadonlyArray<Arrival>,
  nonces: ReadonlyMap<string, string>
): ReadonlyArray<Finding> => {
  if (arrivals.length === 0)
    return [
      warning("there is no other node to check from that traffic arrives", "run an agent on at least one more machine")
    ]
  const good = arrivals.filter(({ probed }) => probed._tag === "probed" && probed.reached)
  const bad = arrivals.flatMap(({ node, probed, pinged }): Array<Finding> => {
    if (probed._tag === "lost")
      return [warning(`${node} could not be asked whether ${address} reaches ${to}: ${probed.reason}`)]
    if (probed.reached) {
      if (pinged === undefined || pinged._tag === "refused" || pinged.answered) return []
      return [
        warning(
          `${node} reaches ${address} over TCP, but its ping is not answered`,
          "something on the way filters ICMP"
        )
      ]
    }
    if (probed.said !== undefined) {
      const who = nonces.get(probed.said)
      return [
        failed(
          `traffic of ${node} to ${address} reaches ${who ?? "somebody else"} and not ${to}`,
          who === undefined ? `find out who has ${address}` : "a router still prefers the other path: look at its table"
        )
      ]
    }
    return [
      failed(
        `${address} announced over this session does not reach ${to} from ${node}: ${probed.reason ?? "no answer"}`,
        `does the router accept ${address} (import filter) and install it, and does ${node}'s way there lead over a router that learns it?`
      )
    ]
  })
  const slowest = Math.max(0, ...good.map(({ probed }) => (probed._tag === "probed" ? probed.tookMs : 0)))
  const all = good.length === arrivals.length
  const from = good.map(({ node }) => node).join(", ")
  return [
    ...(good.length > 0
      ? [ok(`${address} reaches ${to} from ${from}${all ? ` within ${seconds(slowest)}` : ""}`)]
      : []),
    ...bad
  ]
}

/** What one node saw of an address that several have. */
export interface Survey {
  readonly node: string
  readonly surveyed: EventOf<"surveyed"> | { readonly _tag: "lost"; readonly reason: string }
}

/** `nonces`: who answers with which; `at`: who should. */
export const judgeReach = (
  address: Address,
  at: ReadonlyArray<string>,
  surveys: ReadonlyArray<Survey>,
  nonces: ReadonlyMap<string, string>
): ReadonlyArray<Finding> => {
  if (surveys.length === 0)
    return [
      skipped(`every node that can be asked has ${address} itself: a machine without it has to look whom it reaches`)
    ]
  const reachedNodes = new Set<string>()
  const findings = surveys.map(({ node, surveyed }): Finding => {
    if (surveyed._tag === "lost")
      return warning(`${node} could not be asked whom ${address} reaches: ${surveyed.reason}`)
    const known = surveyed.answers.flatMap(({ nonce, count }) => {
      const who = nonces.get(nonce)
      return who === undefined ? [] : [{ who, count }]
    })
    for (const { who } of known) reachedNodes.add(who)
    const answered = known.reduce((sum, { count }) => sum + count, 0)
    const all = surveyed.answers.reduce((sum, { count }) => sum + count, surveyed.lost)
    const shares = known.toSorted((a, b) => (a.who < b.who ? -1 : 1)).map(({ who, count }) => `${who} (${count})`)
    if (answered === all) return ok(`connections of ${node} to ${address} reach ${shares.join(", ")}`)
    const strangers = all - surveyed.lost - answered
    const what =
      strangers > 0
        ? `${strangers} reached somebody else`
        : `${surveyed.lost} were not answered (${surveyed.reason ?? "silence"})`
    const text = `of ${all} connections of ${node} to ${address}, ${what}${shares.length === 0 ? "" : `; the others reached ${shares.join(", ")}`}`
    return failed(
      text,
      `a next hop of ${address} that does not take its traffic is still in a router's table: see viaduct explain vip ${address}`
    )
  })
  const missed = at.filter((node) => !reachedNodes.has(node))
  if (missed.length === 0 || reachedNodes.size === 0) return findings
  return [
    ...findings,
    warning(
      `no connection to ${address} reached ${missed.join(", ")}`,
      "the routers use one next hop (ECMP is off, or hashes addresses only), or have no route over that node"
    )
  ]
}

/** Nobody may answer at an address that is going to be announced. */
export const judgeFree = (
  address: Address,
  answers: ReadonlyArray<{ readonly node: string; readonly answered: boolean }>
): ReadonlyArray<Finding> => {
  const heard = answers.filter(({ answered }) => answered).map(({ node }) => node)
  if (heard.length === 0) return [ok(`nobody answers at ${address} yet`)]
  return [
    failed(
      `somebody answers at ${address} already, as seen from ${heard.join(", ")}; it is not announced, since that would take traffic away`,
      "where the cluster runs already, ask its daemons, or try with a spare address: --test-address",
      "otherwise find out whose it is"
    )
  ]
}

/** Who answers on a segment for the addresses of the cluster. `macs`: of the nodes, with their names. */
export const judgeConflicts = (
  asked: ReadonlyArray<Address>,
  owners: ReadonlyArray<{ readonly address: string; readonly mac: string }>,
  macs: ReadonlyMap<string, string>
): ReadonlyArray<Finding> => {
  if (owners.length === 0) {
    const what = asked.length === 1 ? `${asked[0]} is` : `${asked.length} addresses are`
    return [ok(`${what} nobody else's on this segment`)]
  }
  const proxies = new Set(
    owners
      .map(({ mac }) => mac)
      .filter((mac) => owners.filter((one) => one.mac === mac).length >= Math.max(3, asked.length))
  )
  const proxy = [...proxies].map((mac) =>
    failed(
      `${macs.get(mac) ?? mac} answers for every address that is asked for (proxy ARP)`,
      "turn proxy ARP off on this segment: no conflict can be found while it is on"
    )
  )
  const others = owners
    .filter(({ mac }) => !proxies.has(mac))
    .map(({ address, mac }) => {
      const node = macs.get(mac)
      return failed(
        node === undefined
          ? `somebody with MAC ${mac} has ${address} already`
          : `${node} (${mac}) answers for ${address} already`,
        node === undefined ? "find the machine by its MAC in the switch's table" : `take ${address} off ${node}`
      )
    })
  return [...proxy, ...others]
}

export const judgeMtu = (
  { octets, blackHole }: EventOf<"mtu">,
  target: Address,
  octetsMax: number
): ReadonlyArray<Finding> => {
  if (octets === 0) return [skipped(`${target} does not answer pings: its MTU is not known`)]
  if (octets >= octetsMax) return [ok(`packets of ${octets} octets reach ${target} in one piece`)]
  if (blackHole)
    return [
      failed(
        `packets of more than ${octets} octets vanish on the way to ${target}, and nobody says so`,
        'a session with many routes would hang: give every link on the way the same MTU, or let ICMP "fragmentation needed" pass',
        `until then set the interface's MTU to ${octets}`
      )
    ]
  const overhead = familyOf(target) === "ipv4" ? 40 : 60
  return [
    warning(
      `only packets of ${octets} octets reach ${target} in one piece, this node's interface sends ${octetsMax}`,
      `TCP adapts (MSS ${octets - overhead}); traffic of services that forbids fragmentation may not`
    )
  ]
}
