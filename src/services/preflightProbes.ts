// What a node finds out for a preflight without changing anything: who answers, how large packets may be, who has an address on the
// segment. RFC 5227 and RFC 4862 (conflicts), RFC 1191 and RFC 8201 (path MTU).
import { Clock, Deferred, Effect } from "effect"
import { type Address, familyOf } from "../net/ip.ts"
import { Neighbours } from "../ports/Neighbours.ts"
import { type PingAnswer, Reachability } from "../ports/Reachability.ts"
import { type Connection, type SocketOptions, Transport } from "../ports/Transport.ts"
import type { EventOf, RequestOf } from "../preflight/protocol.ts"

/** Sockets that are no BGP session. */
export const plainSocket: SocketOptions = { ttlHops: 64, ttlHopsMin: 0, userTimeoutMs: 3_000 }

/** How long one attempt to connect may take, and the pause to the next, in ms: routes come and go meanwhile. */
const attemptMs = 700
const pauseMs = 100

/** Connections of a survey that may go unanswered before it ends. */
const lostMax = 8

/** What `answer` says: the nonce and the end of the line. */
export const greeting = (nonce: string): Uint8Array => new TextEncoder().encode(`${nonce}\n`)

/** The first line that the other end says, or undefined where it closes without one. */
const firstLine = (connection: Connection) =>
  Effect.gen(function* () {
    const line = yield* Deferred.make<string | undefined>()
    let text = ""
    connection.start({
      onData: (bytes) => {
        text += new TextDecoder().decode(bytes)
        if (text.includes("\n") || text.length > 200)
          Deferred.doneUnsafe(line, Effect.succeed(text.split("\n")[0] ?? ""))
      },
      onDrain: () => undefined,
      onClose: () => {
        Deferred.doneUnsafe(line, Effect.succeed(undefined))
      }
    })
    return yield* Deferred.await(line)
  }).pipe(
    Effect.timeoutOption(attemptMs),
    Effect.map((said) => (said._tag === "Some" ? said.value : undefined))
  )

export const probe = Effect.fnUntraced(function* (request: RequestOf<"probe">) {
  const transport = yield* Transport
  const startedMs = yield* Clock.currentTimeMillis
  let attempts = 0
  let reason = "no answer"
  let said: string | undefined
  for (;;) {
    const tookMs = (yield* Clock.currentTimeMillis) - startedMs
    const leftMs = request.withinMs - tookMs
    const done = { tookMs, attempts, ...(said === undefined ? {} : { said }) }
    if (said === request.nonce) return { _tag: "probed", reached: true, tookMs, attempts } as const
    if (leftMs <= 0) return { _tag: "probed", reached: false, ...done, reason } as const
    attempts++
    const dial = transport.dial({
      ...plainSocket,
      localAddress: request.source,
      peerAddress: request.target,
      peerPort: request.port,
      timeoutMs: Math.min(attemptMs, leftMs)
    })
    const line = yield* Effect.acquireUseRelease(dial, firstLine, (connection) =>
      Effect.sync(() => connection.close(true))
    ).pipe(
      Effect.catchTag("TransportError", (error) =>
        Effect.sync(() => {
          reason = error.message
          return undefined
        })
      )
    )
    if (line !== undefined) {
      said = line
      reason = line === request.nonce ? "" : "somebody else answers"
    }
    if (said !== request.nonce) yield* Effect.sleep(pauseMs)
  }
})

export const survey = Effect.fnUntraced(function* (request: RequestOf<"survey">) {
  const transport = yield* Transport
  const counts = new Map<string, number>()
  let lost = 0
  let reason: string | undefined
  // Silence takes its time; a few of it say enough.
  for (let n = 0; n < request.connections && lost < lostMax; n++) {
    const dial = transport.dial({
      ...plainSocket,
      localAddress: request.source,
      peerAddress: request.target,
      peerPort: request.port,
      timeoutMs: attemptMs
    })
    const said = yield* Effect.acquireUseRelease(dial, firstLine, (connection) =>
      Effect.sync(() => connection.close(true))
    ).pipe(
      Effect.catchTag("TransportError", ({ message }) =>
        Effect.sync(() => {
          reason = message
          return undefined
        })
      )
    )
    if (said === undefined) lost++
    else counts.set(said, (counts.get(said) ?? 0) + 1)
  }
  const answers = [...counts].map(([nonce, count]) => ({ nonce, count }))
  return { _tag: "surveyed", answers, lost, ...(reason === undefined ? {} : { reason }) } as const
})

/** Any address of the family: the kernel chooses. */
const anyAddress = (target: Address): Address => (familyOf(target) === "ipv4" ? "0.0.0.0" : "::") as Address

