// TCP without a kernel, for tests: hosts are addresses, connections are pairs of ordered pipes with latency, segments that get
// lost and come again, partitions in which nothing passes, hosts that do not read, and resets. A dial from the port of a session
// that is there ends that session, as RFC 5961 has it (D7). Time is the runtime's Clock and chance is its Random, so that under a
// test clock and a seed every run of a scenario is the same.
import { Clock, Effect, Fiber, Layer, Random, type Scope } from "effect"
import type { Address } from "../../net/ip.ts"
import {
  type Connection,
  type ConnectionHandler,
  type DialRequest,
  type ExpectedPeer,
  type Listener,
  Transport,
  TransportError
} from "../../ports/Transport.ts"

/** How the network behaves; may be changed while it runs. */
export interface NetworkConditions {
  latencyMs: number
  /** Chance from 0 to 1 that a segment has to be sent again. */
  loss: number
  /** Chance per segment that the connection breaks. */
  reset: number
}

/** The first retransmission comes after this, the next after twice as long, in ms. */
const retransmitMs = 200
/** How often a blocked pipe looks whether the partition is over, in ms. */
const blockedPollMs = 100

interface Host {
  readonly onConnection: (connection: Connection) => void
  readonly expected: Map<Address, ExpectedPeer>
}

type Segment = Uint8Array | "end"

type Ends = Pick<Connection, "localAddress" | "localPort" | "peerAddress" | "peerPort">

class Pipe implements Connection {
  readonly localAddress: Address
  readonly localPort: number
  readonly peerAddress: Address
  readonly peerPort: number
  readonly userTimeoutMs: number
  other: Pipe | undefined
  /** What was not on its way yet never leaves. */
  vanished = false
  private handler: ConnectionHandler | undefined
  private readonly early: Array<Segment> = []
  private ended = false
  private readonly enqueue: (segment: Segment, from: Pipe) => boolean

  constructor(ends: Ends, userTimeoutMs: number, enqueue: (segment: Segment, from: Pipe) => boolean) {
    this.localAddress = ends.localAddress
    this.localPort = ends.localPort
    this.peerAddress = ends.peerAddress
    this.peerPort = ends.peerPort
    this.userTimeoutMs = userTimeoutMs
    this.enqueue = enqueue
  }

  get open(): boolean {
    return !this.ended
  }

  start(handler: ConnectionHandler): void {
    this.handler = handler
    for (const segment of this.early.splice(0)) this.arrive(segment)
  }

  write(bytes: Uint8Array): boolean {
    return this.ended || this.enqueue(bytes.slice(), this)
  }

  drained(): void {
    this.handler?.onDrain()
  }

  /** The memory of this process is the socket's buffer. */
  hold(): void {
    return
  }

  close(): void {
    if (this.ended) return
    this.ended = true
    this.handler = undefined
    this.enqueue("end", this)
  }

  vanish(): void {
    this.vanished = true
    this.ended = true
    this.handler = undefined
  }

  arrive(segment: Segment): void {
    if (this.ended) return
    if (this.handler === undefined) this.early.push(segment)
    else if (segment === "end") this.break("the peer closed the connection")
    else this.handler.onData(segment)
  }

  break(why: string): void {
    if (this.ended) return
    this.ended = true
    this.handler?.onClose(why)
  }
}

/** Whether the pipe is the far end of a connection between `ends`. */
const isEndFor = (pipe: Pipe, ends: Ends): boolean =>
  pipe.localAddress === ends.peerAddress &&
  pipe.localPort === ends.peerPort &&
  pipe.peerAddress === ends.localAddress &&
  pipe.peerPort === ends.localPort

export interface MemoryNetwork {
  readonly conditions: NetworkConditions
  /** Nothing passes between the two until they are joined again. */
  readonly part: (a: Address, b: Address) => void
  readonly join: (a: Address, b: Address) => void
  /** The host reads nothing more: what is sent to it waits with its sender, until it reads again. */
  readonly clog: (host: Address) => void
  readonly unclog: (host: Address) => void
  /** Breaks every connection of a host, as its power-off and restart does. */
  readonly resetAll: (host: Address) => void
  readonly openConnections: () => number
  readonly layer: Layer.Layer<Transport>
}

