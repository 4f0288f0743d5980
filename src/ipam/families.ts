// Which address families a service wants (S15), from `ipFamilies` and `ipFamilyPolicy` with Kubernetes' meaning. Where the
// service leaves the choice open, a family that it has already is as good as the default and never exchanged for it (I4).
import { type Family, familyOf } from "../net/ip.ts"
import type { PoolIndex } from "./pools.ts"
import type { ServiceRequest } from "./types.ts"

/** What a service that says nothing gets. `serviceFamilies` is empty where the cluster's documents do not tell. */
export interface FamilyDefaults {
  readonly serviceFamilies: ReadonlyArray<Family>
  readonly first: Family
}

/** Without the cluster's word the first family that its pools have. */
export const familyDefaults = (serviceFamilies: ReadonlyArray<Family>, pools: PoolIndex): FamilyDefaults => {
  const inPools = (["ipv4", "ipv6"] as const).find((family) => pools.ordered.some((pool) => pool.size[family] > 0n))
  return { serviceFamilies, first: serviceFamilies[0] ?? inPools ?? "ipv4" }
}

const named = (service: ServiceRequest, has: ReadonlyArray<Family>, first: Family): ReadonlyArray<Family> => {
  if (service.families.length > 0) return service.families
  if (service.addresses.length > 0) return service.addresses.map(familyOf)
  const held = has[0]
  return held === undefined || has.includes(first) ? [first] : [held]
}

/** The families that `service` wants, its primary one first; `has`: those of the addresses that it holds. */
export const wantedFamilies = (
  service: ServiceRequest,
  has: ReadonlyArray<Family>,
  { serviceFamilies, first }: FamilyDefaults
): ReadonlyArray<Family> => {
  const families = named(service, has, first)
  if (service.familyPolicy === "SingleStack") return families
  const possible = (family: Family): boolean =>
    service.familyPolicy === "RequireDualStack" || serviceFamilies.length === 0 || serviceFamilies.includes(family)
  const others = (["ipv4", "ipv6"] as const).filter((family) => !families.includes(family) && possible(family))
  return [...families, ...others]
}
