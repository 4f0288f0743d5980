// `v1 Service` documents that are ours, each for itself and against the cluster (S14, S15): what an API server would have
// refused, annotations that contradict each other, addresses that cannot be, pools that do not exist. What only the
// allocation can know, whether an address is free, is not asked here.
import { type ServiceKey, serviceKey } from "../../ipam/types.ts"
import { type Address, type Family, familyOf } from "../../net/ip.ts"
import {
  API_ANNOTATIONS,
  addressList,
  annotationsOf,
  type GivenAnnotation,
  OWN_ANNOTATIONS,
  OWN_PREFIX,
  SERVICE_ANNOTATIONS
} from "../annotations.ts"
import type { ServiceDocument } from "../documents/coreV1.ts"
import type { Located } from "../kinds.ts"
import { nearest } from "../nearest.ts"
import type { Path, Problem } from "../problem.ts"
import { INGRESS, namespaceOf, ownServices, requestedAddresses } from "../services.ts"
import { addressRoles, isReachable, type PoolRange, poolRangeOf, poolRanges, type Role } from "./addresses.ts"
import type { CheckContext } from "./context.ts"
import { duplicates, errorAt, type Item, lineOf, type Place, warningAt } from "./report.ts"

type Service = Located<ServiceDocument>

/** What requested addresses are held against, worked out once for all services. */
interface Ground {
  readonly ingressVip: Address | undefined
  readonly taken: ReadonlyMap<Address, Item<Role>>
  readonly ranges: ReadonlyArray<Item<PoolRange>>
}

const groundOf = (context: CheckContext): Ground => ({
  ingressVip: context.cluster.value.spec.loadBalancer.vips.ingressVIP,
  taken: new Map(addressRoles(context).map((role) => [role.value.address, role])),
  ranges: poolRanges(context)
})

const at = ({ source }: Service, ...path: Path): Place => ({ source, path })
const annotationAt = (service: Service, { key }: GivenAnnotation): Place => at(service, "metadata", "annotations", key)

const FAMILY_NAMES = { ipv4: "IPv4", ipv6: "IPv6" } as const
const FAMILY_OF = { IPv4: "ipv4", IPv6: "ipv6" } as const

const keyOf = ({ value }: Service): ServiceKey =>
  serviceKey({ namespace: namespaceOf(value), name: value.metadata.name })

const checkPorts = (service: Service): ReadonlyArray<Problem> => {
  const ports = service.value.spec.ports ?? []
  if (ports.length === 0) {
    const place = at(service, "spec", ...(service.value.spec.ports === undefined ? [] : ["ports"]))
    return [errorAt(place, "the service has no ports", { expected: "at least one port" })]
  }
  return duplicates(
    ports.map(({ port, protocol = "TCP" }, i) => ({
      ...at(service, "spec", "ports", i, "port"),
      value: `${protocol} ${port}`
    })),
    (port) => port,
    (again, first) => errorAt(again, `${again.value} is there twice, first in ${lineOf(first, again)}`)
  )
}

/** Forms of one annotation that say different things, and names in our group that there are none of. */
const checkAnnotations = (service: Service): ReadonlyArray<Problem> => {
  const same = (value: string): string =>
    addressList(value)
      .map(({ text, address }) => address ?? text)
      .sort()
      .join()
  const conflicts = SERVICE_ANNOTATIONS.flatMap((what) => {
    const [first, ...others] = annotationsOf(service.value, what)
    if (first === undefined) return []
    return others
      .filter(({ value }) => (what === "addresses" ? same(value) !== same(first.value) : value !== first.value))
      .map((other) =>
        errorAt(annotationAt(service, other), `says something else than ${first.key}`, {
          found: other.value,
          expected: first.value
        })
      )
  })
  const unknown = Object.keys(service.value.metadata.annotations ?? {})
    .filter((key) => key.startsWith(OWN_PREFIX) && ![...OWN_ANNOTATIONS, ...API_ANNOTATIONS].includes(key))
    .map((key) => {
      const hint = nearest(key, OWN_ANNOTATIONS)
      const place = at(service, "metadata", "annotations", key)
      const details = hint === undefined ? { expected: `one of ${OWN_ANNOTATIONS.join(", ")}` } : { hint }
      const problem = errorAt(place, "unknown annotation of a service", { found: key, ...details })
      return { ...problem, ...service.source.locate(place.path, "key") }
    })
  return [...conflicts, ...unknown]
}