export const makeMemoryNetwork: Effect.Effect<MemoryNetwork, never, Scope.Scope> = Effect.gen(function* () {
  const conditions: NetworkConditions = { latencyMs: 1, loss: 0, reset: 0 }
  const context = yield* Effect.context<never>()
  const scope = yield* Effect.scope
  const parted = new Set<string>()
  const hosts = new Map<string, Host>()
  const pipes = new Set<Pipe>()
  const lanes = new Map<Pipe, { readonly waiting: Array<Segment>; fiber: Fiber.Fiber<void> | undefined }>()
  const clogged = new Map<Address, Array<() => void>>()
  let nextPort = 40_000

  const blocked = (a: Address, b: Address): boolean => parted.has(`${a} ${b}`) || parted.has(`${b} ${a}`)

  const breakPair = (pipe: Pipe, why: string): void => {
    pipe.break(why)
    pipe.other?.break("connection reset by the peer")
    for (const gone of [pipe, pipe.other]) if (gone !== undefined) pipes.delete(gone)
  }

  /** One segment on its way: latency, retransmissions, a partition that lasts too long. */
  const carry = Effect.fnUntraced(function* (segment: Segment, from: Pipe) {
    yield* Effect.sleep(conditions.latencyMs)
    for (let again = retransmitMs; (yield* Random.next) < conditions.loss; again *= 2) yield* Effect.sleep(again)
    const since = yield* Clock.currentTimeMillis
    while (blocked(from.localAddress, from.peerAddress)) {
      yield* Effect.sleep(blockedPollMs)
      const waited = (yield* Clock.currentTimeMillis) - since
      if (from.userTimeoutMs > 0 && waited > from.userTimeoutMs)
        return from.break("the peer acknowledges nothing (timed out)")
    }
    if ((yield* Random.next) < conditions.reset) return breakPair(from, "connection reset by the peer")
    from.other?.arrive(segment)
  })

  /** False: it waits for a host that does not read. */
  const enqueue = (segment: Segment, from: Pipe): boolean => {
    const waiting = clogged.get(from.peerAddress)
    if (waiting === undefined) transmit(segment, from)
    else waiting.push(() => (from.vanished ? undefined : transmit(segment, from)))
    return waiting === undefined
  }

  const unclog = (host: Address): void => {
    for (const go of clogged.get(host) ?? []) go()
    clogged.delete(host)
    for (const pipe of pipes) if (pipe.peerAddress === host) pipe.drained()
  }

  const transmit = (segment: Segment, from: Pipe): void => {
    const lane = lanes.get(from) ?? { waiting: [], fiber: undefined }
    lanes.set(from, lane)
    lane.waiting.push(segment)
    if (lane.fiber !== undefined) return
    const run = Effect.gen(function* () {
      for (let next = lane.waiting.shift(); next !== undefined; next = lane.waiting.shift()) yield* carry(next, from)
      lane.fiber = undefined
      if (!from.open) lanes.delete(from)
    })
    lane.fiber = Effect.runForkWith(context)(Effect.forkIn(run, scope).pipe(Effect.flatMap(Fiber.join)))
  }

  const dial = Effect.fnUntraced(function* (request: DialRequest) {
    const { localAddress, peerAddress, peerPort } = request
    yield* Effect.sleep(conditions.latencyMs * 2)
    if (blocked(localAddress, peerAddress) || (yield* Random.next) < conditions.loss) {
      yield* Effect.sleep(request.timeoutMs)
      return yield* new TransportError({ message: `no answer from ${peerAddress} port ${peerPort}`, kind: "timeout" })
    }
    const host = hosts.get(`${peerAddress} ${peerPort}`)
    const expected = host?.expected.get(localAddress)
    if (host === undefined || expected === undefined)
      return yield* new TransportError({ message: "connection refused", kind: "refused" })
    if (expected.md5Key !== request.md5Key) {
      yield* Effect.sleep(request.timeoutMs)
      return yield* new TransportError({ message: `no answer from ${peerAddress} port ${peerPort}`, kind: "timeout" })
    }
    const localPort = request.localPort ?? nextPort++
    const dead = [...pipes].find(
      (pipe) => pipe.open && isEndFor(pipe, { localAddress, localPort, peerAddress, peerPort })
    )
    if (dead !== undefined) {
      // The SYN meets a session of a former owner of the address: challenge ACK, reset, and the SYN once more (D7).
      yield* Effect.sleep(conditions.latencyMs * 2)
      dead.break("connection reset by the peer")
      pipes.delete(dead)
    }
    const near = new Pipe({ localAddress, localPort, peerAddress, peerPort }, request.userTimeoutMs, enqueue)
    const farEnds = { localAddress: peerAddress, localPort: peerPort, peerAddress: localAddress, peerPort: localPort }
    const far = new Pipe(farEnds, expected.userTimeoutMs, enqueue)
    near.other = far
    far.other = near
    pipes.add(near).add(far)
    host.onConnection(far)
    return near
  })

  const listen = (localAddress: Address, port: number, onConnection: (connection: Connection) => void) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const key = `${localAddress} ${port}`
        if (hosts.has(key))
          return Effect.fail(new TransportError({ message: `cannot listen on ${key}: address already in use` }))
        const expected: Host["expected"] = new Map()
        hosts.set(key, { onConnection, expected })
        const listener: Listener = {
          port,
          expect: (peer) => Effect.sync(() => void expected.set(peer.peerAddress, peer)),
          unexpect: (peer) => Effect.sync(() => void expected.delete(peer))
        }
        return Effect.succeed(listener)
      }),
      () => Effect.sync(() => hosts.delete(`${localAddress} ${port}`))
    )

  return {
    conditions,
    part: (a, b) => void parted.add(`${a} ${b}`),
    join: (a, b) => {
      parted.delete(`${a} ${b}`)
      parted.delete(`${b} ${a}`)
    },
    clog: (host) => void clogged.set(host, []),
    unclog,
    resetAll: (host) => {
      for (const pipe of [...pipes]) if (pipe.localAddress === host) breakPair(pipe, "the host lost its power")
    },
    openConnections: () => [...pipes].filter((pipe) => pipe.open).length,
    layer: Layer.succeed(Transport, Transport.of({ dial, listen }))
  }
})
