// Machines and the segments between them: what a kernel knows of addresses and says by ARP and ND, whether the daemon on it runs or
// not. An address that was put on for a while goes when its time is up, by the machine's own clock; a probe for an address
// that is there is answered; announcements say which machine an address is behind. D6; RFC 826, RFC 5227, RFC 4862.
import type { Address } from "../net/ip.ts"
import type { Mac } from "../net/mac.ts"
import type { LocalAddress } from "../plan/types.ts"
import type { NeighbourMessage } from "../vip/neighbour.ts"
import type { World } from "./World.ts"

interface KernelAddress extends LocalAddress {
  readonly ours: boolean
  /** Takes the end of its lifetime back. */
  readonly keep: () => void
}

export type Removal = "daemon" | "lifetime" | "power" | "somebody"

/** What watchers of the whole world want to know of kernels. */
export interface KernelObserver {
  readonly added: (machine: Machine, address: LocalAddress) => void
  readonly removed: (machine: Machine, address: LocalAddress, why: Removal) => void
}

/** The kernel looks for addresses whose time is up in rounds: it may be late by this much, in ms. */
const lifetimeSlackMs = 500

export class Machine {
  readonly name: string
  readonly mac: Mac
  /** How fast its clock runs. */
  readonly rate: number
  readonly segment: Segment
  powered = true
  private readonly world: World
  private readonly observer: KernelObserver
  private readonly table = new Map<string, KernelAddress>()
  /** Listeners on the segment: the daemon's packet sockets. */
  readonly hearers = new Set<(message: NeighbourMessage) => void>()
  /** Told of changes that were not made by the daemon. */
  readonly watchers = new Set<() => void>()
  /** Planted: addresses stay whatever their lifetime says. */
  immortal = false

  constructor(world: World, name: string, index: number, rate: number, segment: Segment, observer: KernelObserver) {
    this.world = world
    this.name = name
    this.mac = `02:00:00:00:00:${(index + 16).toString(16)}` as Mac
    this.rate = rate
    this.segment = segment
    this.observer = observer
    segment.machines.push(this)
  }

  get addresses(): ReadonlyArray<KernelAddress> {
    return [...this.table.values()]
  }

  has(address: Address): boolean {
    return this.powered && this.table.has(address)
  }

  /** True: it was not there. `seconds`: for so long. */
  put(local: LocalAddress, ours: boolean, seconds?: number): boolean {
    const before = this.table.get(local.address)
    before?.keep()
    let keep: () => void = () => undefined
    if (seconds !== undefined && !this.immortal) {
      const lateMs = this.world.chance.between(0, lifetimeSlackMs)
      const ms = (Math.max(1, Math.floor(seconds)) * 1_000) / this.rate + lateMs
      keep = this.world.after(ms, () => this.drop(local.address, "lifetime"))
    }
    this.table.set(local.address, { ...local, ours, keep })
    if (before === undefined) this.observer.added(this, local)
    return before === undefined
  }

  drop(address: Address, why: Removal): boolean {
    const there = this.table.get(address)
    if (there === undefined) return false
    there.keep()
    this.table.delete(address)
    this.observer.removed(this, there, why)
    if (why !== "daemon") for (const told of [...this.watchers]) told()
    return true
  }

  /** Everything that is not in its own files is gone when it comes back. */
  powerOff(own: ReadonlySet<Address>): void {
    this.powered = false
    for (const address of [...this.table.keys()] as Array<Address>) if (!own.has(address)) this.drop(address, "power")
  }

  powerOn(): void {
    this.powered = true
  }

  say(type: "probe" | "announcement", address: Address): void {
    this.segment.say(this, { type, address, mac: this.mac })
  }
}

/** One broadcast domain. */
export class Segment {
  readonly machines: Array<Machine> = []
  private readonly world: World
  /** Pairs of machine names that do not hear each other. */
  private readonly parted = new Set<string>()
  /** Behind which machine neighbours believe an address to be. */
  readonly neighbours = new Map<Address, Machine>()
  /** Planted: nobody hears what is said, and no kernel answers. */
  deaf = false

  constructor(world: World) {
    this.world = world
  }

  part(a: Machine, b: Machine): void {
    this.parted.add([a.name, b.name].sort().join(" "))
  }

  join(a: Machine, b: Machine): void {
    this.parted.delete([a.name, b.name].sort().join(" "))
  }

  hears(a: Machine, b: Machine): boolean {
    return a.segment === b.segment && a.powered && b.powered && !this.parted.has([a.name, b.name].sort().join(" "))
  }

  say(from: Machine, message: NeighbourMessage): void {
    if (!from.powered) return
    if (message.type === "announcement") this.neighbours.set(message.address, from)
    for (const other of this.machines) {
      if (other === from) continue
      this.world.after(0.1 + this.world.chance.next(), () => {
        if (this.deaf || !this.hears(from, other)) return
        // The kernel is first: it has answered before the daemon can take the address off.
        if (message.type === "probe" && other.has(message.address)) this.answer(other, from, message.address)
        for (const hear of [...other.hearers]) hear(message)
      })
    }
  }

  /** The kernel's own answer; it goes to who asked. */
  private answer(from: Machine, to: Machine, address: Address): void {
    this.world.after(0.1 + this.world.chance.next(), () => {
      if (!this.hears(from, to)) return
      for (const hear of [...to.hearers]) hear({ type: "answer", address, mac: from.mac })
    })
  }
}
