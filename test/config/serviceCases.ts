// Documents that follow the valid file with one mistake each, and every problem that results, word by word with its line and
// column. The first line of what is appended is line 74.
import type { Edit } from "./files.ts"

export interface ServiceCase {
  readonly name: string
  readonly documents: string
  readonly edits?: ReadonlyArray<Edit>
  /** Without the file's name. */
  readonly problems: ReadonlyArray<string>
}

export interface ServiceText {
  readonly name?: string
  /** Lines of `metadata` and `spec`, indented by two. */
  readonly metadata?: string
  readonly spec?: string
}

export const serviceText = ({
  name = "web",
  metadata = "",
  spec = "  ports: [{port: 80}]\n"
}: ServiceText = {}): string =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\n${metadata}spec:\n  type: LoadBalancer\n${spec}`

const annotated = (...lines: ReadonlyArray<string>): string =>
  serviceText({ metadata: `  annotations:\n${lines.map((line) => `    ${line}\n`).join("")}` })

const daemon = (spec: string): string => `apiVersion: viaduct.dev/v1\nkind: DaemonConfig\nspec:\n${spec}`

const slice = (node: string): string =>
  "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: web-1\n  labels:\n" +
  `    kubernetes.io/service-name: web\nendpoints:\n  - addresses: [10.1.0.1]\n    nodeName: ${node}\n`

const DUAL: Edit = ["[10.96.0.0/16]", "[10.96.0.0/16, fd00::/112]"]
const DUAL_POOL: Edit = ["[10.0.0.1-10.0.0.4]", '[10.0.0.1-10.0.0.4, "2001:db8::/64"]']
const DUAL_PODS =
  "apiVersion: baremetal.cluster.gke.io/v1alpha1\nkind: ClusterCIDRConfig\nmetadata: {name: c}\nspec:\n" +
  "  ipv4: {cidr: 192.168.0.0/16, perNodeMaskSize: 24}\n  ipv6: {cidr: 'fd01::/112', perNodeMaskSize: 120}\n"

export const SERVICE_CASES: ReadonlyArray<ServiceCase> = [
  { name: "a plain service", documents: serviceText(), problems: [] },
  {
    name: "the same service twice",
    documents: `${serviceText()}---\n${serviceText({ metadata: "  namespace: default\n" })}`,
    problems: ["82:1: error: Service default/web is there twice: first in line 74, again in line 82"]
  },
  {
    name: "no ports",
    documents: serviceText({ spec: "" }),
    problems: ["79:3: error: spec: the service has no ports (expected at least one port)"]
  },
  {
    name: "an empty list of ports",
    documents: serviceText({ spec: "  ports: []\n" }),
    problems: ["80:10: error: spec.ports: the service has no ports (expected at least one port)"]
  },
  {
    name: "a port twice",
    documents: serviceText({ spec: "  ports: [{port: 80}, {port: 80, protocol: UDP}, {port: 80, protocol: TCP}]\n" }),
    problems: ["80:57: error: spec.ports[2].port: TCP 80 is there twice, first in line 80"]
  },
  {
    name: "a protocol that is none",
    documents: serviceText({ spec: "  ports: [{port: 80, protocol: tcp}]\n" }),
    problems: ["80:32: error: spec.ports[0].protocol: is not valid (found tcp, expected TCP, UDP or SCTP)"]
  },
  {
    name: "a port that is none",
    documents: serviceText({ spec: "  ports: [{port: http}]\n" }),
    problems: ["80:18: error: spec.ports[0].port: is not valid (found http, expected an integer from 1 to 65535)"]
  },
  {
    name: "loadBalancerIP that is no address",
    documents: serviceText({ spec: "  ports: [{port: 80}]\n  loadBalancerIP: 10.0.0\n" }),
    problems: ["81:19: error: spec.loadBalancerIP: is not an address (found 10.0.0, expected an IPv4 or IPv6 address)"]
  },
  {
    name: "an annotation with something that is no address",
    documents: annotated("viaduct.dev/load-balancer-ips: 10.0.0.2, 10.0.0"),
    problems: [
      '79:36: error: metadata.annotations["viaduct.dev/load-balancer-ips"]: is not an address (found 10.0.0, expected an IPv4 or IPv6 address, or one of each with a comma between)'
    ]
  },
  {
    name: "two addresses of one family",
    documents: annotated("viaduct.dev/load-balancer-ips: 10.0.0.2,10.0.0.3"),
    problems: [
      '79:36: error: metadata.annotations["viaduct.dev/load-balancer-ips"]: asks for two IPv4 addresses (found 10.0.0.2 and 10.0.0.3, expected at most one IPv4 and one IPv6 address)'
    ]
  },
  {
    name: "loadBalancerIP and annotation differ",
    documents: serviceText({
      metadata: "  annotations: {metallb.io/loadBalancerIPs: 10.0.0.2}\n",
      spec: "  ports: [{port: 80}]\n  loadBalancerIP: 10.0.0.3\n"
    }),
    problems: [
      "82:19: error: spec.loadBalancerIP: says something else than metallb.io/loadBalancerIPs (found 10.0.0.3, expected 10.0.0.2)"
    ]
  },
  {
    name: "two forms of an annotation differ",
    documents: annotated(
      "viaduct.dev/address-pool: pool1",
      "metallb.io/address-pool: pool2",
      "metallb.universe.tf/address-pool: pool1"
    ),
    problems: [
      '80:30: error: metadata.annotations["metallb.io/address-pool"]: says something else than viaduct.dev/address-pool (found pool2, expected pool1)'
    ]
  },
  {
    name: "two forms of an annotation that say the same in other words",
    documents: annotated(
      'metallb.io/loadBalancerIPs: "10.0.0.2, 2001:db8::2"',
      'metallb.universe.tf/loadBalancerIPs: "2001:DB8:0::2,10.0.0.2"'
    ),
    edits: [DUAL, DUAL_POOL],
    problems: [
      "17:19: warning: spec.clusterNetwork.services.cidrBlocks: services are dual stack but pods are not (expected a ClusterCIDRConfig with ipv4 and ipv6)"
    ]
  },
  {
    name: "an annotation of our group that there is none of",
    documents: annotated("viaduct.dev/adress-pool: pool1"),
    problems: [
      '79:5: error: metadata.annotations["viaduct.dev/adress-pool"]: unknown annotation of a service (found viaduct.dev/adress-pool; did you mean viaduct.dev/address-pool?)'
    ]
  },
  {
    name: "an annotation that is no text",
    documents: annotated("viaduct.dev/allow-shared-ip: true"),
    problems: [
      '79:34: error: metadata.annotations["viaduct.dev/allow-shared-ip"]: is not valid (found true, expected text; write true, false and numbers in quotes, as in "true")'
    ]
  },
  {
    name: "a pool that does not exist",
    documents: annotated("viaduct.dev/address-pool: pool2"),
    problems: [
      '79:31: error: metadata.annotations["viaduct.dev/address-pool"]: there is no such address pool (found pool2; did you mean pool1?)'
    ]
  },
  {
    name: "an address in no pool",
    documents: serviceText({ spec: "  ports: [{port: 80}]\n  loadBalancerIP: 10.7.7.7\n" }),
    problems: ["81:19: warning: spec.loadBalancerIP: the address is in no address pool (found 10.7.7.7)"]
  },
  {
    name: "one address for two services that do not share it",
    documents: ["a", "b"]
      .map((name) => serviceText({ name, spec: "  ports: [{port: 80}]\n  loadBalancerIP: 10.0.0.2\n" }))
      .join("---\n"),
    problems: [
      "90:19: warning: spec.loadBalancerIP: default/a asks for the same address in line 81 (found 10.0.0.2, expected another address, or one sharing key for both (viaduct.dev/allow-shared-ip))"
    ]
  },
  {
    name: "one address for two services that share it",
    documents: ["a", "b"]
      .map((name) =>
        serviceText({
          name,
          metadata: "  annotations: {viaduct.dev/allow-shared-ip: k, viaduct.dev/load-balancer-ips: 10.0.0.2}\n"
        })
      )
      .join("---\n"),
    problems: []
  },
  {
    name: "an address that a node has",
    documents: serviceText({ spec: "  ports: [{port: 80}]\n  loadBalancerIP: 10.0.1.11\n" }),
    problems: [
      "81:19: error: spec.loadBalancerIP: the service asks for an address that is a node, see line 13 (found 10.0.1.11)"
    ]
  },
  {
    name: "an address that is the control-plane VIP",
    documents: annotated("viaduct.dev/load-balancer-ips: 10.0.0.8"),
    problems: [
      '79:36: error: metadata.annotations["viaduct.dev/load-balancer-ips"]: the service asks for an address that is a control-plane VIP, see line 28 (found 10.0.0.8)'
    ]
  },
  {
    name: "a multicast address",
    documents: serviceText({ spec: "  ports: [{port: 80}]\n  loadBalancerIP: 224.0.0.1\n" }),
    problems: [
      "81:19: error: spec.loadBalancerIP: cannot be the address of a service (found 224.0.0.1, expected a global unicast address)"
    ]
  },
  {
    name: "the ingress VIP, even outside the pools, may be asked for",
    documents: serviceText({ spec: "  ports: [{port: 80}]\n  loadBalancerIP: 10.0.0.99\n" }),
    edits: [["ingressVIP: 10.0.0.1", "ingressVIP: 10.0.0.99"]],
    problems: [
      "29:19: warning: spec.loadBalancer.vips.ingressVIP: the ingress VIP is in no address pool (found 10.0.0.99)"
    ]
  },
  {
    name: "the ingress service with another address than its VIP",
    documents: serviceText({
      name: "istio-ingress",
      metadata: "  namespace: gke-system\n",
      spec: "  ports: [{port: 80}]\n  loadBalancerIP: 10.0.0.2\n"
    }),
    problems: [
      "82:19: error: spec.loadBalancerIP: is not the cluster's ingressVIP, which this service serves (found 10.0.0.2, expected 10.0.0.1)"
    ]
  },
  {
    name: "S15: a family that the cluster's services do not have",
    documents: serviceText({ spec: "  ports: [{port: 80}]\n  ipFamilies: [IPv6]\n" }),
    problems: [
      "81:16: error: spec.ipFamilies[0]: the cluster has no services of this family (found IPv6, expected IPv4)"
    ]
  },
  {
    name: "S15: an address of a family that the cluster's services do not have",
    documents: serviceText({ spec: "  ports: [{port: 80}]\n  loadBalancerIP: 2001:db8::2\n" }),
    edits: [DUAL_POOL],
    problems: [
      "81:19: error: spec.loadBalancerIP: the cluster has no services of this family (found 2001:db8::2, expected IPv4)"
    ]
  },
  {
    name: "S15: RequireDualStack in a cluster of one family",
    documents: serviceText({ spec: "  ports: [{port: 80}]\n  ipFamilyPolicy: RequireDualStack\n" }),
    problems: ["81:19: error: spec.ipFamilyPolicy: the cluster's services are IPv4 only (found RequireDualStack)"]
  },
  {
    name: "S15: RequireDualStack in a cluster of both",
    documents: `${serviceText({ spec: "  ports: [{port: 80}]\n  ipFamilyPolicy: RequireDualStack\n" })}---\n${DUAL_PODS}`,
    edits: [DUAL, DUAL_POOL],
    problems: []
  },
  {
    name: "a family policy that is none",
    documents: serviceText({ spec: "  ports: [{port: 80}]\n  ipFamilyPolicy: DualStack\n" }),
    problems: [
      "81:19: error: spec.ipFamilyPolicy: is not valid (found DualStack, expected SingleStack, PreferDualStack or RequireDualStack)"
    ]
  },
  {
    name: "SingleStack with two families",
    documents: `${serviceText({ spec: "  ports: [{port: 80}]\n  ipFamilies: [IPv4, IPv6]\n  ipFamilyPolicy: SingleStack\n" })}---\n${DUAL_PODS}`,
    edits: [DUAL, DUAL_POOL],
    problems: [
      "82:19: error: spec.ipFamilyPolicy: the service asks for two families (found SingleStack, expected PreferDualStack or RequireDualStack)"
    ]
  },
  {
    name: "a family twice",
    documents: serviceText({ spec: "  ports: [{port: 80}]\n  ipFamilies: [IPv4, IPv4]\n" }),
    problems: ["81:22: error: spec.ipFamilies[1]: is there twice (found IPv4)"]
  },
  {
    name: "an address of another family than ipFamilies",
    documents: `${serviceText({ spec: "  ports: [{port: 80}]\n  ipFamilies: [IPv4]\n  loadBalancerIP: 2001:db8::2\n" })}---\n${DUAL_PODS}`,
    edits: [DUAL, DUAL_POOL],
    problems: [
      "82:19: error: spec.loadBalancerIP: is of another family than ipFamilies (found 2001:db8::2, expected IPv4)"
    ]
  },
  {
    name: "externalTrafficPolicy that is none",
    documents: serviceText({ spec: "  ports: [{port: 80}]\n  externalTrafficPolicy: local\n" }),
    problems: ["81:26: error: spec.externalTrafficPolicy: is not valid (found local, expected Cluster or Local)"]
  },
  {
    name: "services without any pool",
    documents: serviceText(),
    edits: [
      ["    addressPools:\n      - name: pool1\n        addresses: [10.0.0.1-10.0.0.4]\n", ""],
      ["      ingressVIP: 10.0.0.1\n", ""]
    ],
    problems: [
      "71:7: warning: kind: the service gets no address: the cluster has no addressPools (expected spec.loadBalancer.addressPools in the Cluster)"
    ]
  },
  {
    name: "services of other types and other load balancers' are nobody's business here",
    documents:
      "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {type: ExternalName, ports: nothing, ipFamilies: 6}\n---\n" +
      serviceText({ spec: "  loadBalancerClass: example.com/other\n" }),
    problems: []
  },
  {
    name: "L4: an endpoint on a node that nobody knows",
    documents: `${serviceText()}---\n${slice("cp2")}`,
    problems: [
      "90:15: warning: endpoints[0].nodeName: is no node of this cluster: its endpoints count for nothing (found cp2; did you mean cp1?)"
    ]
  },
  { name: "L4: endpoints by name and by address", documents: `${serviceText()}---\n${slice("cp1")}`, problems: [] },
  { name: "L4: slices of services that are not ours", documents: slice("elsewhere"), problems: [] },
  {
    name: "a selector with an operator that is none",
    documents: serviceText(),
    edits: [
      [
        "[10.0.0.1-10.0.0.4]\n",
        "[10.0.0.1-10.0.0.4]\n        serviceSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]}\n"
      ]
    ],
    problems: [
      "33:65: error: spec.loadBalancer.addressPools[0].serviceSelector.matchExpressions[0].operator: is not valid (found in, expected In, NotIn, Exists or DoesNotExist)"
    ]
  },
  {
    name: "selectors with too few and too many values",
    documents: serviceText(),
    edits: [
      [
        "[10.0.0.1-10.0.0.4]\n",
        "[10.0.0.1-10.0.0.4]\n        serviceSelector: {matchExpressions: [{key: a, operator: In}, {key: a, operator: Exists, values: [b]}]}\n"
      ]
    ],
    problems: [
      "33:65: error: spec.loadBalancer.addressPools[0].serviceSelector.matchExpressions[0].operator: In needs values (found In)",
      "33:105: error: spec.loadBalancer.addressPools[0].serviceSelector.matchExpressions[1].values: Exists takes no values (found a list)"
    ]
  },
  {
    name: "a misspelt selector",
    documents: serviceText(),
    edits: [["[10.0.0.1-10.0.0.4]\n", "[10.0.0.1-10.0.0.4]\n        namespaceSelector: {matchLabel: {a: b}}\n"]],
    problems: [
      "33:29: error: spec.loadBalancer.addressPools[0].namespaceSelector.matchLabel: unknown field (found matchLabel; did you mean matchLabels?)"
    ]
  },
  {
    name: "an empty list of namespaces",
    documents: serviceText(),
    edits: [["[10.0.0.1-10.0.0.4]\n", "[10.0.0.1-10.0.0.4]\n        namespaces: []\n"]],
    problems: [
      "33:21: error: spec.loadBalancer.addressPools[0].namespaces: is not valid (found a list, expected at least one namespace)"
    ]
  },
  {
    name: "gracefulRestartTime beyond twelve bits, RFC 4724",
    documents: serviceText(),
    edits: [["        asn: 65002\n", "        asn: 65002\n        gracefulRestartTime: 4096\n"]],
    problems: [
      "25:30: error: spec.loadBalancer.bgpPeers[0].gracefulRestartTime: is not valid (found 4096, expected an integer from 0 to 4095 seconds)"
    ]
  },
  {
    name: "two DaemonConfigs",
    documents: `${daemon("  leaseSeconds: 3\n")}---\n${daemon("  leaseSeconds: 4\n")}`,
    problems: ["79:1: error: DaemonConfig is there twice: first in line 74, again in line 79"]
  },
  {
    name: "a lease that is too short",
    documents: daemon("  leaseSeconds: 1\n"),
    problems: ["77:17: error: spec.leaseSeconds: is not valid (found 1, expected an integer from 2 to 60 seconds)"]
  },
  {
    name: "onStoreLoss that is none",
    documents: daemon("  onStoreLoss: keep\n"),
    problems: ["77:16: error: spec.onStoreLoss: is not valid (found keep, expected hold or release)"]
  },
  {
    name: "a misspelt field of the DaemonConfig",
    documents: daemon("  leaseSecond: 3\n"),
    problems: ["77:3: error: spec.leaseSecond: unknown field (found leaseSecond; did you mean leaseSeconds?)"]
  },
  {
    name: "endpoints of etcd that are no URLs",
    documents: daemon(
      '  etcd:\n    endpoints: ["10.0.1.10:2379", "https://", "http://a:70000", "https://[::1]:2379/v3"]\n'
    ),
    problems: [
      '78:17: error: spec.etcd.endpoints[0]: is no http or https URL (found "10.0.1.10:2379", expected a URL like https://10.0.1.10:2379)',
      '78:35: error: spec.etcd.endpoints[1]: is no URL of a host (found "https://", expected a URL like https://10.0.1.10:2379)',
      '78:47: error: spec.etcd.endpoints[2]: has no valid port (found "http://a:70000", expected a URL like https://10.0.1.10:2379)',
      '78:65: error: spec.etcd.endpoints[3]: is no URL of a host (found "https://[::1]:2379/v3", expected a URL like https://10.0.1.10:2379)'
    ]
  },
  {
    name: "no endpoint, and one twice",
    documents: daemon("  etcd:\n    endpoints: []\n"),
    problems: [
      "78:16: error: spec.etcd.endpoints: is not valid (found a list, expected at least one URL like https://10.0.1.10:2379)"
    ]
  },
  {
    name: "an endpoint twice",
    documents: daemon("  etcd:\n    endpoints: [http://a:1, http://a:1/]\n"),
    problems: ["78:29: error: spec.etcd.endpoints[1]: the endpoint is there twice, first in line 78 (found http://a:1)"]
  },
  {
    name: "halves of pairs",
    documents: daemon("  etcd:\n    endpoints: [https://a]\n    certFile: /c\n    username: u\n"),
    problems: [
      "79:15: error: spec.etcd.certFile: certFile needs keyFile beside it",
      "80:15: error: spec.etcd.username: username needs passwordFile beside it"
    ]
  },
  {
    name: "files for TLS without TLS",
    documents: daemon("  etcd:\n    endpoints: [http://a]\n    caFile: /c\n"),
    problems: [
      "79:13: warning: spec.etcd.caFile: caFile has no effect: no endpoint is https (expected https endpoints)"
    ]
  },
  {
    name: "S4: services in an admin cluster",
    documents: serviceText(),
    edits: [["  type: hybrid\n", "  type: admin\n"]],
    problems: [
      "31:7: warning: spec.loadBalancer.addressPools: has no effect: an admin cluster has control-plane load balancing only",
      "35:7: warning: kind: has no effect: an admin cluster has control-plane load balancing only",
      "43:7: warning: kind: has no effect: an admin cluster has control-plane load balancing only",
      "51:7: warning: kind: has no effect: an admin cluster has control-plane load balancing only",
      "63:7: warning: kind: has no effect: an admin cluster has control-plane load balancing only",
      "75:7: warning: kind: has no effect: an admin cluster has control-plane load balancing only"
    ]
  }
]
