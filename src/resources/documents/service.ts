// Service (v1, S14) as a resource: the documents, and the ingress service that is made up for `ingressVIP` where no document has it
// (annotation viaduct.dev/origin). `status.loadBalancer.ingress` has the addresses as in Kubernetes; beside it stands which LB nodes
// take the traffic, which do not and why (S11, L4; I9).
import { Schema } from "effect"
import type { ConfigSnapshot } from "../../config/objects.ts"
import { Condition, condition } from "../condition.ts"
import { type ApiObject, derivedMeta } from "../kind.ts"
import type { NodeStatus, ServiceStatus } from "../nodeStatus.ts"
import { listAt, textAt } from "../valueAt.ts"
import { ageColumn, documentKind, documentsOf, fieldColumn, nameColumn } from "./document.ts"

const { String: Text, optionalKey } = Schema
const KIND = { apiVersion: "v1", kind: "Service" }

/** On services that are no documents: what they come from. */
export const ORIGIN_ANNOTATION = "viaduct.dev/origin"

const Status = Schema.Struct({
  loadBalancer: Schema.Struct({
    ingress: optionalKey(Schema.Array(Schema.Struct({ ip: Text, ipMode: optionalKey(Text) })))
  }),
  conditions: optionalKey(Schema.Array(Condition)),
  pools: optionalKey(Schema.Array(Text)),
  nextHops: optionalKey(Schema.Array(Schema.Struct({ address: Text, node: Text, nextHop: Text }))),
  leftOut: optionalKey(Schema.Array(Schema.Struct({ address: Text, node: Text, reason: Text })))
})

/** Nodes that take traffic for any of the addresses. */
export const nextHopNodes = ({ nextHops }: Pick<ServiceStatus, "nextHops">): number =>
  new Set(nextHops.map(({ node }) => node)).size

const conditionsOf = (service: ServiceStatus, since: string): ReadonlyArray<Condition> => {
  const nodes = nextHopNodes(service)
  const served = service.addresses.length > 0
  return [
    condition(
      "AddressAssigned",
      served,
      served ? "Assigned" : "Pending",
      service.reason ?? (served ? `has ${service.addresses.join(", ")}` : "waits for an address"),
      since
    ),
    condition(
      "Served",
      nodes > 0,
      nodes > 0 ? "NextHops" : "NoNextHop",
      nodes > 0 ? `${nodes} nodes take its traffic` : (service.reason ?? "no node takes its traffic"),
      since
    )
  ]
}

const statusOf = (service: ServiceStatus | undefined, since: string): typeof Status.Type => {
  if (service === undefined) return { loadBalancer: {} }
  const ingress = service.addresses.map((ip) => ({ ip, ipMode: "VIP" }))
  return {
    loadBalancer: ingress.length === 0 ? {} : { ingress },
    conditions: conditionsOf(service, since),
    pools: service.pools,
    nextHops: service.nextHops,
    leftOut: service.left
  }
}

const madeUp = (status: NodeStatus, config: ConfigSnapshot): ReadonlyArray<ApiObject> => {
  const documents = new Set(
    documentsOf(config, KIND.apiVersion, KIND.kind).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
  )
  return status.services
    .filter(({ namespace, name }) => !documents.has(`${namespace}/${name}`))
    .map((service) => ({
      ...KIND,
      metadata: {
        ...derivedMeta(KIND, status, service.name, service.namespace),
        annotations: { [ORIGIN_ANNOTATION]: "ingressVIP of the Cluster document" }
      },
      spec: {
        type: "LoadBalancer",
        externalTrafficPolicy: service.externalTrafficPolicy,
        ports: [
          { name: "http", port: 80, protocol: "TCP" },
          { name: "https", port: 443, protocol: "TCP" }
        ]
      },
      status: statusOf(service, status.startedAt)
    }))
}

const portText = (port: unknown): string => `${textAt(port, "port")}/${textAt(port, "protocol") ?? "TCP"}`

