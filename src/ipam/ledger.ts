// The state of one allocation while it is worked out: who has which address, which ones rest, what has been changed and
// why. Lives for one call of `allocate`; what it starts from is not touched. I4.
import { type Address, addressToBigInt, type Family, familyOf } from "../net/ip.ts"
import { FreeSpace } from "./freeSpace.ts"
import { FAMILY_NAMES, type IndexedPool, isBuggy, type PoolIndex } from "./pools.ts"
import { ownerOf, sameOwner, whyNotShared } from "./sharing.ts"
import {
  type Binding,
  type RestingAddress,
  type ServiceKey,
  type ServicePort,
  type ServiceRequest,
  serviceKey
} from "./types.ts"

export interface AllocationChange {
  /**
   * bind: a free address; share: one that others have; unbind: its last owner gives it back; leave: others keep it;
   * update: the same owner with other ports or another sharing key.
   */
  readonly kind: "bind" | "share" | "unbind" | "leave" | "update"
  readonly service: ServiceKey
  readonly address: Address
  readonly reason: string
}

interface Times {
  readonly nowMs: number
  readonly restMs: number
}

/** Milliseconds since the epoch as people read them. */
export const timeText = (ms: number): string => new Date(ms).toISOString()

const addTo = <K, V>(map: Map<K, Set<V>>, key: K, value: V): void => {
  const set = map.get(key)
  if (set === undefined) map.set(key, new Set([value]))
  else set.add(value)
}

const removeFrom = <K, V>(map: Map<K, Set<V>>, key: K, value: V): void => {
  map.get(key)?.delete(value)
}

const sharedKey = (key: string, family: Family): string => `${family} ${key}`
const servedKey = (key: string, family: Family, { protocol, port }: ServicePort): string =>
  `${family} ${protocol} ${port} ${key}`

export class Ledger {
  readonly pools: PoolIndex
  readonly requests: ReadonlyMap<ServiceKey, ServiceRequest>
  readonly changes: Array<AllocationChange> = []
  readonly space: FreeSpace
  readonly #times: Times
  /** Addresses as numbers, each read once. */
  readonly #numbers = new Map<Address, bigint>()
  readonly #bindings = new Map<Address, Binding>()
  readonly #resting = new Map<Address, RestingAddress>()
  /** Bound and resting addresses as numbers. */
  readonly #taken = { ipv4: new Set<bigint>(), ipv6: new Set<bigint>() }
  readonly #held = new Map<ServiceKey, Set<Address>>()
  readonly #restingOf = new Map<ServiceKey, Set<Address>>()
  /** Addresses by sharing key, and those of them where a port of a protocol is served, by family. */
  readonly #shared = new Map<string, Set<Address>>()
  readonly #served = new Map<string, Set<Address>>()
  readonly #resters = new Map<IndexedPool, Set<Address>>()
  /** Worked out once for many services that find the same pool full. */
  readonly #fullness = new Map<string, string>()

