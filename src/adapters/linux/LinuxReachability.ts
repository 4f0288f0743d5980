// Ping on the machine's own kernel: a raw ICMP socket for each request, connected, so that it hears only the target, and ICMP errors
// about its own packets come as errors of the socket. Packets that must not be taken apart go out whatever path MTU the kernel
// remembers (IP_PMTUDISC_PROBE): a path may have changed.
import { type Clock, Effect, Layer } from "effect"
import { type Address, familyOf } from "../../net/ip.ts"
import { type PingAnswer, type PingRequest, Reachability, ReachabilityError } from "../../ports/Reachability.ts"
import { decodeEchoReply, echoOctetsMin, echoRequest } from "../../vip/icmp.ts"
import * as c from "../bun/libc.ts"

const AF_INET = 2
const AF_INET6 = 10
const SOCK_RAW = 3
const IPPROTO_ICMP = 1
const IPPROTO_ICMPV6 = 58
const EMSGSIZE = 90
const payloadOctets = 56

/** Option numbers of ip(7) and ipv6(7): how packets are fragmented, and the MTU that is known of a connected socket's way. */
const options = {
  ipv4: { level: c.IPPROTO_IP, discover: 10, mtu: 14 },
  ipv6: { level: c.IPPROTO_IPV6, discover: 23, mtu: 24 }
} as const
const PMTUDISC_DONT = 0
const PMTUDISC_PROBE = 3

const openSocket = ({ target, source, dontFragment }: PingRequest): number => {
  const family = familyOf(target)
  const fd =
    family === "ipv4" ? c.rawSocket(AF_INET, SOCK_RAW, IPPROTO_ICMP) : c.rawSocket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)
  try {
    const { level, discover } = options[family]
    c.setInt(fd, level, discover, dontFragment === true ? PMTUDISC_PROBE : PMTUDISC_DONT, "MTU_DISCOVER")
    if (source !== undefined) c.bindTo(fd, source, 0)
    return fd
  } catch (error) {
    c.close(fd)
    throw error
  }
}

const knownMtu = (fd: number, target: Address): number => {
  const { level, mtu } = options[familyOf(target)]
  return c.getInt(fd, level, mtu, "MTU")
}

/** What an error of the socket says about the way to the target. */
const answerTo = (fd: number, target: Address, error: unknown): PingAnswer => {
  if (!(error instanceof c.Errno)) throw error
  if (error.errno === EMSGSIZE) return { type: "too-big", mtu: knownMtu(fd, target) }
  return { type: "unreachable", why: c.errnoText(error.errno) }
}

interface Reply {
  readonly type: "reply"
  readonly ttlHops?: number
}

/** The answer where it is there already. */
const heard = (fd: number, target: Address, identifier: number): Reply | PingAnswer | undefined => {
  try {
    for (let bytes = c.receive(fd, 65536); bytes !== undefined; bytes = c.receive(fd, 65536)) {
      if (decodeEchoReply(familyOf(target), bytes)?.identifier !== identifier) continue
      // Octet 8 of the IPv4 header, which comes with the packet; that of IPv6 does not.
      const ttlHops = familyOf(target) === "ipv4" ? bytes[8] : undefined
      return { type: "reply", ...(ttlHops === undefined ? {} : { ttlHops }) }
    }
    return undefined
  } catch (error) {
    return answerTo(fd, target, error)
  }
}

let asked = 0

const now = Effect.map(
  Effect.clockWith((clock: Clock.Clock) => clock.monotonicTimeNanos),
  (nanos) => Number(nanos) / 1e6
)

const exchange = Effect.fnUntraced(function* (fd: number, request: PingRequest) {
  const { target, timeoutMs } = request
  const family = familyOf(target)
  const identifier = (process.pid + asked++) & 0xffff
  const octets = request.octets ?? echoOctetsMin(family) + payloadOctets
  const startedMs = yield* now
  const refused = yield* Effect.try({
    try: (): PingAnswer | undefined => {
      try {
        c.startConnect(fd, target, 0)
        c.sendAll(fd, echoRequest(family, { identifier, sequence: 1 }, octets))
        return undefined
      } catch (error) {
        return answerTo(fd, target, error)
      }
    },
    catch: reachabilityError
  })
  if (refused !== undefined) return refused
  for (let pauseMs = 0.5; ; pauseMs = Math.min(20, pauseMs * 1.5)) {
    const got = yield* Effect.try({ try: () => heard(fd, target, identifier), catch: reachabilityError })
    const tookMs = (yield* now) - startedMs
    if (got?.type === "reply") return { ...got, type: "answer", tookMs } as const
    if (got !== undefined) return got
    if (tookMs >= timeoutMs) return { type: "silence" } as const
    yield* Effect.sleep(Math.min(pauseMs, timeoutMs - tookMs))
  }
})

const reachabilityError = (error: unknown): ReachabilityError =>
  new ReachabilityError({ message: `cannot ping: ${error instanceof Error ? error.message : String(error)}` })

const ping = (request: PingRequest): Effect.Effect<PingAnswer, ReachabilityError> =>
  Effect.acquireUseRelease(
    Effect.try({ try: () => openSocket(request), catch: reachabilityError }),
    (fd) => exchange(fd, request),
    (fd) => Effect.sync(() => c.close(fd))
  )

export const LinuxReachability = Layer.succeed(Reachability, Reachability.of({ ping }))
