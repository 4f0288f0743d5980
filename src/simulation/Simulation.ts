// One run: a world with its segments, machines, routers, store and daemons; the documents that change; the faults, carried out and
// healed; and what the checkers may ask about all that. The same seed gives the same run: the trace's hash says so.
import { Effect, HashMap, Option, Schedule, Scope } from "effect"
import { type MemoryStore, makeMemoryStore } from "../adapters/memory/MemoryStore.ts"
import { configKey, drainKey } from "../cluster/layout.ts"
import { readRevision, revisionKey } from "../cluster/revisions.ts"
import { hash64 } from "../net/hash.ts"
import type { Address } from "../net/ip.ts"
import type { LocalAddress } from "../plan/types.ts"
import { ClusterStore, type StoreEntry } from "../ports/ClusterStore.ts"
import { Daemon } from "./Daemon.ts"
import { describeFault, drawFaults, type Fault, isStoreFault, type PlannedFault } from "./faults.ts"
import { begin, end } from "./happenings.ts"
import { Machine, type Removal, Segment } from "./Machine.ts"
import { Network } from "./Network.ts"
import { type Planted, patienceMs, type StoreTrouble } from "./ports.ts"
import { Router } from "./Router.ts"
import {
  clusterAsn,
  documentsOf,
  drawChange,
  drawScenario,
  floatingIpsMax,
  type Model,
  type Scenario
} from "./scenario.ts"
import { type Chance, makeChance, World } from "./World.ts"

export interface SimulationOptions {
  readonly seed: number
  /** 3 to 5 by the seed where it is not given. */
  readonly nodes?: number
  /** How long faults happen, in seconds. */
  readonly seconds: number
  /** Planted faults. */
  readonly plant?: (simulation: Simulation) => void
  /** Faults of a test's own instead of those drawn. */
  readonly faults?: ReadonlyArray<PlannedFault>
  readonly scenario?: (drawn: Scenario) => Scenario
}

/** Everything that the world lets checkers hear. */
export interface Witness {
  readonly added?: (machine: Machine, address: LocalAddress) => void
  readonly removed?: (machine: Machine, address: LocalAddress, why: Removal) => void
  readonly storeFault?: (fault: Fault, begins: boolean) => void
  readonly step?: () => void
}

/** How long the operator waits before a change is tried on another node, in ms. */
const attemptMs = 6_000
/** How long the cluster is left alone at first, in ms. */
const quietStartMs = 12_000
const traceMax = 4_000

export class Simulation {
  readonly world: World
  readonly scenario: Scenario
  readonly network: Network
  readonly segments: ReadonlyArray<Segment>
  readonly memory: MemoryStore
  readonly daemons: ReadonlyArray<Daemon>
  readonly routers: ReadonlyArray<Router>
  readonly faults: ReadonlyArray<PlannedFault>
  readonly witnesses: Array<Witness> = []
  readonly trouble: StoreTrouble = { loss: 0 }
  readonly planted: Planted = {}
  /** By revision; the first is 1. */
  readonly models: Array<Model>
  /** What the documents mean that there have been. */
  private readonly meanings = new Map<string, Model>()
  /** The pointer to the config in force as it was looked at last, and its revision. */
  private pointer: StoreEntry | undefined
  private revision = 1
  /** What the operator wants, whether the cluster has taken it or not. */
  private wanted: Model
  private wish: { readonly text: string; readonly confirmWithinSeconds?: number } | undefined
  readonly drained = new Set<string>()
  /** Nodes whose daemons stumble. */
  readonly hiccups = new Set<string>()
  /** A host of somebody else's in each rack. */
  private readonly strangers: ReadonlyArray<Machine>
  /** Faults that last, and how many of each. */
  readonly active = new Map<string, Fault>()
  /** When something was last done to the world; the start counts. */
  lastEventMs = 0
  /** The same, without what was done to the store. */
  private lastOtherEventMs = 0
  storeUp = true
  readonly trace: Array<string> = []
  traceHash = 0n
  private changes = 0
  readonly operator: Chance
  readonly machines: Array<Machine> = []
  private ids = 0

