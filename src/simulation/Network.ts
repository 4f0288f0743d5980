// TCP between the machines of the world, as their kernels have it: connections belong to a machine and an address on it, so that an
// address that moves, a machine that goes silent, a process that is killed and a port that is dialled again from elsewhere have
// the effects that they have in life. RFC 9293; RFC 5961 section 4 (a SYN for a connection that is there: challenge ACK), on which the
// takeover by a fixed source port rests (D7).
import type { Address } from "../net/ip.ts"
import type { Connection, ConnectionHandler, DialRequest, ExpectedPeer } from "../ports/Transport.ts"
import type { Machine } from "./Machine.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

/** A connection's end at one machine. */
export class End implements Connection {
  readonly machine: Machine
  readonly process: Process
  readonly localAddress: Address
  readonly localPort: number
  readonly peerAddress: Address
  readonly peerPort: number
  readonly userTimeoutMs: number
  /** The process has it: it neither closed nor forgot it. */
  owned = true
  /** The process has been given it. */
  started = false
  /** The process forgot it without a word. */
  vanished = false
  /** The kernel has it: packets for it are not answered with a reset. */
  alive = true
  other: End | undefined
  /** Sent and not acknowledged yet, in order. */
  readonly queue: Array<{ readonly bytes: Uint8Array | "fin"; readonly sentMs: number }> = []
  /** Something was lost on the way and is sent again; what follows waits. */
  stalled = false
  lastArrivalMs = 0
  private handler: ConnectionHandler | undefined
  private readonly early: Array<() => void> = []
  private readonly network: Network

  constructor(
    network: Network,
    machine: Machine,
    process: Process,
    ends: Pick<Connection, "localAddress" | "localPort" | "peerAddress" | "peerPort">,
    userTimeoutMs: number
  ) {
    this.network = network
    this.machine = machine
    this.process = process
    this.localAddress = ends.localAddress
    this.localPort = ends.localPort
    this.peerAddress = ends.peerAddress
    this.peerPort = ends.peerPort
    this.userTimeoutMs = userTimeoutMs
  }

  start(handler: ConnectionHandler): void {
    this.started = true
    this.handler = handler
    for (const event of this.early.splice(0)) event()
  }

  write(bytes: Uint8Array): boolean {
    if (this.owned && this.alive) this.network.send(this, bytes.slice())
    return true
  }

  /** The world's memory is the socket's buffer. */
  hold(): void {
    return
  }

  close(abort = false): void {
    if (!this.owned) return
    this.owned = false
    this.handler = undefined
    if (abort) this.network.reset(this)
    else if (this.alive) this.network.send(this, "fin")
  }

  vanish(): void {
    if (this.network.stubborn) return
    this.vanished = true
    this.owned = false
    this.handler = undefined
    this.network.forget(this)
  }

  /** Tells the process, which may be frozen or not have started to listen. */
  tell(event: (handler: ConnectionHandler) => void): void {
    this.process.tell(() => {
      if (!this.owned) return
      if (this.handler === undefined) this.early.push(() => this.handler !== undefined && event(this.handler))
      else event(this.handler)
    })
  }

  /** The kernel gives the connection up and tells the process why. */
  break(why: string): void {
    if (!this.alive) return
    this.network.forget(this)
    this.tell((handler) => {
      this.owned = false
      this.handler = undefined
      handler.onClose(why)
    })
  }
}

interface Listening {
  readonly machine: Machine
  readonly process: Process
  readonly onConnection: (connection: Connection) => void
  readonly expected: Map<Address, ExpectedPeer>
}

/** First retransmission, and the longest pause between two, in ms. */
const retransmitMs = 200
const retransmitMostMs = 3_200

export class Network {
  /** Chance that a segment or a SYN has to be sent again. */
  loss = 0
  /** Chance per segment that something on the way resets the connection. */
  resets = 0
  latencyMs = 1
  /** Planted: sockets that are to vanish stay. */
  stubborn = false
  private readonly world: World
  private readonly machines: () => ReadonlyArray<Machine>
  private readonly listening = new Map<string, Listening>()
  readonly ends = new Set<End>()
  private readonly cuts = new Set<string>()
  private readonly mended = new Map<string, number>()
  private nextPort = 32_768

  constructor(world: World, machines: () => ReadonlyArray<Machine>) {
    this.world = world
    this.machines = machines
  }

  cut(a: Machine, b: Machine): void {
    this.cuts.add([a.name, b.name].sort().join(" "))
  }

  mend(a: Machine, b: Machine): void {
    const key = [a.name, b.name].sort().join(" ")
    if (this.cuts.delete(key)) this.mended.set(key, this.world.ms)
  }