/** Each address that the service asks for, where it does; the same one in two places once. */
const requestItems = (service: Service): ReadonlyArray<Item<Address>> => {
  const { loadBalancerIP } = service.value.spec
  const [listed] = annotationsOf(service.value, "addresses")
  const inList = listed === undefined ? [] : addressList(listed.value)
  const items = [
    ...(loadBalancerIP === undefined ? [] : [{ ...at(service, "spec", "loadBalancerIP"), value: loadBalancerIP }]),
    ...inList.flatMap(({ address }) =>
      address === undefined || listed === undefined ? [] : [{ ...annotationAt(service, listed), value: address }]
    )
  ]
  return [...new Map(items.toReversed().map((item) => [item.value, item])).values()].toReversed()
}

const checkRequests = (ground: Ground, service: Service): ReadonlyArray<Problem> => {
  const [listed] = annotationsOf(service.value, "addresses")
  const noAddress = addressList(listed?.value ?? "").filter(({ address }) => address === undefined)
  const problems: Array<Problem> = []
  for (const { text } of noAddress) {
    if (listed === undefined) continue
    problems.push(
      errorAt(annotationAt(service, listed), "is not an address", {
        found: text,
        expected: "an IPv4 or IPv6 address, or one of each with a comma between"
      })
    )
  }
  const items = requestItems(service)
  const { loadBalancerIP } = service.value.spec
  const inList = addressList(listed?.value ?? "").flatMap(({ address }) => address ?? [])
  if (loadBalancerIP !== undefined && inList.length > 0 && !inList.includes(loadBalancerIP)) {
    const place = at(service, "spec", "loadBalancerIP")
    return [
      ...problems,
      errorAt(place, `says something else than ${listed?.key}`, {
        found: loadBalancerIP,
        expected: listed?.value ?? ""
      })
    ]
  }
  const sameFamily = duplicates(
    items,
    (address) => familyOf(address),
    (again, first) =>
      errorAt(again, `asks for two ${FAMILY_NAMES[familyOf(again.value)]} addresses`, {
        found: `${first.value} and ${again.value}`,
        expected: "at most one IPv4 and one IPv6 address"
      })
  )
  return [...problems, ...sameFamily, ...items.flatMap((item) => checkRequest(ground, service, item))]
}

/** One requested address against everything else that has addresses. */
const checkRequest = (ground: Ground, service: Service, item: Item<Address>): ReadonlyArray<Problem> => {
  const found = { found: item.value }
  if (!isReachable(item.value)) {
    return [errorAt(item, "cannot be the address of a service", { ...found, expected: "a global unicast address" })]
  }
  const { ingressVip, taken, ranges } = ground
  if (item.value === ingressVip) return []
  const role = taken.get(item.value)
  if (role !== undefined)
    return [
      errorAt(item, `the service asks for an address that is ${role.value.what}, see ${lineOf(role, item)}`, found)
    ]
  const ingress = keyOf(service) === serviceKey(INGRESS)
  if (ingress && ingressVip !== undefined && familyOf(ingressVip) === familyOf(item.value)) {
    return [
      errorAt(item, "is not the cluster's ingressVIP, which this service serves", { ...found, expected: ingressVip })
    ]
  }
  if (poolRangeOf(ranges, item.value) !== undefined) return []
  return [warningAt(item, "the address is in no address pool", found)]
}

const checkPool = (context: CheckContext, service: Service): ReadonlyArray<Problem> => {
  const [given] = annotationsOf(service.value, "pool")
  const names = (context.cluster.value.spec.loadBalancer.addressPools ?? []).map((pool) => pool.name)
  if (given === undefined || names.includes(given.value)) return []
  const hint = nearest(given.value, names)
  const expected = names.length === 0 ? "a cluster with addressPools" : `one of ${names.join(", ")}`
  return [
    errorAt(annotationAt(service, given), "there is no such address pool", {
      found: given.value,
      ...(hint === undefined ? { expected } : { hint })
    })
  ]
}

const serviceFamilies = ({ cluster }: CheckContext): ReadonlySet<Family> =>
  new Set((cluster.value.spec.clusterNetwork?.services?.cidrBlocks ?? []).map((cidr) => familyOf(cidr)))