  constructor(readonly options: SimulationOptions) {
    const { seed } = options
    const drawing = makeChance(seed)
    const drawn = drawScenario(drawing, options.nodes)
    this.scenario = options.scenario?.(drawn) ?? drawn
    this.faults =
      options.faults ?? drawFaults(this.scenario, drawing, quietStartMs, quietStartMs + options.seconds * 1_000)
    this.operator = makeChance(seed ^ 0x5eed)
    this.wanted = this.scenario.start
    this.models = [this.wanted, this.wanted]
    const first = documentsOf(this.scenario, this.wanted)
    this.meanings.set(first, this.wanted)
    const world = new World(seed)
    this.world = world
    this.segments = [1, 2].map(() => new Segment(world))
    this.network = new Network(world, () => this.machines)
    this.memory = this.inWorld(makeMemoryStore)
    const observer = {
      added: (machine: Machine, address: LocalAddress) => {
        this.say(machine.name, `kernel: ${address.address} on ${address.interface}`)
        for (const witness of this.witnesses) witness.added?.(machine, address)
      },
      removed: (machine: Machine, address: LocalAddress, why: Removal) => {
        this.say(machine.name, `kernel: ${address.address} off (${why})`)
        for (const witness of this.witnesses) witness.removed?.(machine, address, why)
      }
    }
    const machine = (name: string, rate: number, segment: Segment) => {
      const made = new Machine(world, name, this.machines.length, rate, segment, observer)
      this.machines.push(made)
      return made
    }
    this.routers = this.scenario.routers.map((peer) => {
      const own = machine(peer.name, 1, new Segment(world))
      own.put({ address: peer.address, prefixLength: 24, interface: "eth0" }, false)
      return new Router(world, this.network, own, { ...peer, clusterAsn }, (text) => this.say(peer.name, text))
    })
    this.strangers = this.segments.map((segment, index) => machine(`stranger-${index + 1}`, 1, segment))
    const around = {
      world,
      network: this.network,
      memory: this.memory,
      scenario: this.scenario,
      trouble: this.trouble,
      planted: this.planted,
      documents: first,
      say: (who: string, text: string) => this.say(who, text)
    }
    this.daemons = this.scenario.nodes.map(
      (node) => new Daemon(around, node, machine(node.name, node.rate, this.segments[node.rack - 1] as Segment))
    )
  }

  /** The revision that the store has at this moment. */
  get version(): number {
    this.takeUp()
    return this.revision
  }

  /** Sees whether another revision has come into force: who looks at the model and who asks how long all was quiet see the same. */
  private takeUp(): void {
    const entry = Option.getOrUndefined(HashMap.get(this.memory.peek().entries, configKey))
    if (entry === this.pointer || entry === undefined) return
    this.pointer = entry
    const { revision } = JSON.parse(entry.value) as { readonly revision: number }
    if (revision === this.revision) return
    const value = Option.getOrUndefined(HashMap.get(this.memory.peek().entries, revisionKey(revision)))?.value
    const model = this.meanings.get(readRevision(value ?? "")?.files[0]?.text ?? "")
    if (model === undefined) throw new Error(`revision ${revision} has documents that nobody wrote`)
    this.revision = revision
    this.models[revision] = model
    this.lastEventMs = this.world.ms
    this.lastOtherEventMs = this.world.ms
  }

  /** What the documents say that are in force. */
  get model(): Model {
    return this.models[this.version] as Model
  }

  /** Something of the world itself, not of a node: at once and in its own time. */
  private inWorld<A>(program: Effect.Effect<A, never, Scope.Scope>): A {
    let value: { readonly is: A } | undefined
    const scoped = Effect.flatMap(Scope.make(), (scope) => Scope.provide(program, scope))
    Effect.runForkWith(this.world.context())(scoped).addObserver((exit) => {
      if (exit._tag === "Success") value = { is: exit.value }
    })
    this.world.run(this.world.ms)
    if (value === undefined) throw new Error("the world did not come to be")
    return value.is
  }