export const service = documentKind({
  ...KIND,
  plural: "services",
  singular: "service",
  shortNames: ["svc"],
  description: "A service; one of type LoadBalancer gets addresses from the pools and is announced",
  fields: {
    spec: "What the service wants. Fields that are not listed here are kept and not looked at",
    "spec.type": "Only LoadBalancer is ours to serve",
    "spec.ports": "The ports",
    "spec.ports.port": "Port number",
    "spec.ports.protocol": "TCP, UDP or SCTP. Default TCP",
    "spec.loadBalancerIP": "This address and no other",
    "spec.loadBalancerClass": "Ours without one, or with viaduct.dev/load-balancer",
    "spec.ipFamilies": "IPv4, IPv6 or both",
    "spec.ipFamilyPolicy": "SingleStack, PreferDualStack or RequireDualStack",
    "spec.externalTrafficPolicy": "Local: only nodes with a ready endpoint get traffic. Default Cluster",
    status: "What became of it",
    "status.loadBalancer": "As in Kubernetes",
    "status.loadBalancer.ingress": "The addresses",
    "status.conditions": "AddressAssigned and Served",
    "status.pools": "Pools that the addresses are from",
    "status.nextHops": "For each address the load-balancer nodes that take its traffic",
    "status.leftOut": "Those that do not, and why"
  },
  knownFields: {
    "spec.allocateLoadBalancerNodePorts": "boolean",
    "spec.clusterIP": "string",
    "spec.clusterIPs": "string[]",
    "spec.externalIPs": "string[]",
    "spec.externalName": "string",
    "spec.healthCheckNodePort": "integer",
    "spec.internalTrafficPolicy": "string",
    "spec.loadBalancerSourceRanges": "string[]",
    "spec.ports.appProtocol": "string",
    "spec.ports.name": "string",
    "spec.ports.nodePort": "integer",
    "spec.ports.targetPort": "any",
    "spec.publishNotReadyAddresses": "boolean",
    "spec.selector": "map",
    "spec.sessionAffinity": "string",
    "spec.sessionAffinityConfig": "any",
    "spec.topologyKeys": "string[]",
    "spec.trafficDistribution": "string"
  },
  statusSchema: Status,
  status: ({ services }) => {
    const served = new Map(services.map((one) => [`${one.namespace}/${one.name}`, one]))
    return ({ metadata: { namespace, name, creationTimestamp } }) =>
      statusOf(served.get(`${namespace}/${name}`), creationTimestamp)
  },
  others: madeUp,
  selectableFields: ["spec.type", "spec.externalTrafficPolicy", "spec.loadBalancerClass"],
  columns: [
    nameColumn,
    fieldColumn("Type", "spec.type", "Only LoadBalancer is ours to serve"),
    {
      name: "External-IP",
      type: "string",
      description: "The service's addresses",
      cell: (object) => {
        const ingress = listAt(object, "status.loadBalancer.ingress")
        const pending = textAt(object, "spec.type") === "LoadBalancer" ? "<pending>" : "<none>"
        return ingress.length === 0 ? pending : ingress.map((one) => textAt(one, "ip")).join(",")
      }
    },
    {
      name: "Port(s)",
      type: "string",
      description: "The ports",
      cell: (object) => listAt(object, "spec.ports").map(portText).join(",") || "<none>"
    },
    {
      name: "Next Hops",
      type: "integer",
      description: "Number of load-balancer nodes that take its traffic",
      cell: (object) => new Set(listAt(object, "status.nextHops").map((hop) => textAt(hop, "node"))).size
    },
    ageColumn,
    {
      name: "Reason",
      type: "string",
      description: "What is missing",
      cell: (object) =>
        listAt(object, "status.conditions")
          .filter((one) => textAt(one, "status") !== "True")
          .map((one) => textAt(one, "message"))[0] ?? null
    },
    fieldColumn("Pool", "status.pools", "Where the addresses are from", { wide: true }),
    fieldColumn("Policy", "spec.externalTrafficPolicy", "externalTrafficPolicy of the service", { wide: true }),
    {
      name: "Nodes",
      type: "string",
      description: "The load-balancer nodes that take its traffic",
      wide: true,
      cell: (object) => [...new Set(listAt(object, "status.nextHops").map((hop) => textAt(hop, "node")))].join(",")
    }
  ]
})
