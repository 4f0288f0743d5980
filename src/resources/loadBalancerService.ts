// LoadBalancerService (viaduct.dev/v1): what becomes of a service of type LoadBalancer: its addresses, the LB nodes that take its
// traffic, those that do not and why (S11, L4; I9). Named like its routes, `<namespace>-<service>` (S23); where that is the
// name of another already, `<namespace>.<service>`.
import { groupVersion, objectTime, type ResourceKind, type ResourceObject, stableUid } from "./kind.ts"
import type { NodeStatus, ServiceStatus } from "./nodeStatus.ts"

interface LoadBalancerServiceSpec {
  readonly namespace: string
  readonly service: string
  readonly externalTrafficPolicy: ServiceStatus["externalTrafficPolicy"]
}

interface LoadBalancerServiceStatus {
  readonly addresses: ReadonlyArray<string>
  readonly pools: ReadonlyArray<string>
  readonly nextHops: ServiceStatus["nextHops"]
  readonly leftOut: ServiceStatus["left"]
  readonly reason?: string
}

type LoadBalancerService = ResourceObject<LoadBalancerServiceSpec, LoadBalancerServiceStatus>

/** Nodes that take traffic for any of the addresses. */
export const nextHopNodes = ({ nextHops }: Pick<ServiceStatus, "nextHops">): number =>
  new Set(nextHops.map(({ node }) => node)).size

/** "a-b" in "c" and "b-c" in "a" would be one name: the first keeps it. */
const namesOf = (services: ReadonlyArray<ServiceStatus>): ReadonlyArray<string> => {
  const taken = new Set<string>()
  return services.map(({ namespace, name }) => {
    const short = `${namespace}-${name}`
    const free = taken.has(short) ? `${namespace}.${name}` : short
    taken.add(free)
    return free
  })
}

const derive = (status: NodeStatus): ReadonlyArray<LoadBalancerService> => {
  const names = namesOf(status.services)
  return status.services.map((service, i) => {
    const name = names[i] ?? service.name
    return {
      apiVersion: groupVersion(loadBalancerService),
      kind: loadBalancerService.kind,
      metadata: {
        name,
        namespace: loadBalancerService.namespace,
        uid: stableUid(loadBalancerService.kind, status.cluster, status.node, name, status.startedAt),
        creationTimestamp: objectTime(status.startedAt)
      },
      spec: {
        namespace: service.namespace,
        service: service.name,
        externalTrafficPolicy: service.externalTrafficPolicy
      },
      status: {
        addresses: service.addresses,
        pools: service.pools,
        nextHops: service.nextHops,
        leftOut: service.left,
        ...(service.reason === undefined ? {} : { reason: service.reason })
      }
    }
  })
}

export const loadBalancerService: ResourceKind<LoadBalancerService> = {
  group: "viaduct.dev",
  version: "v1",
  kind: "LoadBalancerService",
  plural: "loadbalancerservices",
  singular: "loadbalancerservice",
  shortNames: ["lbsvc", "services", "service"],
  namespaced: true,
  namespace: "kube-system",
  selectableFields: ["spec.namespace", "spec.service", "spec.externalTrafficPolicy"],
  columns: [
    {
      name: "Name",
      type: "string",
      format: "name",
      description: "Namespace and name of the service",
      cell: ({ metadata }) => metadata.name
    },
    {
      name: "Addresses",
      type: "string",
      description: "The service's addresses",
      cell: ({ status }) => status.addresses.join(",")
    },
    { name: "Pool", type: "string", description: "Where they are from", cell: ({ status }) => status.pools.join(",") },
    {
      name: "Next Hops",
      type: "integer",
      description: "Number of load-balancer nodes that take its traffic",
      cell: ({ status }) => nextHopNodes(status)
    },
    {
      name: "Reason",
      type: "string",
      description: "What is missing",
      cell: ({ status }) => status.reason ?? null
    },
    {
      name: "Policy",
      type: "string",
      description: "externalTrafficPolicy of the service",
      wide: true,
      cell: ({ spec }) => spec.externalTrafficPolicy
    },
    {
      name: "Nodes",
      type: "string",
      description: "The load-balancer nodes that take its traffic",
      wide: true,
      cell: ({ status }) => [...new Set(status.nextHops.map(({ node }) => node))].join(",")
    }
  ],
  derive,
  content: ({ spec, status }) => ({ spec, status })
}
