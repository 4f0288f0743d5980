// A node of the world: a machine, and on it from time to time the daemon: the real services over ports of the world. It can be
// started, given other documents, frozen, stopped in order, left behind for a successor, killed, and lose its power.
import { Context, Effect, Exit, Layer, Scope } from "effect"
import type { MemoryStore } from "../adapters/memory/MemoryStore.ts"
import type { Message } from "../bgp/message/types.ts"
import type { ApplyRequest } from "../config/change.ts"
import type { ApplyOutcome } from "../config/outcome.ts"
import type { Address } from "../net/ip.ts"
import type { LocalAddress, PlannedSession } from "../plan/types.ts"
import { Cluster } from "../services/Cluster.ts"
import { ConfigStore } from "../services/ConfigStore.ts"
import { nodeServices } from "../services/node.ts"
import { Reconciler } from "../services/Reconciler.ts"
import { Supervisor } from "../services/Supervisor.ts"
import type { Machine } from "./Machine.ts"
import type { Network } from "./Network.ts"
import { Process } from "./Process.ts"
import { nodePorts, type Planted, type StoreTrouble } from "./ports.ts"
import type { Scenario, SimNode } from "./scenario.ts"
import type { World } from "./World.ts"

export interface DaemonSurroundings {
  readonly world: World
  readonly network: Network
  readonly memory: MemoryStore
  readonly scenario: Scenario
  readonly trouble: StoreTrouble
  readonly planted: Planted
  /** The file that was put on every node at the beginning. */
  readonly documents: string
  readonly say: (who: string, text: string) => void
}

type Services = Context.Context<Reconciler | Supervisor | Cluster | ConfigStore>

export class Daemon {
  readonly node: SimNode
  readonly machine: Machine
  private readonly around: DaemonSurroundings
  process: Process | undefined
  private services: Services | undefined
  /** What the addressRecord of the daemon keeps on disk. */
  private recorded: ReadonlyArray<LocalAddress> = []
  /** Its copy of the last revision, which the daemon keeps on disk. */
  private copy: string | undefined
  /** Since when the process runs; when it ended. */
  startedMs = 0
  endedMs = 0
  thawedMs = 0
  /** It has been told to stop. */
  leaving = false
  /** What each session of this run has told its peer: next hops by path, by `<local address> <peer address>`. */
  readonly told = new Map<string, Map<string, Address>>()

  constructor(around: DaemonSurroundings, node: SimNode, machine: Machine) {
    this.around = around
    this.node = node
    this.machine = machine
    this.putOwnAddresses()
  }

  get name(): string {
    return this.node.name
  }

  /** There is a process, and it runs. */
  get running(): boolean {
    return this.process?.running === true
  }

  get alive(): boolean {
    return this.process !== undefined
  }

  /** The revision of the documents that it follows; 0: none. */
  get version(): number {
    const { services } = this
    return services === undefined ? 0 : (Context.get(services, ConfigStore).followed()?.info?.revision ?? 0)
  }

  /** What the documents that it follows mean. */
  get meaning(): string | undefined {
    const { services } = this
    return services === undefined ? undefined : Context.get(services, ConfigStore).followed()?.canonical
  }

  private putOwnAddresses(): void {
    const { ipv4, ipv6 } = this.node
    this.machine.put({ address: ipv4, prefixLength: 24, interface: "eth0" }, false)
    if (ipv6 !== undefined) this.machine.put({ address: ipv6, prefixLength: 64, interface: "eth0" }, false)
  }

  start(): void {
    if (this.process !== undefined || !this.machine.powered) return
    const { world, network, memory, scenario, trouble, planted, documents, say } = this.around
    const { node, machine } = this
    const owner = new Process(world, node.name, (line) => say(node.name, line), node.rate, node.offsetMs)
    this.process = owner
    this.startedMs = world.ms
    this.told.clear()
    this.leaving = false
    const ports = nodePorts({
      world,
      machine,
      owner,
      network,
      memory,
      node: node.name,
      trouble,
      planted,
      documents
    })
    const record = {
      read: Effect.sync(() => this.recorded),
      write: (addresses: ReadonlyArray<LocalAddress>) =>
        Effect.sync(() => {
          this.recorded = addresses
        })
    }
    const { leaseSeconds, onStoreLoss, addressRestSeconds } = scenario
    const services = nodeServices(
      {
        node: node.name,
        hostname: node.name,
        version: "simulated",
        copy: {
          read: Effect.sync(() => this.copy),
          write: (text) =>
            Effect.sync(() => {
              this.copy = text
            })
        },
        settings: { leaseSeconds, onStoreLoss: planted.onStoreLoss ?? onStoreLoss, addressRestSeconds }
      },
      { record, observe: (planned) => this.observer(planned) }
    ).pipe(Layer.provide(ports))
    // Its scope is never closed: who is killed does not say goodbye, and who stops in order has done so before.
    const program = Effect.gen(function* () {
      const scope = yield* Scope.make()
      return (yield* Layer.buildWithMemoMap(services, Layer.makeMemoMapUnsafe(), scope)) as Services
    })
    owner.run(program, (exit) => {
      if (Exit.isFailure(exit)) throw new Error(`${node.name} does not start: ${JSON.stringify(exit.cause)}`)
      this.services = exit.value
      this.use(
        Effect.andThen(Reconciler, (reconciler) => reconciler.start),
        (ended) => {
          if (Exit.isFailure(ended)) this.end("the daemon ends: its documents were refused at the start")
        }
      )
    })
  }