  constructor(
    pools: PoolIndex,
    requests: ReadonlyMap<ServiceKey, ServiceRequest>,
    bindings: ReadonlyArray<Binding>,
    resting: ReadonlyArray<RestingAddress>,
    times: Times
  ) {
    this.pools = pools
    this.requests = requests
    this.#times = times
    this.space = new FreeSpace((family, n) => this.#taken[family].has(n))
    for (const binding of bindings) if (binding.owners.length > 0) this.#put(binding)
    for (const rest of resting) if (rest.until > times.nowMs && !this.#bindings.has(rest.address)) this.#rest(rest)
  }

  bindings(): ReadonlyArray<Binding> {
    return this.#byNumber(this.#bindings.values())
  }

  resting(): ReadonlyArray<RestingAddress> {
    return this.#byNumber(this.#resting.values())
  }

  at(address: Address): Binding | undefined {
    return this.#bindings.get(address)
  }

  restingAt(address: Address): RestingAddress | undefined {
    return this.#resting.get(address)
  }

  /** Bindings of `service`, by address. */
  heldBy(service: ServiceKey): ReadonlyArray<Binding> {
    const held = [...(this.#held.get(service) ?? [])].flatMap((address) => this.#bindings.get(address) ?? [])
    return this.#byNumber(held)
  }

  /** Gives `address` to `service`, beside those that have it. */
  give(service: ServiceRequest, address: Address, reason: string): void {
    const before = this.#bindings.get(address)
    const pool = before?.pool ?? this.pools.holder(address)?.pool.name ?? ""
    this.#wake(address)
    this.#put({ address, pool, owners: [...(before?.owners ?? []), ownerOf(service)] })
    this.#say(before === undefined ? "bind" : "share", serviceKey(service), address, reason)
  }

  /** Takes `address` from `service`; without another owner it rests. */
  take(service: ServiceKey, address: Address, reason: string): void {
    const before = this.#bindings.get(address)
    if (before === undefined) return
    const owners = before.owners.filter((owner) => owner.service !== service)
    this.#remove(before)
    if (owners.length > 0) this.#put({ ...before, owners })
    else {
      const { nowMs, restMs } = this.#times
      const holder = this.pools.holder(address)
      if (restMs > 0) this.#rest({ address, service, until: nowMs + restMs })
      else if (holder !== undefined) this.space.freed(holder, familyOf(address), this.#number(address))
    }
    this.#say(owners.length > 0 ? "leave" : "unbind", service, address, reason)
  }

  /** Brings the record of an owner up to what its service asks for now. */
  refresh(binding: Binding, service: ServiceRequest): void {
    const before = this.#bindings.get(binding.address)
    const owner = ownerOf(service)
    const old = before?.owners.find((other) => other.service === owner.service)
    if (before === undefined || old === undefined || sameOwner(old, owner)) return
    this.#remove(before)
    this.#put({ ...before, owners: before.owners.map((other) => (other === old ? owner : other)) })
    this.#say("update", owner.service, binding.address, "its ports or its sharing key are others now")
  }

  /** What `service` gave back into `pool` a while ago and can have again. */
  ownResting(pool: IndexedPool, family: Family, service: ServiceKey): Address | undefined {
    const own = [...(this.#restingOf.get(service) ?? [])].flatMap((address) => this.#resting.get(address) ?? [])
    return this.#byNumber(own).find(
      ({ address }) =>
        familyOf(address) === family &&
        this.pools.holder(address) === pool &&
        !(family === "ipv4" && pool.pool.avoidBuggyIps && isBuggy(this.#number(address)))
    )?.address
  }

  /** The lowest address of `pool` that `service` may share. */
  shareable(pool: IndexedPool, family: Family, service: ServiceRequest): Address | undefined {
    if (service.sharingKey === undefined) return undefined
    const key = serviceKey(service)
    const shared = this.#shared.get(sharedKey(service.sharingKey, family)) ?? new Set()
    // Where every address with the key serves one of the ports already there is no need to look at each.
    const full = service.ports.some(
      (port) => this.#served.get(servedKey(service.sharingKey ?? "", family, port))?.size === shared.size
    )
    if (full || service.externalTrafficPolicy === "Local") return undefined
    const candidates = [...shared].flatMap((address) => {
      const binding = this.#bindings.get(address)
      if (binding === undefined || this.pools.holder(address) !== pool) return []
      if (binding.owners.some((owner) => owner.service === key)) return []
      return whyNotShared(service, binding.owners, this.requests) === undefined ? [binding] : []
    })
    return this.#byNumber(candidates)[0]?.address
  }

  /** Why `pool` has no free address of `family`. */
  fullness(pool: IndexedPool, family: Family): string {
    const memo = `${family} ${pool.pool.name}`
    const known = this.#fullness.get(memo)
    if (known !== undefined) return known
    const text = this.#describe(pool, family)
    this.#fullness.set(memo, text)
    return text
  }

  #describe(pool: IndexedPool, family: Family): string {
    const name = FAMILY_NAMES[family]
    const size = pool.size[family]
    if (size === 0n) return `pool ${pool.pool.name} has no ${name} addresses`
    const what =
      size === 1n
        ? `the one ${name} address of pool ${pool.pool.name} is taken`
        : `all ${size} ${name} addresses of pool ${pool.pool.name} are taken`
    const untils = [...(this.#resters.get(pool) ?? [])]
      .filter((address) => familyOf(address) === family)
      .map((address) => this.#resting.get(address)?.until ?? 0)
    if (untils.length === 0) return what
    const next = untils.reduce((least, until) => Math.min(least, until))
    return `${what} or resting (${untils.length} of them rest, the next is free at ${timeText(next)})`
  }

  #number(address: Address): bigint {
    const known = this.#numbers.get(address) ?? addressToBigInt(address)
    this.#numbers.set(address, known)
    return known
  }

  /** By family and number. */
  #byNumber<T extends { readonly address: Address }>(items: Iterable<T>): ReadonlyArray<T> {
    const list = [...items]
    if (list.length < 2) return list
    return list
      .map((item) => ({ item, family: familyOf(item.address), n: this.#number(item.address) }))
      .sort((a, b) => (a.family !== b.family ? (a.family < b.family ? -1 : 1) : a.n < b.n ? -1 : a.n > b.n ? 1 : 0))
      .map(({ item }) => item)
  }

  #say(kind: AllocationChange["kind"], service: ServiceKey, address: Address, reason: string): void {
    this.changes.push({ kind, service, address, reason })
  }

  #put(binding: Binding): void {
    const { address } = binding
    this.#bindings.set(address, binding)
    this.#taken[familyOf(address)].add(this.#number(address))
    for (const owner of binding.owners) addTo(this.#held, owner.service, address)
    this.#indexShared(binding, addTo)
  }

  #indexShared({ address, owners }: Binding, change: typeof addTo<string, Address>): void {
    const family = familyOf(address)
    for (const { sharingKey, ports } of owners) {
      if (sharingKey === undefined) continue
      change(this.#shared, sharedKey(sharingKey, family), address)
      for (const port of ports) change(this.#served, servedKey(sharingKey, family, port), address)
    }
  }

  #remove(binding: Binding): void {
    const { address } = binding
    this.#bindings.delete(address)
    this.#taken[familyOf(address)].delete(this.#number(address))
    for (const owner of binding.owners) this.#held.get(owner.service)?.delete(address)
    this.#indexShared(binding, removeFrom)
  }

  #rest(rest: RestingAddress): void {
    const { address } = rest
    this.#fullness.clear()
    this.#resting.set(address, rest)
    this.#taken[familyOf(address)].add(this.#number(address))
    addTo(this.#restingOf, rest.service, address)
    const holder = this.pools.holder(address)
    if (holder !== undefined) addTo(this.#resters, holder, address)
  }

  #wake(address: Address): void {
    const rest = this.#resting.get(address)
    if (rest === undefined) return
    this.#fullness.clear()
    this.#resting.delete(address)
    this.#restingOf.get(rest.service)?.delete(address)
    const holder = this.pools.holder(address)
    if (holder !== undefined) this.#resters.get(holder)?.delete(address)
  }
}