  /** Since when packets pass between the two, in ms; infinite: they do not. */
  openSince(a: Machine, b: Machine): number {
    const key = [a.name, b.name].sort().join(" ")
    return this.cuts.has(key) ? Number.POSITIVE_INFINITY : (this.mended.get(key) ?? 0)
  }

  private passes(a: Machine, b: Machine): boolean {
    return a.powered && b.powered && !this.cuts.has([a.name, b.name].sort().join(" "))
  }

  /** The machine that packets for an address arrive at. */
  private machineOf(address: Address): Machine | undefined {
    const having = this.machines().filter((machine) => machine.has(address))
    if (having.length < 2) return having[0]
    return having.find((machine) => machine.segment.neighbours.get(address) === machine) ?? having[0]
  }

  private delay(): number {
    return this.latencyMs * (0.8 + 0.4 * this.world.chance.next())
  }

  private endAt(machine: Machine, local: Address, localPort: number, peer: Address, peerPort: number): End | undefined {
    for (const end of this.ends)
      if (
        end.alive &&
        end.machine === machine &&
        end.localPort === localPort &&
        end.peerPort === peerPort &&
        end.localAddress === local &&
        end.peerAddress === peer
      )
        return end
    return undefined
  }

  send(end: End, bytes: Uint8Array | "fin"): void {
    end.queue.push({ bytes, sentMs: this.world.ms })
    if (!end.stalled) this.depart(end)
  }

  /** The last segment of the queue leaves the machine at once; what is lost, or cannot leave, is sent again later. */
  private depart(from: End): void {
    if (!from.machine.has(from.localAddress) || this.world.chance.happens(this.loss)) {
      this.stall(from)
      return
    }
    const atMs = Math.max(from.lastArrivalMs, this.world.ms + this.delay())
    from.lastArrivalMs = atMs
    this.world.after(atMs - this.world.ms, () => {
      if (!from.stalled && !this.arrive(from)) this.stall(from)
    })
  }

  private stall(from: End): void {
    from.stalled = true
    const again = (ms: number): void => {
      const segment = from.queue[0]
      if (!from.alive || segment === undefined) return
      const leaves = from.machine.has(from.localAddress) && !this.world.chance.happens(this.loss)
      const late = from.userTimeoutMs > 0 && this.world.ms - segment.sentMs > from.userTimeoutMs
      if (leaves && this.arrive(from)) this.resume(from)
      else if (late) from.break("the peer acknowledges nothing (timed out)")
      else this.world.after(ms, () => again(Math.min(ms * 2, retransmitMostMs)))
    }
    this.world.after(retransmitMs, () => again(retransmitMs * 2))
  }

  /** What has waited behind a lost segment follows it. */
  private resume(from: End): void {
    while (from.alive && from.queue.length > 0) if (!this.arrive(from)) return
    from.stalled = false
  }

  /** The first segment of the queue arrives, or finds out that nobody wants it; false: it gets nowhere. */
  private arrive(from: End): boolean {
    const segment = from.queue[0]
    if (!from.alive || segment === undefined) return true
    const there = this.machineOf(from.peerAddress)
    if (there === undefined || !this.passes(from.machine, there)) return false
    const to = from.other
    if (to === undefined || !to.alive || to.machine !== there || this.world.chance.happens(this.resets)) {
      if (to?.machine === there) to.break("connection reset by the peer")
      from.queue.length = 0
      this.world.after(this.delay(), () => from.break("connection reset by the peer"))
      return true
    }
    from.queue.shift()
    this.deliver(to, segment.bytes)
    if (from.queue.length === 0 && to.queue.length === 0 && !from.owned && !to.owned) this.forgetBoth(from)
    return true
  }

  private deliver(to: End, bytes: Uint8Array | "fin"): void {
    if (bytes !== "fin") {
      if (!to.owned && to.process.state === "dead") this.reset(to)
      else to.tell((handler) => handler.onData(bytes))
      return
    }
    to.tell((handler) => {
      to.owned = false
      handler.onClose("the peer closed the connection")
      if (to.alive) this.send(to, "fin")
    })
  }

  /** Resets a connection from one end; the reset arrives where the way is free. */
  reset(from: End): void {
    const to = from.other
    this.forget(from)
    const reachable = from.machine.has(from.localAddress)
    this.world.after(this.delay(), () => {
      if (to !== undefined && reachable && to.machine.has(to.localAddress) && this.passes(from.machine, to.machine))
        to.break("connection reset by the peer")
    })
  }

