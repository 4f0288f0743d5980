// Addresses for services: from the pools, the services and the bindings that there are, the whole set of bindings that
// there shall be. Pure: who stores it compares and swaps, and works from a fresh view where somebody else was faster (D4).
// S14, S15. I4: every binding is restored before a new one is made, and none changes without need; the same input in any
// order gives the same output, and the output as input changes nothing.
import { type Address, type Family, familyOf } from "../net/ip.ts"
import { choose } from "./choose.ts"
import { type FamilyDefaults, familyDefaults, wantedFamilies } from "./families.ts"
import { type AllocationChange, Ledger } from "./ledger.ts"
import { indexPools } from "./pools.ts"
import { type Restored, restore } from "./restore.ts"
import {
  type AddressPool,
  type Binding,
  type RestingAddress,
  type ServiceKey,
  type ServiceRequest,
  serviceKey
} from "./types.ts"

export interface AllocationInput {
  readonly pools: ReadonlyArray<AddressPool>
  readonly services: ReadonlyArray<ServiceRequest>
  readonly bindings: ReadonlyArray<Binding>
  readonly resting: ReadonlyArray<RestingAddress>
  /** Milliseconds since the epoch. */
  readonly nowMs: number
  /** How long an address rests that is given back. */
  readonly restMs: number
  /** Empty where the cluster's documents name none. */
  readonly serviceFamilies: ReadonlyArray<Family>
  /** Services lose addresses that the pools no longer allow them. */
  readonly force?: boolean
  /** The nodes do not agree on the documents: nobody loses an address, whatever these documents say. */
  readonly cautious?: boolean
}

export interface AllocationStatus {
  /** Of the primary family first. */
  readonly addresses: ReadonlyArray<Address>
  /** Names of the pools that the addresses are of, each once. */
  readonly pools: ReadonlyArray<string>
  /** What is missing or kept against the pools' word, and why; absent where all is well. */
  readonly reason?: string
}

export interface Allocation {
  /** All that there shall be, by address. */
  readonly bindings: ReadonlyArray<Binding>
  /** All that rest now, by address; what has rested long enough is left out. */
  readonly resting: ReadonlyArray<RestingAddress>
  /** What is done to get there, in this order. */
  readonly changes: ReadonlyArray<AllocationChange>
  readonly statuses: ReadonlyMap<ServiceKey, AllocationStatus>
  /** How many addresses the search for free ones looked at. */
  readonly examined: number
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** By namespace and name; of two with one key the first. */
const inOrder = (services: ReadonlyArray<ServiceRequest>): ReadonlyMap<ServiceKey, ServiceRequest> => {
  const requests = new Map<ServiceKey, ServiceRequest>()
  for (const service of services.toSorted((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name)))
    if (!requests.has(serviceKey(service))) requests.set(serviceKey(service), service)
  return requests
}

/** One service's turn: gives it what it lacks. Returns why something is still missing. */
const serve = (
  ledger: Ledger,
  key: ServiceKey,
  service: ServiceRequest,
  moving: ReadonlyMap<Family, string>,
  defaults: FamilyDefaults
): string | undefined => {
  const held = ledger.heldBy(key)
  const has = held.map(({ address }) => familyOf(address))
  const wanted = wantedFamilies(service, has, defaults)
  // A family that was to move and has moved stands with an address that the service may keep.
  const leaving = held.filter(({ address }) => moving.has(familyOf(address)))
  const kept = held.filter((binding) => !leaving.includes(binding))
  const missing = wanted.filter((family) => !kept.some(({ address }) => familyOf(address) === family))
  if (missing.length === 0) return undefined
  const { picks, reason } = choose(ledger, service, { wanted, missing, kept })
  for (const pick of picks) {
    ledger.give(service, pick.address, pick.reason)
    const old = leaving.find(({ address }) => familyOf(address) === familyOf(pick.address))
    const why = moving.get(familyOf(pick.address))
    if (old !== undefined) ledger.take(key, old.address, `the service ${why}`)
  }
  const staying = leaving.filter((old) => !picks.some((pick) => familyOf(pick.address) === familyOf(old.address)))
  if (staying.length === 0 || reason === undefined) return reason
  return `${reason}; it keeps ${staying.map(({ address }) => address).join(" and ")} until then`
}

/**
 * Serves everybody in order, those first that ask for an address by name: nobody who would take any is given that one.
 * Those that miss something are served again while anything changes: what one gives up may be what another asks for. So the
 * reasons that stay are those of the final state.
 */
const serveAll = (ledger: Ledger, { moving }: Restored, defaults: FamilyDefaults): ReadonlyMap<ServiceKey, string> => {
  const reasons = new Map<ServiceKey, string>()
  const left = new Map([...moving].map(([key, families]) => [key, new Map(families)]))
  const all = [...ledger.requests]
  const byName = (asks: boolean) => all.filter(([, service]) => service.addresses.length > 0 === asks)
  let open = [...byName(true), ...byName(false)]
  for (;;) {
    const before = ledger.changes.length
    const still: typeof open = []
    for (const [key, service] of open) {
      const families = left.get(key) ?? new Map<Family, string>()
      const had = ledger.heldBy(key)
      const reason = serve(ledger, key, service, families, defaults)
      const has = ledger.heldBy(key)
      for (const { address } of had) if (!has.some((now) => now.address === address)) families.delete(familyOf(address))
      reasons.delete(key)
      if (reason === undefined) continue
      reasons.set(key, reason)
      still.push([key, service])
    }
    open = still
    if (open.length === 0 || ledger.changes.length === before) return reasons
  }
}

const untouched: Restored = { moving: new Map(), notes: new Map() }

const statusOf = (ledger: Ledger, key: ServiceKey, parts: ReadonlyArray<string>, wanted: ReadonlyArray<Family>) => {
  const held = ledger
    .heldBy(key)
    .toSorted((a, b) => wanted.indexOf(familyOf(a.address)) - wanted.indexOf(familyOf(b.address)))
  const pools = held.map(({ address, pool }) => ledger.pools.holder(address)?.pool.name ?? pool)
  return {
    addresses: held.map(({ address }) => address),
    pools: [...new Set(pools)].filter((name) => name !== ""),
    ...(parts.length === 0 ? {} : { reason: parts.join("; ") })
  }
}

/** The bindings that there shall be, and what becomes of each service. */
export const allocate = (input: AllocationInput): Allocation => {
  const pools = indexPools(input.pools)
  const requests = inOrder(input.services)
  const defaults = familyDefaults(input.serviceFamilies, pools)
  const ledger = new Ledger(pools, requests, input.bindings, input.resting, input)
  const restored = input.cautious === true ? untouched : restore(ledger, defaults, input.force ?? false)
  const reasons = serveAll(ledger, restored, defaults)
  const statuses = new Map(
    [...requests].map(([key, service]) => {
      const reason = reasons.get(key)
      const parts = [...(restored.notes.get(key) ?? []), ...(reason === undefined ? [] : [reason])]
      return [key, statusOf(ledger, key, parts, wantedFamilies(service, [], defaults))]
    })
  )
  return {
    bindings: ledger.bindings(),
    resting: ledger.resting(),
    changes: ledger.changes,
    statuses,
    examined: ledger.space.examined
  }
}
