// A router of the world: this project's own speaker, passive, one session for each address that may call, with what a router
// does beside that: it takes additional paths, and it helps a speaker that restarts (RFC 4724 section 4.2, RFC 8538): routes of a
// session that ended without a hard reset stay as stale until the speaker is back and has sent its table, or its time is up.
import { Effect, Exit, Layer, Scope } from "effect"
import type { Capability } from "../bgp/capability/types.ts"
import type { Message, Update } from "../bgp/message/types.ts"
import { type Address, type Family, familyOf, type Prefix } from "../net/ip.ts"
import type { SessionParameters } from "../plan/types.ts"
import { Listeners } from "../services/Listeners.ts"
import type { Transition } from "../services/SessionCore.ts"
import { runSession } from "../services/SessionRunner.ts"
import { fsmConfig } from "../services/sessionConfig.ts"
import type { Machine } from "./Machine.ts"
import type { Network } from "./Network.ts"
import { Process } from "./Process.ts"
import { noSecrets, transport } from "./ports.ts"
import type { World } from "./World.ts"

export interface RouterPath {
  readonly prefix: Prefix
  readonly nextHop: Address
  readonly pathId?: number
  /** Kept for a speaker that is away. */
  stale: boolean
}

/** What a router knows over one session. */
export interface Neighbour {
  readonly address: Address
  readonly paths: Map<string, RouterPath>
  established: boolean
  /** Since when it is as it is, in ms. */
  since: number
  /** Times that it ended. */
  flaps: number
  /** Increases with every change of `paths`. */
  version: number
}

export interface RouterSpec {
  readonly name: string
  readonly address: Address
  readonly asn: number
  readonly clusterAsn: number
  readonly holdTime: number
  readonly addPath: boolean
  /** It helps speakers that restart. */
  readonly helper: boolean
}

interface Known extends Neighbour {
  restart?: { readonly timeMs: number; readonly notification: boolean }
  hardReset: boolean
  expiry: () => void
}

const pathKey = ({ prefix, pathId }: { readonly prefix: Prefix; readonly pathId?: number }): string =>
  pathId === undefined ? prefix : `${prefix} ${pathId}`

export class Router {
  readonly spec: RouterSpec
  readonly machine: Machine
  readonly neighbours = new Map<Address, Known>()
  private readonly world: World
  private readonly network: Network
  private process: Process | undefined
  private readonly say: (text: string) => void
  /** Increases with every change of what it knows. */
  version = 0

  constructor(world: World, network: Network, machine: Machine, spec: RouterSpec, say: (text: string) => void) {
    this.world = world
    this.network = network
    this.machine = machine
    this.spec = spec
    this.say = say
  }

  get running(): boolean {
    return this.process !== undefined
  }

  /** Starts, with a session for each of these addresses. */
  start(callers: ReadonlyArray<Address>): void {
    const owner = new Process(this.world, this.spec.name, this.say)
    this.process = owner
    for (const address of callers) this.neighbours.set(address, this.fresh(address))
    const program = Effect.gen({ self: this }, function* () {
      const services = yield* Layer.buildWithMemoMap(
        Listeners.layer.pipe(Layer.provideMerge(Layer.merge(transport(this.network, this.machine, owner), noSecrets))),
        Layer.makeMemoMapUnsafe(),
        owner.scope
      )
      for (const address of callers)
        yield* runSession(this.parameters(address), this.config(address), this.observer(address)).pipe(
          Effect.provideContext(services),
          Scope.provide(owner.scope)
        )
    })
    owner.run(program, (exit) => {
      if (Exit.isFailure(exit)) throw new Error(`router ${this.spec.name} did not start`)
    })
  }

  /** The process ends at once; its kernel closes its connections. */
  stop(): void {
    if (this.process === undefined) return
    this.process.kill()
    this.network.closeAll(this.process)
    this.process = undefined
    for (const known of this.neighbours.values()) known.expiry()
    this.neighbours.clear()
    this.version++
  }

