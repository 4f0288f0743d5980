// Which addresses a service gets that lacks some (S14, S15), decided from the ledger and without changing it: what it asks
// for by name, else what it had a moment ago, else an address that it may share, else the lowest free one of the first pool
// that fits; both families from one pool where there is one. Whatever it does not get has a reason (I9).
import { type Address, type Family, familyOf } from "../net/ip.ts"
import { type Ledger, timeText } from "./ledger.ts"
import { FAMILY_NAMES, type IndexedPool, whyNotAdmitted } from "./pools.ts"
import { whyNotShared } from "./sharing.ts"
import { type Binding, type ServiceRequest, serviceKey } from "./types.ts"

export interface Granted {
  readonly address: Address
  readonly reason: string
}

export interface Choice {
  readonly picks: ReadonlyArray<Granted>
  /** Why something is missing. */
  readonly reason?: string
}

/** What a service lacks. */
export interface Lack {
  readonly wanted: ReadonlyArray<Family>
  readonly missing: ReadonlyArray<Family>
  /** Its bindings in the other families. */
  readonly kept: ReadonlyArray<Binding>
}

const REASONS_MAX = 4

const listed = (reasons: ReadonlyArray<string>): string => {
  const more = reasons.length - REASONS_MAX
  return [...reasons.slice(0, REASONS_MAX), ...(more > 0 ? [`and ${more} more pools`] : [])].join(", ")
}

/** Why `service` cannot have the address that it asks for, or undefined where it can. */
const whyNotRequested = (ledger: Ledger, service: ServiceRequest, address: Address): string | undefined => {
  const holder = ledger.pools.holder(address)
  if (service.pool !== undefined && holder?.pool.name !== service.pool) {
    const where = holder === undefined ? "it is in no pool" : `it is of pool ${holder.pool.name}`
    return `${where}, and the service asks for pool ${service.pool} as well`
  }
  const refusal = holder === undefined ? undefined : whyNotAdmitted(holder.pool, service)
  if (refusal !== undefined) return refusal
  const binding = ledger.at(address)
  if (binding !== undefined) return whyNotShared(service, binding.owners, ledger.requests)
  const rest = ledger.restingAt(address)
  if (rest === undefined || rest.service === serviceKey(service)) return undefined
  return `${rest.service} gave it back, and it rests until ${timeText(rest.until)}`
}

interface Candidates {
  readonly pools: ReadonlyArray<IndexedPool>
  /** Why other pools are none. */
  readonly refusals: ReadonlyArray<string>
}

const candidatesOf = (ledger: Ledger, service: ServiceRequest): Candidates => {
  const { ordered, byName } = ledger.pools
  if (service.pool !== undefined) {
    const pool = byName.get(service.pool)
    if (pool === undefined) {
      const names = ordered.map((other) => other.pool.name).join(", ")
      const there = names === "" ? "there are none" : `there are ${names}`
      return { pools: [], refusals: [`there is no pool ${service.pool} (${there})`] }
    }
    const refusal = whyNotAdmitted(pool.pool, service)
    return refusal === undefined ? { pools: [pool], refusals: [] } : { pools: [], refusals: [refusal] }
  }
  const asked = new Set(service.addresses.map((address) => ledger.pools.holder(address)))
  const judged = ordered.map((pool) => ({
    pool,
    refusal:
      pool.pool.manualAssign && !asked.has(pool)
        ? `pool ${pool.pool.name} gives addresses on request only (manualAssign)`
        : whyNotAdmitted(pool.pool, service)
  }))
  return {
    pools: judged.flatMap(({ pool, refusal }) => (refusal === undefined ? [pool] : [])),
    refusals: judged.flatMap(({ refusal }) => refusal ?? [])
  }
}