  private observer({ parameters: { localAddress, peerAddress } }: PlannedSession) {
    const key = `${localAddress} ${peerAddress}`
    return {
      onMessage: (direction: "sent" | "received", message: Message) => {
        if (direction !== "sent") return
        if (message.type === "OPEN") this.told.set(key, new Map())
        if (message.type !== "UPDATE") return
        const paths = this.told.get(key)
        for (const route of message.withdraw) paths?.delete(`${route.prefix} ${route.pathId ?? ""}`)
        for (const route of message.announce) paths?.set(`${route.prefix} ${route.pathId ?? ""}`, route.nextHop)
      }
    }
  }

  private use<A, E>(
    program: Effect.Effect<A, E, Reconciler | Supervisor | Cluster | ConfigStore>,
    done?: (exit: Exit.Exit<A, E>) => void
  ): void {
    const { process: owner, services } = this
    if (owner === undefined || services === undefined) return
    owner.tell(() => owner.run(Effect.provideContext(program, services), done))
  }

  /** `viaduct apply` on this node. */
  apply(text: string, confirmWithinSeconds: number | undefined, done: (outcome: ApplyOutcome) => void): void {
    const request: ApplyRequest = {
      change: { type: "files", files: [{ path: "cluster.yaml", text }] },
      by: "operator",
      force: true,
      ...(confirmWithinSeconds === undefined ? {} : { confirmWithinSeconds })
    }
    this.use(
      Effect.andThen(ConfigStore, (configs) => configs.apply(request)),
      (exit) => {
        if (Exit.isFailure(exit)) throw new Error(`${this.name}: ${JSON.stringify(exit.cause)}`)
        done(exit.value)
      }
    )
  }

  /** SIGTERM, as `viaduct run` goes about it. */
  stop(): void {
    this.leaving = true
    const goodbye = Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const supervisor = yield* Supervisor
      const cluster = yield* Cluster
      const stop = supervisor.stop({ subcode: 2, message: "viaduct is stopping" })
      yield* reconciler.leave.pipe(Effect.andThen(stop), Effect.timeoutOption("3 seconds"))
      yield* Effect.timeoutOption(cluster.resign, "500 millis")
    })
    this.use(goodbye, () => this.end("stopped"))
  }

  /** SIGUSR2: a successor takes over. */
  stayBehind(): void {
    this.leaving = true
    const leave = Effect.andThen(Supervisor, (supervisor) =>
      Effect.timeoutOption(supervisor.stop({ subcode: 2 }, { ending: () => ({ type: "leave" }) }), "1500 millis")
    )
    this.use(leave, () => this.end("left for a successor"))
  }

  status(done: (status: Effect.Success<Reconciler["Service"]["status"]>) => void): void {
    this.use(
      Effect.andThen(Reconciler, (reconciler) => reconciler.status),
      (exit) => {
        if (Exit.isSuccess(exit)) done(exit.value)
      }
    )
  }

  /** The process ends; its kernel closes what it had open. */
  end(why: string): void {
    const { process: owner } = this
    if (owner === undefined) return
    owner.kill()
    this.around.network.closeAll(owner)
    this.process = undefined
    this.services = undefined
    this.endedMs = this.around.world.ms
    this.around.say(this.name, why)
  }

  freeze(): void {
    this.process?.freeze()
  }

  thaw(): void {
    this.process?.thaw()
    this.thawedMs = this.around.world.ms
  }

  powerOff(): void {
    const { ipv4, ipv6 } = this.node
    this.around.network.forgetAll(this.machine)
    this.machine.powerOff(new Set<Address>(ipv6 === undefined ? [ipv4] : [ipv4, ipv6]))
    this.end("the power is gone")
  }

  powerOn(): void {
    this.machine.powerOn()
  }
}
