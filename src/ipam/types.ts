// What address allocation works on: pools, services that want addresses, and the bindings between the two. Rows S14, S15;
// invariant I4. Plain values; addresses are canonical text.
import type { Address, Family } from "../net/ip.ts"

/** Inclusive, both ends of one family. */
export interface AddressRange {
  readonly first: Address
  readonly last: Address
}

/** A Kubernetes label selector; an empty one selects everything. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: ReadonlyArray<{
    readonly key: string
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist"
    readonly values?: ReadonlyArray<string>
  }>
}

/** `addressPools[]` (S14), with who may use it. */
export interface AddressPool {
  readonly name: string
  readonly ranges: ReadonlyArray<AddressRange>
  /** Leaves out IPv4 addresses that end in .0 or .255. */
  readonly avoidBuggyIps: boolean
  /** Only for services that ask for it, by pool or by address. */
  readonly manualAssign: boolean
  /** Pools with a lower number are used first; one without comes last. Equal ones in the order of the file. */
  readonly priority?: number
  /** Namespaces that may use it; absent, with no `namespaceSelector`: all. */
  readonly namespaces?: ReadonlyArray<string>
  readonly namespaceSelector?: LabelSelector
  readonly serviceSelector?: LabelSelector
}

export interface ServicePort {
  readonly protocol: "TCP" | "UDP" | "SCTP"
  readonly port: number
}

/** A `v1 Service` of type LoadBalancer that is ours to serve. */
export interface ServiceRequest {
  readonly namespace: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Of the namespace, where a Namespace document gives some. */
  readonly namespaceLabels: Readonly<Record<string, string>>
  readonly ports: ReadonlyArray<ServicePort>
  /** Asked for by `loadBalancerIP`, annotation, or as the cluster's `ingressVIP`; at most one of each family. */
  readonly addresses: ReadonlyArray<Address>
  readonly pool?: string
  /** `ipFamilies`; empty: the cluster's first service family. */
  readonly families: ReadonlyArray<Family>
  readonly familyPolicy: "SingleStack" | "PreferDualStack" | "RequireDualStack"
  /** Services with the same key may share an address while their ports differ. */
  readonly sharingKey?: string
  readonly externalTrafficPolicy: "Cluster" | "Local"
}

/** `<namespace>/<name>`. */
export type ServiceKey = string

export const serviceKey = ({ namespace, name }: { readonly namespace: string; readonly name: string }): ServiceKey =>
  `${namespace}/${name}`

export interface BindingOwner {
  readonly service: ServiceKey
  readonly ports: ReadonlyArray<ServicePort>
  readonly sharingKey?: string
}

/** An address and the service that has it, or the services that share it, oldest first. */
export interface Binding {
  readonly address: Address
  /** Name of the pool that it came from; empty where it is in none (`ingressVIP`). */
  readonly pool: string
  readonly owners: ReadonlyArray<BindingOwner>
}

/** An address that was given back and rests before it is given to somebody else. */
export interface RestingAddress {
  readonly address: Address
  /** Who had it last: gets it back when it returns in time. */
  readonly service: ServiceKey
  /** Milliseconds since the epoch. */
  readonly until: number
}
