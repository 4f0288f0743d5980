// What becomes of the bindings that there are, before anything new is decided (I4): an address stays while its service
// exists, asks for nothing else and a pool still has it. A service that changed its own request moves, but keeps what it has
// until it can get what it asks for. What only the pools no longer allow is kept and said, unless the loss is forced.
import { type Address, type Family, familyOf } from "../net/ip.ts"
import { type FamilyDefaults, wantedFamilies } from "./families.ts"
import type { Ledger } from "./ledger.ts"
import { FAMILY_NAMES, indexPools, type PoolIndex, whyNotAdmitted } from "./pools.ts"
import { ownerOf, sameOwner, whyNotShared } from "./sharing.ts"
import {
  type AddressPool,
  type Binding,
  type BindingOwner,
  type ServiceKey,
  type ServiceRequest,
  serviceKey
} from "./types.ts"

interface Verdict {
  /**
   * keep: the pools no longer allow it; move: the service asks for something else; release: at once, it may not have it
   * any more.
   */
  readonly kind: "stay" | "keep" | "move" | "release"
  readonly reason: string
}

const STAYS: Verdict = { kind: "stay", reason: "" }

/** How `binding` stands to the request of one of its owners and to the pools. */
const judge = (pools: PoolIndex, binding: Binding, service: ServiceRequest): Verdict => {
  const { address } = binding
  const requested = service.addresses.find((other) => familyOf(other) === familyOf(address))
  if (requested !== undefined && requested !== address) return { kind: "move", reason: `asks for ${requested}` }
  const holder = pools.holder(address)
  if (requested === undefined) {
    const wrongPool = service.pool !== undefined && holder?.pool.name !== service.pool
    // The record tells whose doing it is: with the pool that the service asks for in it, the pools have changed.
    if (wrongPool && binding.pool !== service.pool) return { kind: "move", reason: `asks for pool ${service.pool}` }
    if (holder === undefined && binding.pool === "")
      return { kind: "move", reason: `no longer asks for ${address}, which is in no pool` }
    if (holder === undefined || wrongPool)
      return { kind: "keep", reason: `pool ${binding.pool} no longer has ${address}` }
  }
  const refusal = holder === undefined ? undefined : whyNotAdmitted(holder.pool, service)
  return refusal === undefined ? STAYS : { kind: "keep", reason: refusal }
}

export interface Restored {
  /** Families in which a service is to get another address, with the reason. */
  readonly moving: ReadonlyMap<ServiceKey, ReadonlyMap<Family, string>>
  /** What is kept against the pools' word. */
  readonly notes: ReadonlyMap<ServiceKey, ReadonlyArray<string>>
}

const familiesHeld = (ledger: Ledger, key: ServiceKey): ReadonlyArray<Family> => [
  ...new Set(ledger.heldBy(key).map(({ address }) => familyOf(address)))
]

/** Those whose services are gone give up, and those who no longer want the family. */
const releaseUnwanted = (ledger: Ledger, binding: Binding, defaults: FamilyDefaults): void => {
  for (const { service } of binding.owners) {
    const request = ledger.requests.get(service)
    if (request === undefined) {
      ledger.take(service, binding.address, "the service is gone")
      continue
    }
    const family = familyOf(binding.address)
    if (!wantedFamilies(request, familiesHeld(ledger, service), defaults).includes(family))
      ledger.take(service, binding.address, `the service no longer asks for ${FAMILY_NAMES[family]}`)
  }
}

/**
 * Owners that no longer fit together: who changed gives way to who did not, and of those the younger to the older. The
 * others' records are brought up to date.
 */
const settleOwners = (ledger: Ledger, address: Address): void => {
  const binding = ledger.at(address)
  if (binding === undefined) return
  const owners = binding.owners.flatMap((owner) => {
    const request = ledger.requests.get(owner.service)
    return request === undefined ? [] : [{ owner, request }]
  })
  const unchanged = owners.filter(
    ({ owner, request }) => sameOwner(owner, ownerOf(request)) && request.externalTrafficPolicy === "Cluster"
  )
  const changed = owners.filter((entry) => !unchanged.includes(entry))
  const staying: Array<BindingOwner> = []
  for (const { request } of [...unchanged, ...changed]) {
    const clash = whyNotShared(request, staying, ledger.requests)
    if (clash === undefined) staying.push(ownerOf(request))
    else ledger.take(serviceKey(request), address, `can no longer share it: ${clash}`)
  }
  for (const { request } of owners) ledger.refresh(binding, request)
}

/** A service has one address of a family: the one it asks for, else one that nothing speaks against, else the lowest. */
const releaseSurplus = (ledger: Ledger, key: ServiceKey, request: ServiceRequest): void => {
  const cost = (binding: Binding): number => {
    if (request.addresses.includes(binding.address)) return 0
    return judge(ledger.pools, binding, request).kind === "stay" ? 1 : 2
  }
  for (const family of familiesHeld(ledger, key)) {
    const [best, ...others] = ledger
      .heldBy(key)
      .filter(({ address }) => familyOf(address) === family)
      .toSorted((a, b) => cost(a) - cost(b))
    for (const other of others) ledger.take(key, other.address, `the service has ${best?.address} already`)
  }
}

/** Settles every binding of `ledger`; what it takes away is in the ledger's changes. */
export const restore = (ledger: Ledger, defaults: FamilyDefaults, force: boolean): Restored => {
  for (const binding of ledger.bindings()) releaseUnwanted(ledger, binding, defaults)
  for (const { address } of ledger.bindings()) settleOwners(ledger, address)
  const moving = new Map<ServiceKey, Map<Family, string>>()
  const notes = new Map<ServiceKey, Array<string>>()
  for (const [key, request] of ledger.requests) {
    releaseSurplus(ledger, key, request)
    for (const binding of ledger.heldBy(key)) {
      const { kind, reason } = judge(ledger.pools, binding, request)
      const family = familyOf(binding.address)
      if (kind === "move") moving.set(key, new Map([...(moving.get(key) ?? []), [family, reason]]))
      if (kind === "keep" && force) ledger.take(key, binding.address, `${reason}, and the change is forced`)
      if (kind === "keep" && !force)
        notes.set(key, [...(notes.get(key) ?? []), `${reason}; ${binding.address} is kept until the change is forced`])
    }
  }
  return { moving, notes }
}

export interface Loss {
  readonly service: ServiceKey
  readonly address: Address
  readonly reason: string
}

/**
 * The services that would lose an address with these pools if the change were forced; without force they keep it.
 * Services that are gone or ask for something else themselves are not among them, nor are those that keep their address
 * against the word of `before`, the pools in force: that is no loss of this change.
 */
export const losing = (
  pools: ReadonlyArray<AddressPool>,
  services: ReadonlyArray<ServiceRequest>,
  bindings: ReadonlyArray<Binding>,
  before?: ReadonlyArray<AddressPool>
): ReadonlyArray<Loss> => {
  const index = indexPools(pools)
  const indexBefore = before === undefined ? undefined : indexPools(before)
  const requests = new Map(services.map((service) => [serviceKey(service), service]))
  return bindings.flatMap((binding) =>
    binding.owners.flatMap(({ service }) => {
      const request = requests.get(service)
      if (request === undefined) return []
      const { kind, reason } = judge(index, binding, request)
      const already = indexBefore !== undefined && judge(indexBefore, binding, request).kind === "keep"
      return kind === "keep" && !already ? [{ service, address: binding.address, reason }] : []
    })
  )
}