export const connect = Effect.fnUntraced(function* ({ target, port, timeoutMs }: RequestOf<"connect">) {
  const transport = yield* Transport
  const startedMs = yield* Clock.currentTimeMillis
  const dial = transport.dial({
    ...plainSocket,
    localAddress: anyAddress(target),
    peerAddress: target,
    peerPort: port,
    timeoutMs
  })
  return yield* Effect.acquireUseRelease(
    dial,
    () => Effect.map(Clock.currentTimeMillis, (now) => ({ _tag: "connected", tookMs: now - startedMs }) as const),
    (connection) => Effect.sync(() => connection.close(true))
  ).pipe(
    Effect.catchTag("TransportError", ({ message }) => Effect.succeed({ _tag: "refused", reason: message } as const))
  )
})

const why = (answer: PingAnswer): string => {
  if (answer.type === "unreachable") return answer.why
  return answer.type === "too-big" ? `only ${answer.mtu} octets fit` : "no answer"
}

export const ping = Effect.fnUntraced(
  function* (request: RequestOf<"ping">) {
    const { ping } = yield* Reachability
    const { target, source, timeoutMs } = request
    let reason = "no answer"
    for (let n = 0; n < request.attempts; n++) {
      const answer = yield* ping({ target, timeoutMs, ...(source === undefined ? {} : { source }) })
      if (answer.type === "answer") return { _tag: "pinged", answered: true } as const
      reason = why(answer)
    }
    return { _tag: "pinged", answered: false, reason } as const
  },
  Effect.catchTag("ReachabilityError", ({ message }) => Effect.succeed({ _tag: "refused", reason: message } as const))
)

/** Every network carries packets of this size (RFC 791, RFC 8200). */
const octetsMin = { ipv4: 576, ipv6: 1280 } as const

/**
 * Halves the range until the largest packet that is answered is known to a few octets. A router that says what fits shortens
 * that; one that says nothing is a black hole.
 */
export const mtu = Effect.fnUntraced(function* (
  request: RequestOf<"mtu">
): Effect.fn.Return<EventOf<"mtu"> | EventOf<"refused">, never, Reachability> {
  const { ping } = yield* Reachability
  const { target, source, timeoutMs } = request
  const refusals: Array<string> = []
  const ask = Effect.fnUntraced(function* (octets: number) {
    const answer = yield* ping({ target, source, octets, dontFragment: true, timeoutMs }).pipe(
      Effect.catchTag("ReachabilityError", ({ message }) =>
        Effect.sync((): PingAnswer => {
          refusals.push(message)
          return { type: "silence" }
        })
      )
    )
    return answer
  })
  /** Lost packets are no black hole: silence counts when it comes twice. */
  const fits = Effect.fnUntraced(function* (octets: number) {
    const first = yield* ask(octets)
    return first.type === "silence" ? yield* ask(octets) : first
  })
  let low: number = octetsMin[familyOf(target)]
  let high = request.octetsMax
  let blackHole = false
  let next = high
  const smallest = yield* fits(low)
  if (refusals[0] !== undefined) return { _tag: "refused", reason: refusals[0] }
  if (smallest.type !== "answer") return { _tag: "mtu", octets: 0, blackHole: false }
  while (high - low > 3 || next === high) {
    const answer = yield* fits(next)
    if (answer.type === "answer") low = next
    else high = next - 1
    if (low >= high) break
    const told = answer.type === "too-big" && answer.mtu > low && answer.mtu <= high ? answer.mtu : undefined
    if (answer.type === "silence") blackHole = true
    next = told ?? Math.ceil((low + high) / 2)
  }
  return { _tag: "mtu", octets: low, blackHole }
})

/** As the elector does it before it takes an address. */
const probes = 3
const spacingMs = 70
const listenMs = 250

export const neighbours = Effect.fnUntraced(
  function* (request: RequestOf<"neighbours">) {
    const { open } = yield* Neighbours
    const asked = new Set<string>(request.addresses)
    const owners = new Map<string, { readonly address: Address; readonly mac: string }>()
    const segment = yield* open(request.interface, ({ type, address, mac }) => {
      if (type !== "probe" && asked.has(address)) owners.set(`${address} ${mac}`, { address, mac })
    })
    for (let n = 0; n < probes; n++) {
      for (const address of request.addresses) yield* segment.probe(address)
      yield* Effect.sleep(n === probes - 1 ? listenMs : spacingMs)
    }
    return { _tag: "neighbours", owners: [...owners.values()] } as const
  },
  Effect.scoped,
  Effect.catchTag("LinkError", ({ message }) => Effect.succeed({ _tag: "refused", reason: message } as const))
)