  private fresh(address: Address): Known {
    return {
      address,
      paths: new Map(),
      established: false,
      since: this.world.ms,
      flaps: 0,
      version: 0,
      hardReset: false,
      expiry: () => undefined
    }
  }

  private parameters(peerAddress: Address): SessionParameters {
    const { address, asn, clusterAsn, holdTime } = this.spec
    return {
      localAddress: address,
      peerAddress,
      peerPort: 179,
      localAsn: asn,
      peerAsn: clusterAsn,
      routerId: address,
      holdTime,
      keepaliveTime: Math.floor(holdTime / 3),
      connectRetryTime: 5,
      passive: true,
      ...(this.spec.helper ? { gracefulRestart: { restartTime: 120, notification: true } } : {}),
      families: ["ipv4", "ipv6"]
    }
  }

  private config(peerAddress: Address) {
    const config = fsmConfig(this.parameters(peerAddress), this.spec.name)
    if (!this.spec.addPath) return config
    const families = [1, 2].map((afi) => ({ afi, safi: 1, mode: "receive" as const }))
    const receive: Capability = { code: 69, name: "add-path", families }
    const open = { ...config.open, capabilities: [...config.open.capabilities, receive] }
    return { ...config, open, reopen: open }
  }

  private observer(address: Address) {
    const known = this.neighbours.get(address) ?? this.fresh(address)
    return {
      onMessage: (direction: "sent" | "received", message: Message) => {
        if (direction === "received") this.hear(known, message)
      },
      onTransition: ({ from, to, reason }: Transition) => {
        if (to === "Established") this.goUp(known)
        else if (from === "Established") this.goDown(known, reason)
      }
    }
  }

  private hear(known: Known, message: Message): void {
    if (message.type === "OPEN") {
      const offer = message.capabilities.find(({ name }) => name === "graceful-restart")
      if (offer?.name === "graceful-restart" && this.spec.helper)
        known.restart = { timeMs: offer.restartTime * 1_000, notification: offer.notification }
      else delete known.restart
    } else if (message.type === "NOTIFICATION")
      known.hardReset = message.hardReset !== undefined || known.restart?.notification !== true
    else if (message.type === "UPDATE") this.apply(known, message)
  }

  private apply(known: Known, update: Update): void {
    for (const route of update.withdraw) known.paths.delete(pathKey(route))
    for (const { prefix, nextHop, pathId } of update.announce)
      known.paths.set(pathKey({ prefix, ...(pathId === undefined ? {} : { pathId }) }), {
        prefix,
        nextHop,
        ...(pathId === undefined ? {} : { pathId }),
        stale: false
      })
    if (update.endOfRib !== undefined) this.sweep(known, update.endOfRib === "ipv4-unicast" ? "ipv4" : "ipv6")
    this.touch(known)
  }

  private sweep(known: Known, family?: Family): void {
    for (const [key, { prefix, stale }] of known.paths)
      if (stale && (family === undefined || familyOf(prefix) === family)) known.paths.delete(key)
    this.touch(known)
  }

  private touch(known: Known): void {
    known.version++
    this.version++
  }

  private goUp(known: Known): void {
    known.expiry()
    known.established = true
    known.since = this.world.ms
    known.hardReset = false
    if (known.restart === undefined) this.sweep(known)
    // RFC 4724 4.2: what is still stale a while after the speaker is back goes.
    else known.expiry = this.world.after(known.restart.timeMs, () => this.sweep(known))
    this.touch(known)
    this.say(`session from ${known.address} is up`)
  }

  private goDown(known: Known, reason: string): void {
    known.established = false
    known.since = this.world.ms
    known.flaps++
    known.expiry()
    if (known.restart === undefined || known.hardReset) known.paths.clear()
    else {
      // A second restart before the first was over: what was stale already is not kept any longer.
      this.sweep(known)
      for (const path of known.paths.values()) path.stale = true
      known.expiry = this.world.after(known.restart.timeMs, () => this.sweep(known))
    }
    this.touch(known)
    this.say(`session from ${known.address} is down: ${reason}`)
  }
}