/** The address that `service` would get from `pool`. */
const pickFrom = (ledger: Ledger, pool: IndexedPool, family: Family, service: ServiceRequest): Granted | undefined => {
  const own = ledger.ownResting(pool, family, serviceKey(service))
  if (own !== undefined) return { address: own, reason: "it had the address a moment ago" }
  const shared = ledger.shareable(pool, family, service)
  if (shared !== undefined) return { address: shared, reason: `sharing key ${service.sharingKey}` }
  const free = ledger.space.lowest(pool, family)
  return free === undefined ? undefined : { address: free, reason: `the lowest free one of pool ${pool.pool.name}` }
}

type ByFamily = ReadonlyMap<Family, Granted | string>

const isPick = (result: Granted | string | undefined): result is Granted =>
  result !== undefined && typeof result !== "string"

/** For each of `families` an address from the pools, or why there is none. `beside`: addresses that it has or will have. */
const fromPools = (
  ledger: Ledger,
  service: ServiceRequest,
  families: ReadonlyArray<Family>,
  beside: ReadonlyArray<Address>
): ByFamily => {
  if (families.length === 0) return new Map()
  const { pools, refusals } = candidatesOf(ledger, service)
  const near = new Set(beside.map((address) => ledger.pools.holder(address)))
  const key = serviceKey(service)
  const rank = (pool: IndexedPool): number => {
    if (families.some((family) => ledger.ownResting(pool, family, key) !== undefined)) return 0
    return near.has(pool) ? 1 : 2
  }
  const inOrder = pools.map((pool) => ({ pool, rank: rank(pool) })).toSorted((a, b) => a.rank - b.rank)
  const rows = inOrder.map(({ pool }) => families.map((family) => pickFrom(ledger, pool, family, service)))
  const complete = rows.find((row) => row.every((pick) => pick !== undefined))
  return new Map(
    families.map((family, i): [Family, Granted | string] => {
      const pick = complete?.[i] ?? rows.map((row) => row[i]).find((candidate) => candidate !== undefined)
      if (pick !== undefined) return [family, pick]
      const reasons = [...inOrder.map(({ pool }) => ledger.fullness(pool, family)), ...refusals]
      return [family, reasons.length === 0 ? "there are no address pools" : listed(reasons)]
    })
  )
}

const contradiction = (service: ServiceRequest, wanted: ReadonlyArray<Family>): string | undefined => {
  const stray = service.addresses.find((address) => !wanted.includes(familyOf(address)))
  if (stray === undefined) return undefined
  const names = wanted.map((family) => FAMILY_NAMES[family]).join(" and ")
  return `asks for ${stray}, but its ipFamilies are ${names}`
}

/** What `service` gets of what it lacks. */
export const choose = (ledger: Ledger, service: ServiceRequest, { wanted, missing, kept }: Lack): Choice => {
  const stray = contradiction(service, wanted)
  if (stray !== undefined) return { picks: [], reason: stray }
  const requested = new Map<Family, Granted | string>()
  for (const family of missing) {
    const address = service.addresses.find((other) => familyOf(other) === family)
    if (address === undefined) continue
    const refusal = whyNotRequested(ledger, service, address)
    const pick = { address, reason: "the service asks for it" }
    requested.set(family, refusal === undefined ? pick : `asks for ${address}: ${refusal}`)
  }
  const beside = [
    ...kept.map(({ address }) => address),
    ...[...requested.values()].filter(isPick).map(({ address }) => address)
  ]
  const open = missing.filter((family) => !requested.has(family))
  const found = new Map([...requested, ...fromPools(ledger, service, open, beside)])
  const picks = missing.flatMap((family) => {
    const result = found.get(family)
    return isPick(result) ? [result] : []
  })
  const reasons = missing.flatMap((family) => {
    const result = found.get(family)
    if (typeof result !== "string") return []
    return [requested.has(family) ? result : `no ${FAMILY_NAMES[family]} address: ${result}`]
  })
  if (reasons.length === 0) return { picks }
  if (service.familyPolicy === "RequireDualStack")
    return { picks: [], reason: `RequireDualStack, so both families or none: ${reasons.join("; ")}` }
  return { picks, reason: reasons.join("; ") }
}