  /** Told of what a daemon calls a fault of its own. */
  faultOfProgram: (line: string) => void = () => undefined

  say(who: string, text: string): void {
    if (text.includes("fault of this program")) this.faultOfProgram(`${who}: ${text}`)
    const line = `${(this.world.ms / 1_000).toFixed(3)} ${who}: ${text}`
    this.traceHash = (this.traceHash * 31n + hash64(line)) & 0xffff_ffff_ffff_ffffn
    this.trace.push(line)
    if (this.trace.length > traceMax * 2) this.trace.splice(0, traceMax)
  }

  daemon(name: string): Daemon {
    return this.daemons.find((daemon) => daemon.name === name) as Daemon
  }

  router(name: string): Router {
    return this.routers.find(({ spec }) => spec.name === name) as Router
  }

  strangerBeside(address: Address): Machine {
    return this.strangers[Number(address.split(".")[2]) - 1] as Machine
  }

  /** Somebody else's host has the address. */
  isStrange(address: Address): boolean {
    return this.strangers.some((stranger) => stranger.has(address))
  }

  /** The node that an address of its own belongs to. */
  nodeOf(address: Address): Daemon | undefined {
    return this.daemons.find(({ node }) => node.ipv4 === address || node.ipv6 === address)
  }

  /** How long nothing has been done to the world, a revision that came into force among it. */
  get quietMs(): number {
    this.takeUp()
    return this.active.size > 0 ? 0 : this.world.ms - this.lastEventMs
  }

  /** The same for everything but the store. */
  get quietBesideStoreMs(): number {
    this.takeUp()
    return this.world.ms - this.lastOtherEventMs
  }

  /** Something is done to the world. */
  private touch(fault: Fault): void {
    this.lastEventMs = this.world.ms
    if (!isStoreFault(fault)) this.lastOtherEventMs = this.world.ms
  }

  start(): void {
    for (const { name, node } of this.daemons) this.memory.link(name).delayMs = node.storeMs
    const callers = [...floatingIpsMax, ...this.scenario.nodes.map(({ ipv4 }) => ipv4)]
    for (const router of this.routers) router.start(callers)
    for (const daemon of this.daemons) this.world.after(this.world.chance.between(0, 800), () => daemon.start())
    for (const { atMs, forMs, fault } of this.faults) this.world.after(atMs, () => this.happen(fault, forMs))
    const step = () => {
      for (const witness of this.witnesses) witness.step?.()
      this.world.after(stepMs, step)
    }
    this.world.after(stepMs, step)
  }

  private happen(fault: Fault, forMs: number): void {
    if (this.healed) return
    this.touch(fault)
    this.say("world", describeFault(fault))
    begin(this, fault)
    if (isStoreFault(fault)) for (const witness of this.witnesses) witness.storeFault?.(fault, true)
    if (forMs === 0) return
    const id = `${this.ids++}`
    if (lasting(fault)) this.active.set(id, fault)
    this.world.after(forMs, () => {
      if (this.healed) return
      this.touch(fault)
      this.say("world", `over: ${describeFault(fault)}`)
      // What was lost is waited for a while longer; whether a stranger has gone is looked at every 5 s.
      const lingersMs = fault.type === "store loses requests" || fault.type === "stranger" ? patienceMs + 200 : 0
      if (lingersMs === 0) this.active.delete(id)
      else
        this.world.after(lingersMs, () => {
          if (this.active.delete(id)) this.touch(fault)
        })
      end(this, fault)
      if (isStoreFault(fault)) for (const witness of this.witnesses) witness.storeFault?.(fault, false)
    })
  }

  /** As a service manager does: the next run begins when the last one has ended. */
  startAgain(daemon: Daemon): void {
    if (daemon.alive && daemon.leaving) this.world.after(100, () => this.startAgain(daemon))
    else daemon.start()
  }

