// `Cluster` of baremetal.cluster.gke.io/v1 (S1, S4-S6, S14-S18). `spec.loadBalancer` is ours and read strictly; of
// the rest only the fields that this project uses have a shape, everything beside them passes: real files carry
// much more.
import { Schema } from "effect"
import { Metadata, Node, NodeList, nonEmpty, PEER_OPTIONS } from "./common.ts"
import { LabelSelectorPart } from "./labelSelector.ts"
import { AddressText, Asn, intBetween, Name, open, Port, PrefixText } from "./leaves.ts"
import { addressRange } from "./range.ts"

export const BgpPeerEntry = Schema.Struct({
  ip: AddressText,
  asn: Asn,
  controlPlaneNodes: Schema.optionalKey(nonEmpty(AddressText, "at least one address of a control-plane node")),
  ...PEER_OPTIONS
})

const AddressPool = Schema.Struct({
  name: Name,
  addresses: nonEmpty(addressRange, "at least one prefix or range"),
  avoidBuggyIPs: Schema.optionalKey(Schema.Boolean),
  manualAssign: Schema.optionalKey(Schema.Boolean),
  /** Ours, from here on: which pool is asked first, and who may use it. */
  priority: Schema.optionalKey(intBetween(0, 1_000_000)),
  namespaces: Schema.optionalKey(nonEmpty(Name, "at least one namespace")),
  namespaceSelector: Schema.optionalKey(LabelSelectorPart),
  serviceSelector: Schema.optionalKey(LabelSelectorPart)
})

/** Of the pool's own settings only the nodes matter here. */
const LoadBalancerNodePool = Schema.Struct({
  nodes: nonEmpty(Node, "at least one node"),
  clusterName: Schema.optionalKey(Name),
  labels: Schema.optionalKey(Schema.Unknown),
  taints: Schema.optionalKey(Schema.Unknown),
  kubeletConfig: Schema.optionalKey(Schema.Unknown),
  operatingSystem: Schema.optionalKey(Schema.Unknown)
})

const LoadBalancer = Schema.Struct({
  mode: Schema.optionalKey(Schema.Literals(["bundled", "manual"]).annotate({ expected: "bundled or manual" })),
  type: Schema.optionalKey(Schema.Literals(["bgp", "layer2"]).annotate({ expected: "bgp or layer2" })),
  localASN: Schema.optionalKey(Asn),
  bgpPeers: Schema.optionalKey(Schema.Array(BgpPeerEntry)),
  ports: Schema.optionalKey(Schema.Struct({ controlPlaneLBPort: Schema.optionalKey(Port) })),
  vips: Schema.Struct({
    controlPlaneVIP: Schema.Union([AddressText, nonEmpty(AddressText, "one address of each family")]).annotate({
      expected: "an IPv4 or IPv6 address, or a list with one of each family"
    }),
    ingressVIP: Schema.optionalKey(AddressText)
  }),
  addressPools: Schema.optionalKey(Schema.Array(AddressPool)),
  nodePoolSpec: Schema.optionalKey(LoadBalancerNodePool),
  /** Ours: the interface that gets the VIPs, or `none`. */
  vipInterface: Schema.optionalKey(
    Schema.String.check(Schema.makeFilter((name: string) => /^[^\s/]{1,15}$/.test(name))).annotate({
      expected: "the name of a network interface (at most 15 characters), or none"
    })
  )
})

const Cidrs = open({ cidrBlocks: Schema.optionalKey(Schema.Array(PrefixText)) })

export const ClusterDocument = open({
  apiVersion: Schema.Literal("baremetal.cluster.gke.io/v1"),
  kind: Schema.Literal("Cluster"),
  metadata: Metadata,
  spec: open({
    type: Schema.optionalKey(
      Schema.Literals(["admin", "user", "hybrid", "standalone"]).annotate({
        expected: "admin, user, hybrid or standalone"
      })
    ),
    controlPlane: open({ nodePoolSpec: open({ nodes: NodeList }) }),
    clusterNetwork: Schema.optionalKey(
      open({
        advancedNetworking: Schema.optionalKey(Schema.Boolean),
        pods: Schema.optionalKey(Cidrs),
        services: Schema.optionalKey(Cidrs)
      })
    ),
    loadBalancer: LoadBalancer
  })
})
export type ClusterDocument = typeof ClusterDocument.Type