const checkFamilies = (context: CheckContext, service: Service): ReadonlyArray<Problem> => {
  const { ipFamilies = [], ipFamilyPolicy } = service.value.spec
  const cluster = serviceFamilies(context)
  const has = [...cluster].map((family) => FAMILY_NAMES[family]).join(" and ")
  const items = ipFamilies.map((value, i) => ({ ...at(service, "spec", "ipFamilies", i), value }))
  const foreign = items.filter(({ value }) => cluster.size > 0 && !cluster.has(FAMILY_OF[value]))
  const problems = [
    ...foreign.map((item) =>
      errorAt(item, "the cluster has no services of this family", { found: item.value, expected: has })
    ),
    ...duplicates(items, String, (again) => errorAt(again, "is there twice", { found: again.value }))
  ]
  const policy = at(service, "spec", "ipFamilyPolicy")
  if (ipFamilyPolicy === "RequireDualStack" && cluster.size === 1)
    problems.push(errorAt(policy, `the cluster's services are ${has} only`, { found: ipFamilyPolicy }))
  const asked = requestItems(service)
  if (ipFamilyPolicy === "SingleStack" && (new Set(ipFamilies).size > 1 || asked.length > 1)) {
    problems.push(
      errorAt(policy, "the service asks for two families", {
        found: ipFamilyPolicy,
        expected: "PreferDualStack or RequireDualStack"
      })
    )
  }
  const single = ipFamilies.length === 1 && (ipFamilyPolicy ?? "SingleStack") === "SingleStack"
  for (const item of asked) {
    const name = FAMILY_NAMES[familyOf(item.value)]
    if (single && !ipFamilies.includes(name))
      problems.push(
        errorAt(item, `is of another family than ipFamilies`, { found: item.value, expected: ipFamilies.join() })
      )
    else if (cluster.size > 0 && !cluster.has(familyOf(item.value)) && foreign.length === 0)
      problems.push(errorAt(item, "the cluster has no services of this family", { found: item.value, expected: has }))
  }
  return problems
}

/** Two services that ask for one address and do not share it: one of them gets nothing. */
const checkConflicts = (services: ReadonlyArray<Service>): ReadonlyArray<Problem> => {
  const first = new Map<Address, { readonly item: Item<Address>; readonly by: ServiceKey; readonly key?: string }>()
  return services.flatMap((service) => {
    const key = annotationsOf(service.value, "sharingKey")[0]?.value
    return requestItems(service).flatMap((item) => {
      const other = first.get(item.value)
      if (other === undefined) {
        first.set(item.value, { item, by: keyOf(service), ...(key === undefined ? {} : { key }) })
        return []
      }
      if (other.by === keyOf(service) || (key !== undefined && key === other.key)) return []
      return [
        warningAt(item, `${other.by} asks for the same address in ${lineOf(other.item, item)}`, {
          found: item.value,
          expected: `another address, or one sharing key for both (${OWN_ANNOTATIONS.at(-1)})`
        })
      ]
    })
  })
}

/** Each service that is ours; a cluster that somebody else balances has none. */
export const checkServiceDocuments = (context: CheckContext): ReadonlyArray<Problem> => {
  if (context.cluster.value.spec.loadBalancer.mode === "manual") return []
  const ground = groundOf(context)
  const services = ownServices(context.documents)
  const each = services.flatMap((service) => [
    ...checkPorts(service),
    ...checkAnnotations(service),
    ...checkRequests(ground, service),
    ...checkPool(context, service),
    ...checkFamilies(context, service)
  ])
  return [...each, ...checkConflicts(services)]
}

/** Services that can get no address because there are no pools. */
export const checkServicesServed = (context: CheckContext): ReadonlyArray<Problem> => {
  const { type, loadBalancer } = context.cluster.value.spec
  if (loadBalancer.mode === "manual" || type === "admin" || (loadBalancer.addressPools ?? []).length > 0) return []
  const { ingressVIP } = loadBalancer.vips
  return ownServices(context.documents)
    .filter((service) => requestedAddresses(service.value).length === 0)
    .filter((service) => annotationsOf(service.value, "pool").length === 0)
    .filter((service) => ingressVIP === undefined || keyOf(service) !== serviceKey(INGRESS))
    .map((service) =>
      warningAt(at(service, "kind"), "the service gets no address: the cluster has no addressPools", {
        expected: "spec.loadBalancer.addressPools in the Cluster"
      })
    )
}
