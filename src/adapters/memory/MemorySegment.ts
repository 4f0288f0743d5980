// LAN segments without a kernel, for tests: hosts with an interface each, the addresses on them, and who hears whom. A host's
// kernel goes on when its daemon does not: a held address goes when its time is up, and a probe for an address that is there is
// answered, while the daemon is frozen; not while the host has no power or no cable. Time is the Clock that was there when the
// segments were made, whatever clock the daemons have. D6, D6b; RFC 826, RFC 5227, RFC 4861.
import { Clock, Effect, Layer, type Scope } from "effect"
import { type Address, familyOf } from "../../net/ip.ts"
import { type Mac, noMac } from "../../net/mac.ts"
import type { LocalAddress } from "../../plan/types.ts"
import { LinkControl, LinkError } from "../../ports/LinkControl.ts"
import { type NeighbourMessage, Neighbours } from "../../ports/Neighbours.ts"

export interface HostSpec {
  readonly name: string
  /** Hosts on the segment of the same name hear each other. */
  readonly segment: string
  readonly interface: string
  readonly mac: Mac
  readonly addresses: ReadonlyArray<Omit<LocalAddress, "interface">>
}

/** May be changed at any time. */
export interface SegmentConditions {
  /** From one host to another. */
  latencyMs: number
  /** How late a kernel takes off an address whose time is up; Linux: up to 500. */
  slackMs: number
}

interface Entry extends LocalAddress {
  readonly ours: boolean
  /** Milliseconds of the world's clock; absent: it stays. */
  readonly until?: number
}

interface Host {
  readonly spec: HostSpec
  readonly table: Map<string, Entry>
  readonly hearers: Set<(message: NeighbourMessage) => void>
  readonly watchers: Set<() => void>
  powered: boolean
  cable: boolean
  /** What the daemon will be told when it thaws; absent: it runs. */
  frozen: Array<() => void> | undefined
}

export interface MemorySegments {
  readonly conditions: SegmentConditions
  /** The host's kernel, as its daemon has it. */
  readonly layerFor: (host: string) => Layer.Layer<LinkControl | Neighbours>
  /** Nothing passes between the two until they are joined again. */
  readonly part: (a: string, b: string) => void
  readonly join: (a: string, b: string) => void
  /** Off: it is silent and forgets what was put on it. On: it has its own addresses again. */
  readonly power: (host: string, on: boolean) => void
  /** False: the cable is pulled. */
  readonly cable: (host: string, plugged: boolean) => void
  /** The daemon hears nothing; what it would have heard comes when it goes on. */
  readonly freeze: (host: string, frozen: boolean) => void
  /** Somebody's hand on the host: an address for good, or away. */
  readonly give: (host: string, address: LocalAddress) => void
  readonly take: (host: string, address: Address) => void
  /** Names of the hosts that have the address on their interface now; one without power has none. */
  readonly holders: (address: Address) => ReadonlyArray<string>
  /** Whether what `from` says reaches `to` now. */
  readonly reaches: (from: string, to: string) => boolean
}

const keyOf = ({ address, prefixLength, interface: name }: LocalAddress): string => `${address}/${prefixLength} ${name}`

const ownEntries = ({ addresses, interface: name }: HostSpec): ReadonlyArray<readonly [string, Entry]> =>
  addresses.map((one) => {
    const entry: Entry = { ...one, interface: name, ours: false }
    return [keyOf(entry), entry]
  })

class World {
  readonly conditions: SegmentConditions = { latencyMs: 1, slackMs: 0 }
  private readonly hosts: ReadonlyMap<string, Host>
  private readonly parted = new Set<string>()
  private readonly now: () => number
  private readonly later: (ms: number, run: () => void) => void

  constructor(specs: ReadonlyArray<HostSpec>, now: () => number, later: (ms: number, run: () => void) => void) {
    this.now = now
    this.later = later
    this.hosts = new Map(
      specs.map((spec) => {
        const parts = { hearers: new Set<never>(), watchers: new Set<never>() }
        const state = { powered: true, cable: true, frozen: undefined }
        return [spec.name, { spec, table: new Map(ownEntries(spec)), ...parts, ...state }]
      })
    )
  }

  host(name: string): Host {
    const host = this.hosts.get(name)
    if (host === undefined) throw new Error(`no host ${name}; there are ${[...this.hosts.keys()].join(", ")}`)
    return host
  }

  /** What the kernel has now, lifetimes counted. */
  entries({ table, powered }: Host): ReadonlyArray<Entry> {
    const now = this.now()
    return powered ? [...table.values()].filter(({ until }) => until === undefined || until > now) : []
  }

  has(host: Host, address: Address): boolean {
    return this.entries(host).some((entry) => entry.address === address)
  }

  holders(address: Address): ReadonlyArray<string> {
    return [...this.hosts.values()].filter((host) => this.has(host, address)).map(({ spec }) => spec.name)
  }

  part(a: string, b: string, apart: boolean): void {
    for (const pair of [`${a} ${b}`, `${b} ${a}`]) apart ? this.parted.add(pair) : this.parted.delete(pair)
  }

  reaches(from: Host, to: Host): boolean {
    if (from === to || from.spec.segment !== to.spec.segment) return false
    return (
      [from, to].every(({ powered, cable }) => powered && cable) &&
      !this.parted.has(`${from.spec.name} ${to.spec.name}`)
    )
  }

