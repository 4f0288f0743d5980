// Services, their endpoints and the labels of their namespaces, from the documents to what allocation and planners take
// (S14, L4). `ingressVIP` is the address of the ingress service: of the one that asks for exactly that address, else of
// gke-system/istio-ingress, and where no document has either, of one that is made up so that the VIP is served at all.
import { recordedPorts } from "../ipam/sharing.ts"
import { type ServiceKey, type ServiceRequest, serviceKey } from "../ipam/types.ts"
import { type Address, familyOf } from "../net/ip.ts"
import type { ServiceEndpoints } from "../plan/desired.ts"
import { addressList, annotationsOf } from "./annotations.ts"
import type { ServiceDocument } from "./documents/coreV1.ts"
import type { EndpointSliceDocument } from "./documents/endpointSlice.ts"
import type { Documents, Located } from "./kinds.ts"

/** The `loadBalancerClass` that means us, as none does. */
const OWN_CLASS = "viaduct.dev/load-balancer"

/** Of what Kubernetes would keep there. */
export const DEFAULT_NAMESPACE = "default"
export const INGRESS = { namespace: "gke-system", name: "istio-ingress" } as const

export const namespaceOf = (document: { readonly metadata: { readonly namespace?: string } }): string =>
  document.metadata.namespace ?? DEFAULT_NAMESPACE

/** The services that are ours to serve. */
export const ownServices = ({ services }: Documents): ReadonlyArray<Located<ServiceDocument>> =>
  services.filter(({ value }) => (value.spec.loadBalancerClass ?? OWN_CLASS) === OWN_CLASS)

/** IPv4 first: which of the two is written first means nothing. */
const inFamilyOrder = (addresses: ReadonlyArray<Address>): ReadonlyArray<Address> =>
  addresses.toSorted((a, b) => (familyOf(a) < familyOf(b) ? -1 : familyOf(a) > familyOf(b) ? 1 : 0))

/** Addresses that the document itself asks for, each once. */
export const requestedAddresses = (document: ServiceDocument): ReadonlyArray<Address> => {
  const [listed] = annotationsOf(document, "addresses")
  const { loadBalancerIP } = document.spec
  const fromList = addressList(listed?.value ?? "").flatMap(({ address }) => address ?? [])
  return inFamilyOrder([...new Set([...fromList, ...(loadBalancerIP === undefined ? [] : [loadBalancerIP])])])
}

const FAMILIES = { IPv4: "ipv4", IPv6: "ipv6" } as const

/** `namespaceLabels` by namespace; Kubernetes gives every namespace its name as a label. */
const labelsOfNamespaces = ({ namespaces }: Documents) => {
  const given = new Map(namespaces.map(({ value }) => [value.metadata.name, value.metadata.labels ?? {}]))
  return (namespace: string): Readonly<Record<string, string>> => ({
    "kubernetes.io/metadata.name": namespace,
    ...given.get(namespace)
  })
}

const toRequest = (document: ServiceDocument, namespaceLabels: Readonly<Record<string, string>>): ServiceRequest => {
  const { metadata, spec } = document
  const families = (spec.ipFamilies ?? []).map((family) => FAMILIES[family])
  const [pool] = annotationsOf(document, "pool")
  const [sharing] = annotationsOf(document, "sharingKey")
  return {
    namespace: namespaceOf(document),
    name: metadata.name,
    labels: metadata.labels ?? {},
    namespaceLabels,
    ports: recordedPorts((spec.ports ?? []).map(({ port, protocol = "TCP" }) => ({ protocol, port }))),
    addresses: requestedAddresses(document),
    ...(pool === undefined ? {} : { pool: pool.value }),
    families,
    // As an API server would fill it in.
    familyPolicy: spec.ipFamilyPolicy ?? (families.length > 1 ? "RequireDualStack" : "SingleStack"),
    ...(sharing === undefined ? {} : { sharingKey: sharing.value }),
    externalTrafficPolicy: spec.externalTrafficPolicy ?? "Cluster"
  }
}

/** Gives the ingress service its VIP. */
const withIngress = (
  requests: ReadonlyArray<ServiceRequest>,
  vip: Address | undefined,
  namespaceLabels: (namespace: string) => Readonly<Record<string, string>>
): ReadonlyArray<ServiceRequest> => {
  if (vip === undefined || requests.some(({ addresses }) => addresses.includes(vip))) return requests
  const key = serviceKey(INGRESS)
  if (requests.some((request) => serviceKey(request) === key)) {
    return requests.map((request) => {
      const taken = request.addresses.some((address) => familyOf(address) === familyOf(vip))
      return serviceKey(request) === key && !taken
        ? { ...request, addresses: inFamilyOrder([...request.addresses, vip]) }
        : request
    })
  }
  const ingress: ServiceRequest = {
    ...INGRESS,
    labels: {},
    namespaceLabels: namespaceLabels(INGRESS.namespace),
    ports: [
      { protocol: "TCP", port: 80 },
      { protocol: "TCP", port: 443 }
    ],
    addresses: [vip],
    families: [],
    familyPolicy: "SingleStack",
    externalTrafficPolicy: "Cluster"
  }
  return [...requests, ingress]
}

/** The services of `documents` that are ours, the ingress service among them. */
export const serviceRequests = (
  documents: Documents,
  ingressVip: Address | undefined
): ReadonlyArray<ServiceRequest> => {
  const namespaceLabels = labelsOfNamespaces(documents)
  const requests = ownServices(documents).map(({ value }) => toRequest(value, namespaceLabels(namespaceOf(value))))
  return withIngress(requests, ingressVip, namespaceLabels)
}

/** The service that a slice is of, or undefined where it names none. */
export const sliceOwner = (slice: EndpointSliceDocument): ServiceKey | undefined => {
  const name = slice.metadata.labels?.["kubernetes.io/service-name"]
  return name === undefined ? undefined : serviceKey({ namespace: namespaceOf(slice), name })
}

type Endpoint = NonNullable<EndpointSliceDocument["endpoints"]>[number]

/** An endpoint that says nothing is ready. */
const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready ?? true

/** On its way out and still answering; one that does not say whether it serves does what `ready` says. */
const isDraining = (endpoint: Endpoint): boolean =>
  (endpoint.conditions?.serving ?? isReady(endpoint)) && (endpoint.conditions?.terminating ?? false)

/** Where a service has no ready endpoint at all, those that are on their way out take its traffic, as in Kubernetes. */
const endpointNodes = (endpoints: ReadonlyArray<Endpoint>): ReadonlyArray<string> => {
  const ready = endpoints.filter(isReady)
  const taking = ready.length > 0 ? ready : endpoints.filter(isDraining)
  return [...new Set(taking.flatMap(({ nodeName }) => nodeName ?? []))].sort()
}

/** Where the endpoints of `requests` are, as the slices tell. */
export const serviceEndpoints = (
  { endpointSlices }: Documents,
  requests: ReadonlyArray<ServiceRequest>
): ReadonlyArray<ServiceEndpoints> => {
  const slices = Map.groupBy(endpointSlices, ({ value }) => sliceOwner(value))
  return requests.map(serviceKey).flatMap((service) => {
    const own = slices.get(service)
    if (own === undefined) return []
    return [{ service, nodes: endpointNodes(own.flatMap(({ value }) => value.endpoints ?? [])) }]
  })
}