  forget(end: End): void {
    end.alive = false
    end.queue.length = 0
    this.ends.delete(end)
  }

  private forgetBoth(end: End): void {
    this.forget(end)
    if (end.other !== undefined) this.forget(end.other)
  }

  /** The kernel closes what a killed process had. */
  closeAll(process: Process): void {
    for (const end of [...this.ends]) {
      if (end.process !== process) continue
      end.owned = false
      this.send(end, "fin")
    }
    for (const [key, listener] of this.listening) if (listener.process === process) this.listening.delete(key)
  }

  /** Power is gone: nobody hears anything. */
  forgetAll(machine: Machine): void {
    for (const end of [...this.ends]) if (end.machine === machine) this.forget(end)
    for (const [key, listener] of this.listening) if (listener.machine === machine) this.listening.delete(key)
  }

  listen(
    machine: Machine,
    process: Process,
    address: Address,
    port: number,
    onConnection: (connection: Connection) => void
  ) {
    const key = `${machine.name} ${address} ${port}`
    if (this.listening.has(key)) return `cannot listen on ${address} port ${port}: address already in use`
    const expected: Listening["expected"] = new Map()
    this.listening.set(key, { machine, process, onConnection, expected })
    return { expected, stop: () => void this.listening.delete(key) }
  }

  /** Tells `done` about a connection, or why there is none. The result gives the attempt up. */
  dial(machine: Machine, process: Process, request: DialRequest, done: (result: End | string) => void): () => void {
    const { localAddress, peerAddress, peerPort } = request
    let open = true
    const finish = (result: End | string): void => {
      if (!open) {
        if (typeof result !== "string") result.close(true)
        return
      }
      open = false
      done(result)
    }
    if (!machine.has(localAddress)) {
      finish(`cannot bind ${localAddress}: the address is not on this node`)
      return () => undefined
    }
    const wished = request.localPort
    const used = wished !== undefined && this.endAt(machine, localAddress, wished, peerAddress, peerPort) !== undefined
    const localPort = wished === undefined || used ? this.nextPort++ : wished
    const deadlineMs = this.world.ms + request.timeoutMs
    const noAnswer = `no answer from ${peerAddress} port ${peerPort}`
    const again = (ms: number, next: () => void): void => {
      const left = deadlineMs - this.world.ms
      this.world.after(Math.min(ms, left), () => (ms < left ? next() : finish(noAnswer)))
    }
    const syn = (againMs: number): void => {
      if (!open) return
      const lost = this.world.chance.happens(this.loss)
      this.world.after(this.delay(), () => {
        if (!open) return
        const there = this.machineOf(peerAddress)
        const passes = there !== undefined && machine.has(localAddress) && this.passes(machine, there)
        if (!passes || lost) again(againMs, () => syn(againMs * 2))
        else
          this.knock(machine, process, request, localPort, there, {
            answer: (result) => this.world.after(this.delay(), () => finish(result)),
            silence: () => again(againMs, () => syn(againMs * 2)),
            challenge: () => again(10, () => syn(againMs))
          })
      })
    }
    syn(1_000)
    return () => {
      open = false
    }
  }

  /** A SYN arrives. */
  private knock(
    machine: Machine,
    process: Process,
    request: DialRequest,
    localPort: number,
    there: Machine,
    on: { answer: (result: End | string) => void; silence: () => void; challenge: () => void }
  ): void {
    const { localAddress, peerAddress, peerPort } = request
    const old = this.endAt(there, peerAddress, peerPort, localAddress, localPort)
    if (old !== undefined) {
      // The other end answers the challenge with a reset, unless the connection is its own.
      if (old.other?.alive && old.other.machine === machine) on.silence()
      else {
        old.break("connection reset by the peer")
        on.challenge()
      }
      return
    }
    const host = this.listening.get(`${there.name} ${peerAddress} ${peerPort}`)
    const expected = host?.expected.get(localAddress)
    if (host === undefined || expected === undefined) {
      on.answer("connection refused")
      return
    }
    if (expected.md5Key !== request.md5Key) {
      on.silence()
      return
    }
    const near = new End(
      this,
      machine,
      process,
      { localAddress, localPort, peerAddress, peerPort },
      request.userTimeoutMs
    )
    const far = new End(
      this,
      there,
      host.process,
      { localAddress: peerAddress, localPort: peerPort, peerAddress: localAddress, peerPort: localPort },
      expected.userTimeoutMs
    )
    near.other = far
    far.other = near
    this.ends.add(near).add(far)
    host.process.tell(() => host.onConnection(far))
    on.answer(near)
  }
}
