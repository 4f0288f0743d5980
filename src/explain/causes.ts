// What a failed session's ends have probably done wrong, from what the wire showed: the failure as a fact, the peer's last OPEN, and a
// look at the peer where somebody took one (RFC 4271 6, RFC 2385, RFC 5082). The kernel drops segments with a wrong key or from too
// far away and says nothing, so silence has several causes: they are named in the order of their likelihood.
import type { SessionFailure } from "../resources/nodeStatus.ts"
import type { Seen } from "./input.ts"
import { neighborSetup } from "./routerCommands.ts"
import type { SessionProbe } from "./types.ts"

export interface Cause {
  /** A clause that follows "from X: ". */
  readonly text: string
  readonly hints: ReadonlyArray<string>
}

const where = ({ purpose, peerAddress }: Seen): string =>
  purpose === "service" ? `the BGPPeer with peerIP ${peerAddress}` : `the bgpPeers entry ${peerAddress}`

const wrongAsn = (session: Seen): Cause => {
  const { localAsn, localAddress, peerAddress } = session
  return {
    text: `${peerAddress} refuses AS ${localAsn}: it has another AS number configured for ${localAddress} (Bad Peer AS)`,
    hints: [
      `on the router, the neighbor ${localAddress} has to be AS ${localAsn}: ${neighborSetup(session)}`,
      `or, if the router is right, change ${session.purpose === "service" ? "localASN" : "loadBalancer.localASN"} here`
    ]
  }
}

const peerIsOther = (session: Seen): Cause => {
  const said = session.lastOpen?.asn
  const is = said === undefined ? "another AS" : `AS ${said}`
  const set = session.purpose === "service" ? "peerASN" : "asn"
  return {
    text: `${session.peerAddress} says that it is ${is}, and the config has AS ${session.peerAsn} for it (Bad Peer AS)`,
    hints: [`set ${set}${said === undefined ? "" : `: ${said}`} in ${where(session)}, or change the router's AS`]
  }
}

/** By code and subcode: what a NOTIFICATION from the peer asks for. */
const asked: Readonly<Record<string, (session: Seen) => Cause>> = {
  "2/2": wrongAsn,
  "2/3": ({ peerAddress, localAddress }) => ({
    text: `${peerAddress} does not accept our BGP identifier`,
    hints: [`another speaker, or the router itself, uses the router ID of ${localAddress}`]
  }),
  "2/6": (session) => ({
    text: `${session.peerAddress} does not accept our hold time`,
    hints: [`raise holdTime in ${where(session)}, or the least hold time that the router accepts`]
  }),
  "6/1": ({ peerAddress }) => ({
    text: `${peerAddress} allows fewer prefixes than we announce`,
    hints: ["raise the maximum number of prefixes for this neighbor on the router, and clear it there"]
  }),
  "6/2": ({ peerAddress }) => ({
    text: `an operator has shut the neighbor down on ${peerAddress}`,
    hints: ["enable it on the router (no shutdown)"]
  }),
  "6/3": (session) => ({
    text: `${session.peerAddress} has no neighbor ${session.localAddress} any more`,
    hints: [`add it on the router: ${neighborSetup(session)}`]
  }),
  "6/5": (session) => ({
    text: `${session.peerAddress} rejects connections from ${session.localAddress}`,
    hints: [`it has no such neighbor, or has it shut down: ${neighborSetup(session)}`]
  })
}

const told = (session: Seen, { type, notification, text }: SessionFailure): Cause => {
  const key = notification === undefined ? "" : `${notification.code}/${notification.subcode}`
  if (type === "sent" && key === "2/2") return peerIsOther(session)
  const known = type === "received" ? asked[key]?.(session) : undefined
  return known ?? { text, hints: [] }
}

const gone = ({ peerAddress, localAddress }: Seen, how: string): Cause => ({
  text: `no answer from ${peerAddress}, ${how}: it is down, or there is no way to it`,
  hints: [
    `is the router up, and is ${peerAddress} its address?`,
    `look with: ip route get ${peerAddress} from ${localAddress}; ip neigh show to ${peerAddress}`
  ]
})

const noGtsm = (session: Seen, pinged: string): Cause => ({
  text:
    `${session.peerAddress} ${pinged}but what it sends over TCP does not arrive with TTL 255, as ttlSecurity asks: ` +
    "it has no ttl-security (GTSM) for us",
  hints: [
    `set ttl-security for the neighbor ${session.localAddress} on the router (GTSM, RFC 5082)`,
    `or take ttlSecurity out of ${where(session)}`
  ]
})

