// Documents of which there is nothing to tell beyond what they say: NodePool (S18), ClusterCIDRConfig (S15), EndpointSlice (L4) and
// DaemonConfig (D4).
import { listAt, textAt } from "../valueAt.ts"
import { ageColumn, documentKind, fieldColumn, nameColumn } from "./document.ts"

export const nodePool = documentKind({
  apiVersion: "baremetal.cluster.gke.io/v1",
  kind: "NodePool",
  plural: "nodepools",
  singular: "nodepool",
  shortNames: ["np"],
  description: "Worker nodes of a cluster",
  fields: {
    spec: "The pool",
    "spec.clusterName": "The cluster that the nodes belong to",
    "spec.nodes": "The nodes",
    "spec.nodes.address": "Address of the node",
    "spec.nodes.name": "What sessions and people call the node"
  },
  selectableFields: ["spec.clusterName"],
  columns: [
    nameColumn,
    fieldColumn("Cluster", "spec.clusterName", "The cluster that the nodes belong to"),
    {
      name: "Nodes",
      type: "integer",
      description: "How many nodes",
      cell: (object) => listAt(object, "spec.nodes").length
    },
    ageColumn
  ]
})

export const clusterCidrConfig = documentKind({
  apiVersion: "baremetal.cluster.gke.io/v1alpha1",
  kind: "ClusterCIDRConfig",
  plural: "clustercidrconfigs",
  singular: "clustercidrconfig",
  shortNames: ["ccc"],
  description: "Pod ranges of a dual-stack cluster",
  fields: {
    spec: "The ranges",
    "spec.ipv4": "The IPv4 range",
    "spec.ipv4.cidr": "The range as a prefix",
    "spec.ipv4.perNodeMaskSize": "Prefix length of what each node gets",
    "spec.ipv6": "The IPv6 range",
    "spec.ipv6.cidr": "The range as a prefix",
    "spec.ipv6.perNodeMaskSize": "Prefix length of what each node gets"
  },
  selectableFields: [],
  columns: [
    nameColumn,
    fieldColumn("IPv4", "spec.ipv4.cidr", "The IPv4 range"),
    fieldColumn("IPv6", "spec.ipv6.cidr", "The IPv6 range"),
    ageColumn
  ]
})

export const endpointSlice = documentKind({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  plural: "endpointslices",
  singular: "endpointslice",
  shortNames: ["eps"],
  description: "On which nodes a service has endpoints",
  fields: {
    addressType: "IPv4, IPv6 or FQDN",
    endpoints: "The endpoints",
    "endpoints.nodeName": "Node that the endpoint is on",
    "endpoints.conditions": "Whether the endpoint takes traffic",
    "endpoints.conditions.ready": "It takes traffic; one that says nothing does",
    "endpoints.conditions.serving": "It answers, also while it ends",
    "endpoints.conditions.terminating": "It is on its way out"
  },
  knownFields: {
    addressType: "string",
    ports: "any",
    "endpoints.addresses": "string[]",
    "endpoints.deprecatedTopology": "map",
    "endpoints.hints": "any",
    "endpoints.hostname": "string",
    "endpoints.targetRef": "any",
    "endpoints.zone": "string"
  },
  selectableFields: [],
  columns: [
    nameColumn,
    {
      name: "Service",
      type: "string",
      description: "The service that the slice is of",
      cell: ({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] ?? null
    },
    {
      name: "Nodes",
      type: "string",
      description: "Nodes with endpoints",
      cell: (object) =>
        [...new Set(listAt(object, "endpoints").flatMap((one) => textAt(one, "nodeName") ?? []))].join(",")
    },
    ageColumn
  ]
})

export const daemonConfig = documentKind({
  apiVersion: "viaduct.dev/v1",
  kind: "DaemonConfig",
  plural: "daemonconfigs",
  singular: "daemonconfig",
  shortNames: [],
  description: "How the daemon runs; read when it starts",
  fields: {
    spec: "The settings",
    "spec.etcd": "The cluster's store; without it, a store of this one node",
    "spec.etcd.endpoints": "URLs of its members",
    "spec.etcd.caFile": "PEM file of the authority that signed their certificates",
    "spec.etcd.certFile": "PEM file of the client certificate",
    "spec.etcd.keyFile": "PEM file of its key",
    "spec.etcd.username": "User of the store",
    "spec.etcd.passwordFile": "File whose first line is the password",
    "spec.leaseSeconds": "2 to 60: how soon a dead node is replaced, and how slow the store may be. Default 3",
    "spec.onStoreLoss": "Whether a node that cannot reach the store keeps its addresses. Default hold",
    "spec.addressRestSeconds": "How long an address that a service gave back goes to nobody else. Default 60"
  },
  selectableFields: [],
  columns: [
    nameColumn,
    fieldColumn("Store", "spec.etcd.endpoints", "Members of the cluster's store"),
    fieldColumn("Lease", "spec.leaseSeconds", "Seconds", { type: "integer" }),
    fieldColumn("On Store Loss", "spec.onStoreLoss", "What becomes of addresses when the store is lost"),
    ageColumn
  ]
})