  /** True: it was not there. `seconds` as the kernel counts them: whole, at least one. */
  put(host: Host, address: LocalAddress, seconds?: number): boolean {
    const key = keyOf(address)
    const there = this.entries(host).some((entry) => keyOf(entry) === key)
    if (there && seconds === undefined) return false
    if (there && host.table.get(key)?.ours === false) throw new Error(`${key} is there already and not ours`)
    const whole = seconds === undefined ? undefined : Math.max(1, Math.floor(seconds)) * 1000 + this.conditions.slackMs
    const until = whole === undefined ? {} : { until: this.now() + whole }
    const entry: Entry = { ...address, ours: true, ...until }
    host.table.set(key, entry)
    if (whole !== undefined)
      this.later(whole, () => {
        if (host.table.get(key) !== entry) return
        host.table.delete(key)
        this.changed(host)
      })
    return !there
  }

  remove(host: Host, address: LocalAddress): boolean {
    const there = this.entries(host).some((entry) => keyOf(entry) === keyOf(address))
    host.table.delete(keyOf(address))
    return there
  }

  changed(host: Host): void {
    for (const told of host.watchers) this.tell(host, told)
  }

  /** To all on the segment, or to one. */
  say(from: Host, message: NeighbourMessage, only?: Host): void {
    this.later(this.conditions.latencyMs, () => {
      for (const to of only === undefined ? this.hosts.values() : [only]) {
        if (!this.reaches(from, to)) continue
        for (const hear of [...to.hearers]) this.tell(to, () => hear(message))
        if (message.type === "probe" && this.has(to, message.address)) this.answer(to, from, message.address)
      }
    })
  }

  power(host: Host, on: boolean): void {
    host.powered = on
    if (!on) host.table.clear()
    else for (const [key, entry] of ownEntries(host.spec)) host.table.set(key, entry)
    this.changed(host)
  }

  freeze(host: Host, frozen: boolean): void {
    const waiting = host.frozen ?? []
    host.frozen = frozen ? waiting : undefined
    if (!frozen) for (const run of waiting) run()
  }

  /** ARP answers who asked; duplicate address detection is answered to all (RFC 4861, 7.2.4). */
  private answer(from: Host, to: Host, address: Address): void {
    const { mac } = from.spec
    if (familyOf(address) === "ipv4") this.say(from, { type: "answer", address, mac }, to)
    else this.say(from, { type: "announcement", address, mac })
  }

  private tell(host: Host, run: () => void): void {
    if (host.frozen === undefined) run()
    else host.frozen.push(run)
  }
}

const attempt = <A>(run: () => A): Effect.Effect<A, LinkError> =>
  Effect.try({ try: run, catch: (error) => new LinkError({ message: String(error) }) })

/** Adds to a set while the scope lives. */
const during = <A>(set: Set<A>, item: A): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => void set.add(item)),
    () => Effect.sync(() => set.delete(item))
  )

const linkControl = (world: World, host: Host) =>
  LinkControl.of({
    addresses: Effect.sync(() => world.entries(host)),
    interfaces: Effect.sync(() => [
      { name: "lo", mac: noMac, up: true },
      { name: host.spec.interface, mac: host.spec.mac, up: host.powered && host.cable }
    ]),
    add: (address) => attempt(() => world.put(host, address)),
    hold: (address, seconds) => attempt(() => world.put(host, address, seconds)),
    remove: (address) => attempt(() => world.remove(host, address)),
    watch: (changed) => during(host.watchers, changed)
  })

const neighbours = (world: World, host: Host) => {
  const { mac, interface: name } = host.spec
  const say = (type: NeighbourMessage["type"], address: Address) =>
    host.powered && host.cable
      ? Effect.sync(() => world.say(host, { type, address, mac }))
      : Effect.fail(new LinkError({ message: `interface ${name}: it is down or gone` }))
  return Neighbours.of({
    open: (wanted, hear) =>
      wanted === name
        ? during(host.hearers, hear).pipe(
            Effect.as({
              mac,
              probe: (address: Address) => Effect.suspend(() => say("probe", address)),
              announce: (address: Address) => Effect.suspend(() => say("announcement", address))
            })
          )
        : Effect.fail(new LinkError({ message: `interface ${wanted}: there is no such interface on this node` }))
  })
}

export const makeMemorySegments = Effect.fnUntraced(function* (
  specs: ReadonlyArray<HostSpec>
): Effect.fn.Return<MemorySegments, never, Scope.Scope> {
  const context = yield* Effect.context<never>()
  const scope = yield* Effect.scope
  const clock = yield* Clock.clockWith(Effect.succeed)
  const later = (ms: number, run: () => void): void => {
    const task = Effect.andThen(Effect.sleep(ms), Effect.sync(run))
    Effect.runForkWith(context)(Effect.forkIn(task, scope, { startImmediately: true }))
  }
  const world = new World(specs, () => clock.currentTimeMillisUnsafe(), later)
  return {
    conditions: world.conditions,
    layerFor: (name) => {
      const host = world.host(name)
      return Layer.merge(
        Layer.succeed(LinkControl, linkControl(world, host)),
        Layer.succeed(Neighbours, neighbours(world, host))
      )
    },
    part: (a, b) => world.part(a, b, true),
    join: (a, b) => world.part(a, b, false),
    power: (name, on) => world.power(world.host(name), on),
    cable: (name, plugged) => {
      const host = world.host(name)
      host.cable = plugged
      world.changed(host)
    },
    freeze: (name, frozen) => world.freeze(world.host(name), frozen),
    give: (name, address) => {
      const host = world.host(name)
      host.table.set(keyOf(address), { ...address, ours: false })
      world.changed(host)
    },
    take: (name, address) => {
      const host = world.host(name)
      for (const entry of world.entries(host)) if (entry.address === address) world.remove(host, entry)
      world.changed(host)
    },
    holders: (address) => world.holders(address),
    reaches: (from, to) => world.reaches(world.host(from), world.host(to))
  }
})