const tooFar = (session: Seen, hops: number): Cause => {
  const { peerAddress, localAddress, ttlSecurity, peerPort } = session
  if (ttlSecurity !== undefined && hops > ttlSecurity)
    return {
      text: `${peerAddress} is ${hops} hops away, and ttlSecurity lets packets in from ${ttlSecurity} at most (TTL)`,
      hints: [`set ttlSecurity: ${hops} in ${where(session)}, and the same on the router`]
    }
  return {
    text: `${peerAddress} answers to ping from ${hops} hops away and not on TCP port ${peerPort}: it wants neighbors nearer (TTL)`,
    hints: [
      `on the router, the neighbor ${localAddress} needs ebgp-multihop ${hops}, or ttl-security hops ${hops}`,
      "or a filter on the way drops the port"
    ]
  }
}

const keys = (session: Seen, tcp: SessionProbe["tcp"]): Cause => {
  const { peerAddress, peerPort, passwordFile, localAddress } = session
  if (passwordFile === undefined)
    return {
      text: `${peerAddress} answers to ping and not on TCP port ${peerPort}: it wants an MD5 key, or a filter drops the port`,
      hints: [
        `if the router has a password for ${localAddress}, name its file as passwordFile in ${where(session)}`,
        `otherwise look for a filter on the way and on the router (TCP port ${peerPort}, from ${localAddress})`
      ]
    }
  if (tcp === "open" || tcp === "refused")
    return {
      text: `${peerAddress} answers without an MD5 key and not with one: it has no password for ${localAddress}`,
      hints: [`set the password on the router, or take passwordFile out of ${where(session)}`]
    }
  return {
    text: `MD5 mismatch suspected: ${peerAddress} answers to ping, and not to connections with the key in ${passwordFile}`,
    hints: [
      `compare the first line of ${passwordFile} with the router's password for ${localAddress}`,
      "both kernels count such segments: nstat -az TcpExtTCPMD5Failure"
    ]
  }
}

const silence = (session: Seen, probe: SessionProbe | undefined): Cause => {
  const { ping, tcp } = probe ?? {}
  const { ttlSecurity } = session
  if (ping?.type === "silence") return gone(session, "and none to ping either")
  if (ping?.type === "unreachable") return gone(session, `and ping says ${ping.why}`)
  const hops = ping?.hops
  if (ping !== undefined && hops !== undefined && hops > (ttlSecurity ?? 1)) return tooFar(session, hops)
  if (ping !== undefined && ttlSecurity !== undefined && session.passwordFile === undefined)
    return noGtsm(session, "answers to ping, ")
  if (ping !== undefined) return keys(session, tcp)
  const text = session.lastFailure?.text ?? "no answer"
  return {
    text: session.reason ?? text,
    hints: [`does it answer to ping? ping -I ${session.localAddress} ${session.peerAddress}`]
  }
}

const closing = (session: Seen, failure: SessionFailure): Cause => {
  const { peerAddress, localAddress } = session
  if (failure.in !== "OpenSent" && failure.in !== "OpenConfirm") return { text: failure.text, hints: [] }
  const before = session.reason?.includes("; since then: ") === true ? ` (${session.reason})` : ""
  return {
    text: `${peerAddress} takes the connection and closes it without a word: it has no neighbor ${localAddress}${before}`,
    hints: [
      `add it on the router, or enable it there: ${neighborSetup(session)}`,
      "a router whose neighbor is passive or shut down does the same"
    ]
  }
}

const refusal = ({ peerAddress, peerPort, localAddress }: Seen): Cause => ({
  text: `${peerAddress} refuses connections to port ${peerPort}: no BGP speaker listens there`,
  hints: [
    "does BGP run on the router, on this address and port?",
    `some listen only when they have a neighbor, or reject what is not one: is ${localAddress} configured?`
  ]
})

/** The NOTIFICATION that explains more than the bare closes since. */
const toldBefore = ({ own }: Seen): SessionFailure | undefined => {
  const last = own?.lastNotification
  if (last?.code !== 2 || last.subcode === undefined) return undefined
  const { direction: type, at, text, code, subcode } = last
  return { type, in: "OpenSent", at, text, notification: { code, subcode } }
}

/** Why a session that is not Established is not. */
export const causeOf = (session: Seen, probe: SessionProbe | undefined): Cause => {
  const { lastFailure: failure, state, ttlSecurity, reason } = session
  if (state === "OpenSent" && ttlSecurity !== undefined && failure?.type !== "sent" && failure?.type !== "received")
    return noGtsm(session, probe?.ping?.type === "answer" ? "answers to ping, " : "takes the connection, ")
  if (failure === undefined) return { text: reason ?? "it has just been started", hints: [] }
  switch (failure.type) {
    case "sent":
      if (failure.in === "OpenSent" && failure.notification?.code === 4 && ttlSecurity !== undefined)
        return noGtsm(session, "takes the connection, ")
      return told(session, failure)
    case "received":
      return told(session, failure)
    case "refused":
      return refusal(session)
    case "timeout":
      return silence(session, probe)
    case "unreachable":
      return gone(session, failure.text)
    case "closed":
    case "reset": {
      const before = toldBefore(session)
      return before === undefined ? closing(session, failure) : told(session, before)
    }
    case "local":
      return { text: reason ?? failure.text, hints: [] }
  }
}