  startRouter(router: Router): void {
    if (!router.running) router.start([...floatingIpsMax, ...this.scenario.nodes.map(({ ipv4 }) => ipv4)])
  }

  inTurn(program: Effect.Effect<unknown>): void {
    Effect.runForkWith(this.world.context())(program)
  }

  setStore(up: boolean): void {
    this.storeUp = up
    this.inTurn(this.memory.setDown(!up))
  }

  /** The operator's own way to the store is always there. */
  drain(node: string, on: boolean): void {
    if (on) this.drained.add(node)
    else this.drained.delete(node)
    const key = drainKey(node)
    // What is wanted by the time that the store takes it: two of these may wait for the store at once.
    const write = Effect.flatMap(ClusterStore, (store) =>
      Effect.suspend(() =>
        store.commit({
          when: [],
          operations: [this.drained.has(node) ? { type: "put", key, value: "" } : { type: "delete", key }]
        })
      )
    )
    this.inTurn(
      Effect.ignore(
        write.pipe(Effect.retry(Schedule.spaced("100 millis")), Effect.provide(this.memory.layerFor("operator")))
      )
    )
  }

  change(confirmWithinSeconds?: number): void {
    const { what, model } = drawChange(this.scenario, this.wanted, this.operator, this.changes++)
    this.say(
      "world",
      `${what}${confirmWithinSeconds === undefined ? "" : `, to be confirmed in ${confirmWithinSeconds} s`}`
    )
    // What nobody confirms is not what the operator goes on from.
    if (confirmWithinSeconds === undefined) this.wanted = model
    const text = documentsOf(this.scenario, model)
    this.meanings.set(text, model)
    this.wish = { text, ...(confirmWithinSeconds === undefined ? {} : { confirmWithinSeconds }) }
    this.attempt(this.wish)
  }

  /** On one node, and where that has no answer or a refusal, on another, until it is done or something else is wanted. */
  private attempt(wish: NonNullable<typeof this.wish>): void {
    if (this.wish !== wish) return
    const daemon = this.operator.pick(this.daemons)
    daemon.apply(wish.text, wish.confirmWithinSeconds, (outcome) => {
      this.say("operator", `${daemon.name}: ${outcome.outcome}${"reason" in outcome ? `: ${outcome.reason}` : ""}`)
      if (this.wish === wish && (outcome.outcome === "applied" || outcome.outcome === "unchanged"))
        this.wish = undefined
    })
    this.world.after(attemptMs, () => this.attempt(wish))
  }

  healed = false
  /** Ends every fault, and nothing goes wrong from now on. */
  heal(): void {
    this.healed = true
    this.say("world", "everything is healed")
    for (const { name, node } of this.daemons) {
      this.memory.link(name).delayMs = node.storeMs
      this.memory.link(name).reachable = true
    }
    this.trouble.loss = 0
    this.network.loss = 0
    this.network.resets = 0
    this.hiccups.clear()
    for (const stranger of this.strangers)
      for (const { address } of stranger.addresses) stranger.drop(address, "somebody")
    if (!this.storeUp) this.setStore(true)
    for (const a of this.daemons) {
      for (const b of this.daemons) a.machine.segment.join(a.machine, b.machine)
      for (const router of this.routers) this.network.mend(a.machine, router.machine)
      a.thaw()
      if (!a.machine.powered) a.powerOn()
      this.startAgain(a)
      if (this.drained.has(a.name)) this.drain(a.name, false)
    }
    for (const router of this.routers) this.startRouter(router)
    this.active.clear()
    // Requests that were lost before are still waited for.
    this.lastEventMs = this.world.ms + patienceMs + 200
    this.lastOtherEventMs = this.world.ms
  }
}

/** How often the checkers look, in ms of world time. */
const stepMs = 25

/** While it lasts nothing can be demanded; a node that is away is another matter: the others have to cope. */
const lasting = ({ type }: Fault): boolean =>
  !["crash", "power off", "drain", "stop", "upgrade", "router restarts"].includes(type)
