// Configurations with one mistake each: what is changed in the valid file, and every problem that results, word by word with its
// line and column. Row numbers in the names are those of the specification.
import type { Edit } from "./files.ts"

export interface Case {
  readonly name: string
  readonly edits: ReadonlyArray<Edit>
  /** Without the file's name. */
  readonly problems: ReadonlyArray<string>
}

export const CASES: ReadonlyArray<Case> = [
  {
    name: "unknown field in loadBalancer",
    edits: [["    type: bgp\n", "    typ: bgp\n    type: bgp\n"]],
    problems: ["20:5: error: spec.loadBalancer.typ: unknown field (found typ; did you mean type?)"]
  },
  {
    name: "unknown field of a peer, two letters swapped",
    edits: [["      - ip: 10.8.0.10\n", "      - ip: 10.8.0.10\n        hodlTime: 9\n"]],
    problems: [
      "24:9: error: spec.loadBalancer.bgpPeers[0].hodlTime: unknown field (found hodlTime; did you mean holdTime?)"
    ]
  },
  {
    name: "unknown field of a BGPPeer",
    edits: [["  peerIP: 10.9.0.1\n", "  peerIP: 10.9.0.1\n  session: 2\n"]],
    problems: ["60:3: error: spec.session: unknown field (found session; did you mean sessions?)"]
  },
  {
    name: "unknown field of metadata",
    edits: [
      ["  labels:\n", "  lables:\n"],
      ['    use: "yes"\nspec:\n  localASN', '    use: "yes"\n  labels: {use: "yes"}\nspec:\n  localASN']
    ],
    problems: ["54:3: error: metadata.lables: unknown field (found lables; did you mean labels?)"]
  },
  {
    name: "a name that would be a path, and one that would write to a terminal",
    edits: [["  name: a\n", '  name: "../\\e[31ma"\n']],
    problems: [
      '53:9: error: metadata.name: is not valid (found "../\\e[31ma", expected a name of at most 253 characters, without slashes and control characters)'
    ]
  },
  {
    name: "duplicate key",
    edits: [["    localASN: 65001\n", "    localASN: 65001\n    localASN: 65009\n"]],
    problems: [
      "22:5: error: YAML: the key localASN is there twice, first in line 21",
      "58:13: warning: spec.localASN: differs from the cluster's localASN (found 65001, expected 65009)",
      "70:13: warning: spec.localASN: differs from the cluster's localASN (found 65001, expected 65009)"
    ]
  },
  {
    name: "syntax error",
    edits: [["    mode: bundled\n", "    mode: [bundled\n"]],
    problems: [
      "20:5: error: YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
      "21:15: error: YAML: Nested mappings are not allowed in compact mappings"
    ]
  },
  {
    name: "missing field",
    edits: [["      - ip: 10.8.0.10\n        asn: 65002\n", "      - ip: 10.8.0.10\n"]],
    problems: ["23:9: error: spec.loadBalancer.bgpPeers[0].asn: asn is missing"]
  },
  {
    name: "wrong type",
    edits: [["        asn: 65002\n", '        asn: "65002"\n']],
    problems: [
      '24:14: error: spec.loadBalancer.bgpPeers[0].asn: is not valid (found "65002", expected an AS number from 1 to 4294967294 in plain form)'
    ]
  },
  {
    name: "AS 0, RFC 7607",
    edits: [["        asn: 65002\n", "        asn: 0\n"]],
    problems: [
      "24:14: error: spec.loadBalancer.bgpPeers[0].asn: AS number 0 is reserved (RFC 7607) (found 0, expected an AS number from 1 to 4294967294 in plain form)"
    ]
  },
  {
    name: "AS_TRANS, RFC 6793",
    edits: [["        asn: 65002\n", "        asn: 23456\n"]],
    problems: [
      "24:14: error: spec.loadBalancer.bgpPeers[0].asn: AS number 23456 is AS_TRANS, which no network has (RFC 6793) (found 23456, expected an AS number from 1 to 4294967294 in plain form)"
    ]
  },
  {
    name: "AS 65535, RFC 7300",
    edits: [["        asn: 65002\n", "        asn: 65535\n"]],
    problems: [
      "24:14: error: spec.loadBalancer.bgpPeers[0].asn: AS number 65535 is reserved (RFC 7300) (found 65535, expected an AS number from 1 to 4294967294 in plain form)"
    ]
  },
  {
    name: "AS 4294967295, RFC 7300",
    edits: [["        asn: 65002\n", "        asn: 4294967295\n"]],
    problems: [
      "24:14: error: spec.loadBalancer.bgpPeers[0].asn: AS number 4294967295 is reserved (RFC 7300) (found 4294967295, expected an AS number from 1 to 4294967294 in plain form)"
    ]
  },
  {
    name: "AS number too large",
    edits: [["        asn: 65002\n", "        asn: 4294967296\n"]],
    problems: [
      "24:14: error: spec.loadBalancer.bgpPeers[0].asn: is out of the range of AS numbers (found 4294967296, expected an AS number from 1 to 4294967294 in plain form)"
    ]
  },
  {
    name: "asdot",
    edits: [["        asn: 65002\n", "        asn: 1.10\n"]],
    problems: [
      "24:14: error: spec.loadBalancer.bgpPeers[0].asn: AS numbers are written in plain form, not asdot (found 1.10, expected an AS number from 1 to 4294967294 in plain form; did you mean 65546?)"
    ]
  },
  {
    name: "port out of range",
    edits: [["        asn: 65002\n", "        asn: 65002\n        port: 65536\n"]],
    problems: [
      "25:15: error: spec.loadBalancer.bgpPeers[0].port: is not valid (found 65536, expected an integer from 1 to 65535)"
    ]
  },
  {
    name: "holdTime 2, RFC 4271 4.2",
    edits: [["        asn: 65002\n", "        asn: 65002\n        holdTime: 2\n"]],
    problems: [
      "25:19: error: spec.loadBalancer.bgpPeers[0].holdTime: is not valid (found 2, expected 0, or 3 to 65535 seconds)"
    ]
  },
  {
    name: "keepaliveTime not shorter than holdTime",
    edits: [["        asn: 65002\n", "        asn: 65002\n        holdTime: 9\n        keepaliveTime: 9\n"]],
    problems: [
      "26:24: error: spec.loadBalancer.bgpPeers[0].keepaliveTime: keepaliveTime is not shorter than holdTime (found 9, expected less than 9)"
    ]
  },
  {
    name: "keepaliveTime with holdTime 0",
    edits: [["        asn: 65002\n", "        asn: 65002\n        holdTime: 0\n        keepaliveTime: 3\n"]],
    problems: [
      "26:24: error: spec.loadBalancer.bgpPeers[0].keepaliveTime: a holdTime of 0 turns keepalives off (found 3)"
    ]
  },
  {
    name: "ttlSecurity 255, RFC 5082",
    edits: [["        asn: 65002\n", "        asn: 65002\n        ttlSecurity: 255\n"]],
    problems: [
      "25:22: error: spec.loadBalancer.bgpPeers[0].ttlSecurity: is not valid (found 255, expected true, or the number of hops from 1 to 254)"
    ]
  },
  {
    name: "relative passwordFile",
    edits: [["        asn: 65002\n", "        asn: 65002\n        passwordFile: key\n"]],
    problems: [
      "25:23: error: spec.loadBalancer.bgpPeers[0].passwordFile: is not valid (found key, expected an absolute path of a file)"
    ]
  },
  {
    name: "bad community",
    edits: [["        asn: 65002\n", '        asn: 65002\n        communities: ["65001:100", "65001"]\n']],
    problems: [
      '25:36: error: spec.loadBalancer.bgpPeers[0].communities[1]: is not valid (found "65001", expected a community like 65001:100, both halves up to 65535)'
    ]
  },
  {
    name: "address that is none",
    edits: [["      - ip: 10.8.0.10\n", "      - ip: 10.8.0.256\n"]],
    problems: [
      "23:13: error: spec.loadBalancer.bgpPeers[0].ip: is not an address (found 10.8.0.256, expected an IPv4 or IPv6 address)"
    ]
  },
  {
    name: "prefix for an address",
    edits: [["controlPlaneVIP: 10.0.0.8", "controlPlaneVIP: 10.0.0.8/32"]],
    problems: [
      "28:24: error: spec.loadBalancer.vips.controlPlaneVIP: is not valid (found 10.0.0.8/32, expected an IPv4 or IPv6 address, or a list with one of each family)"
    ]
  },
  {
    name: "two VIPs of one family",
    edits: [["controlPlaneVIP: 10.0.0.8", "controlPlaneVIP: [10.0.0.8, 10.0.0.9]"]],
    problems: [
      "28:24: error: spec.loadBalancer.vips.controlPlaneVIP: two control-plane VIPs are of the same family (expected at most one IPv4 and one IPv6 address)"
    ]
  },
  {
    name: "a list of VIPs with a bad one",
    edits: [["controlPlaneVIP: 10.0.0.8", "controlPlaneVIP: [10.0.0.8, fd00:::1]"]],
    problems: [
      "28:35: error: spec.loadBalancer.vips.controlPlaneVIP[1]: is not an address (found fd00:::1, expected an IPv4 or IPv6 address)"
    ]
  },
  {
    name: "range that ends before it begins",
    edits: [["[10.0.0.1-10.0.0.4]", "[10.0.0.4-10.0.0.1]"]],
    problems: [
      "32:21: error: spec.loadBalancer.addressPools[0].addresses[0]: ends before it begins (found 10.0.0.4-10.0.0.1, expected a prefix (1.2.3.0/24) or a range (1.2.3.1-1.2.3.5))"
    ]
  },
  {
    name: "range of two families",
    edits: [["[10.0.0.1-10.0.0.4]", "[10.0.0.1-10.0.0.4, 10.0.5.1-fd00::1]"]],
    problems: [
      "32:40: error: spec.loadBalancer.addressPools[0].addresses[1]: has ends of two families (found 10.0.5.1-fd00::1, expected a prefix (1.2.3.0/24) or a range (1.2.3.1-1.2.3.5))"
    ]
  },
  {
    name: "host bits",
    edits: [["[10.96.0.0/16]", "[10.96.0.1/16]"]],
    problems: [
      "17:20: error: spec.clusterNetwork.services.cidrBlocks[0]: has host bits set: the prefix is 10.96.0.0/16 (found 10.96.0.1/16, expected a prefix like 10.96.0.0/16 or fd00::/112)"
    ]
  },
  {
    name: "label that is no text",
    edits: [['    use: "yes"\n---', "    use: true\n---"]],
    problems: [
      '48:10: error: spec.peerSelector.use: is not valid (found true, expected text; write true, false and numbers in quotes, as in "true")'
    ]
  },
  {
    name: "VIP in a pool",
    edits: [["[10.0.0.1-10.0.0.4]", "[10.0.0.0/28]"]],
    problems: [
      "32:21: error: spec.loadBalancer.addressPools[0].addresses[0]: holds 10.0.0.8, which is a control-plane VIP in line 28 (found 10.0.0.0/28)"
    ]
  },
  {
    name: "pools overlap",
    edits: [["[10.0.0.1-10.0.0.4]", "[10.0.0.1-10.0.0.4]\n      - name: pool2\n        addresses: [10.0.0.4/30]"]],
    problems: [
      "34:21: error: spec.loadBalancer.addressPools[1].addresses[0]: overlaps 10.0.0.1-10.0.0.4 of pool pool1 in line 32 (found 10.0.0.4/30)"
    ]
  },
  {
    name: "pool holds a floating IP",
    edits: [["[10.0.0.1-10.0.0.4]", "[10.0.0.1-10.0.0.4, 10.0.1.96/29]"]],
    problems: [
      "32:40: error: spec.loadBalancer.addressPools[0].addresses[1]: holds 10.0.1.100, which is a floating IP in line 40 (found 10.0.1.96/29)",
      "32:40: error: spec.loadBalancer.addressPools[0].addresses[1]: holds 10.0.1.101, which is a floating IP in line 40 (found 10.0.1.96/29)"
    ]
  },
  {
    name: "pools of one name",
    edits: [["[10.0.0.1-10.0.0.4]", "[10.0.0.1-10.0.0.4]\n      - name: pool1\n        addresses: [10.0.7.0/30]"]],
    problems: [
      "33:15: error: spec.loadBalancer.addressPools[1].name: the pool's name is taken in line 31 (found pool1)"
    ]
  },
  {
    name: "floating IP is a node",
    edits: [["[10.0.1.100, 10.0.1.101]", "[10.0.1.100, 10.0.1.11]"]],
    problems: [
      "40:29: error: spec.floatingIPs[1]: the address is a floating IP and a node, see line 13 (found 10.0.1.11)"
    ]
  },
  {
    name: "floating IP is the VIP",
    edits: [["[10.0.1.100, 10.0.1.101]", "[10.0.1.100, 10.0.0.8]"]],
    problems: [
      "40:29: error: spec.floatingIPs[1]: the address is a floating IP and a control-plane VIP, see line 28 (found 10.0.0.8)"
    ]
  },
  {
    name: "floating IP twice",
    edits: [["[10.0.1.100, 10.0.1.101]", "[10.0.1.100, 10.0.1.100]"]],
    problems: ["40:29: error: spec.floatingIPs[1]: the address is a floating IP twice, see line 40 (found 10.0.1.100)"]
  },
  {
    name: "peer is a node",
    edits: [["- ip: 10.8.0.10", "- ip: 10.0.1.10"]],
    problems: [
      "23:13: error: spec.loadBalancer.bgpPeers[0].ip: the address is a BGP peer and a node, see line 11 (found 10.0.1.10)"
    ]
  },
  {
    name: "multicast VIP",
    edits: [["controlPlaneVIP: 10.0.0.8", "controlPlaneVIP: 224.0.0.8"]],
    problems: [
      "28:24: error: spec.loadBalancer.vips.controlPlaneVIP: cannot be a control-plane VIP (found 224.0.0.8, expected a global unicast address)"
    ]
  },
  {
    name: "ingress VIP outside the pools",
    edits: [["ingressVIP: 10.0.0.1", "ingressVIP: 10.0.0.99"]],
    problems: [
      "29:19: warning: spec.loadBalancer.vips.ingressVIP: the ingress VIP is in no address pool (found 10.0.0.99)"
    ]
  },
  {
    name: "S5: a node without a peer",
    edits: [
      [
        "        asn: 65002\n      - ip: 10.8.0.11\n        asn: 65002\n",
        "        asn: 65002\n        controlPlaneNodes: [10.0.1.10]\n"
      ]
    ],
    problems: [
      "13:20: error: spec.controlPlane.nodePoolSpec.nodes[1].address: control-plane node 10.0.1.11 has no BGP peer (expected an entry of spec.loadBalancer.bgpPeers without controlPlaneNodes, or one that lists this node)",
      "23:7: warning: spec.loadBalancer.bgpPeers: one peer alone is a single point of failure (found 1 peer, expected two or more)"
    ]
  },
  {
    name: "S5: controlPlaneNodes names no control-plane node",
    edits: [["        asn: 65002\n", "        asn: 65002\n        controlPlaneNodes: [10.0.1.10, 10.0.1.12]\n"]],
    problems: [
      "25:40: error: spec.loadBalancer.bgpPeers[0].controlPlaneNodes[1]: is no control-plane node (found 10.0.1.12; did you mean 10.0.1.10?)"
    ]
  },
  {
    name: "the same peer twice",
    edits: [["- ip: 10.8.0.11", "- ip: 10.8.0.10"]],
    problems: [
      "25:13: error: spec.loadBalancer.bgpPeers[1].ip: the peer is there twice: first in line 23, again in line 25 (found 10.8.0.10)"
    ]
  },
  {
    name: "local ASN missing",
    edits: [["    localASN: 65001\n", ""]],
    problems: ["19:5: error: spec.loadBalancer: localASN is missing (expected the cluster's own AS number)"]
  },
  {
    name: "S18: type missing, default layer2",
    edits: [["    type: bgp\n", ""]],
    problems: [
      "22:7: warning: spec.loadBalancer.bgpPeers: bgpPeers have no effect: type is missing and the default is layer2 (found no type, expected type: bgp)"
    ]
  },
  {
    name: "S8: NetworkGatewayGroup not named default",
    edits: [["  name: default\n  namespace: cluster-bm\n", "  name: defualt\n  namespace: cluster-bm\n"]],
    problems: [
      "37:9: error: metadata.name: NetworkGatewayGroup must be named default (found defualt, expected default)"
    ]
  },
  {
    name: "S9: BGPLoadBalancer not named default",
    edits: [["  name: default\nspec", "  name: lb\nspec"]],
    problems: ["45:9: error: metadata.name: BGPLoadBalancer must be named default (found lb, expected default)"]
  },
  {
    name: "S8: other namespace",
    edits: [["  name: default\n  namespace: cluster-bm\n", "  name: default\n  namespace: kube-system\n"]],
    problems: [
      "38:14: error: metadata.namespace: NetworkGatewayGroup stands outside the cluster's namespace (found kube-system, expected cluster-bm)"
    ]
  },
  {
    name: "S18: namespace of the cluster differs",
    edits: [
      ["  name: bm\n  namespace: cluster-bm\n", "  name: bm\n"],
      ["  name: bm\n", "  name: bmx\n  namespace: cluster-bm\n"]
    ],
    problems: [
      "5:14: warning: metadata.namespace: the namespace is usually cluster- and the cluster's name (found cluster-bm, expected cluster-bmx)"
    ]
  },
  {
    name: "S16: advancedNetworking false",
    edits: [["advancedNetworking: true", "advancedNetworking: false"]],
    problems: [
      "35:7: error: kind: NetworkGatewayGroup needs spec.clusterNetwork.advancedNetworking: true in the Cluster (found false in line 15, expected true)",
      "43:7: error: kind: BGPLoadBalancer needs spec.clusterNetwork.advancedNetworking: true in the Cluster (found false in line 15, expected true)",
      "51:7: error: kind: BGPPeer needs spec.clusterNetwork.advancedNetworking: true in the Cluster (found false in line 15, expected true)",
      "63:7: error: kind: BGPPeer needs spec.clusterNetwork.advancedNetworking: true in the Cluster (found false in line 15, expected true)"
    ]
  },
  {
    name: "S19: name at the top",
    edits: [["metadata:\n  name: default\n  namespace: cluster-bm\n", "name: default\nnamespace: cluster-bm\n"]],
    problems: ["36:7: warning: name: name belongs under metadata; read as metadata.name"]
  },
  {
    name: "S9: selector matches nothing",
    edits: [['    use: "yes"\n---', '    use: "no"\n---']],
    problems: [
      "48:5: error: spec.peerSelector: matches no BGPPeer (found use=no, expected labels of a BGPPeer: use=yes; use=yes)"
    ]
  },
  {
    name: "S9: a BGPPeer is not selected",
    edits: [['  name: b\n  labels:\n    use: "yes"', '  name: b\n  labels:\n    use: "no"']],
    problems: [
      "48:5: warning: spec.peerSelector: one peer alone is a single point of failure (found 1 BGPPeer, expected two or more)",
      "65:3: warning: metadata: BGPPeer b is not selected by the BGPLoadBalancer (found use=no, expected use=yes)"
    ]
  },
  {
    name: "S9: localASN differs",
    edits: [
      [
        "  localASN: 65001\n  peerASN: 65002\n  peerIP: 10.9.0.1",
        "  localASN: 65009\n  peerASN: 65002\n  peerIP: 10.9.0.1"
      ]
    ],
    problems: ["57:13: warning: spec.localASN: differs from the cluster's localASN (found 65009, expected 65001)"]
  },
  {
    name: "S9: one session",
    edits: [["  sessions: 2\n", "  sessions: 1\n"]],
    problems: ["60:13: warning: spec.sessions: one session is lost with its node (found 1, expected 2 or more)"]
  },
  {
    name: "S9: more sessions than floating IPs",
    edits: [["  sessions: 2\n", "  sessions: 3\n"]],
    problems: [
      "60:13: warning: spec.sessions: more sessions than floating IPs to start them from (found 3, expected at most 2)"
    ]
  },
  {
    name: "S8: one floating IP",
    edits: [
      ["[10.0.1.100, 10.0.1.101]", "[10.0.1.100]"],
      ["sessions: 2", "sessions: 2 "]
    ],
    problems: [
      "40:16: warning: spec.floatingIPs: one floating IP alone is a single point of failure (found 1 floating IP, expected two or more)",
      "60:13: warning: spec.sessions: more sessions than floating IPs to start them from (found 2, expected at most 1)",
      "72:13: warning: spec.sessions: more sessions than floating IPs to start them from (found 2, expected at most 1)"
    ]
  },
  {
    name: "one control-plane peer",
    edits: [["      - ip: 10.8.0.11\n        asn: 65002\n", ""]],
    problems: [
      "23:7: warning: spec.loadBalancer.bgpPeers: one peer alone is a single point of failure (found 1 peer, expected two or more)"
    ]
  },
  {
    name: "S15: dual stack without a dual-stack pool",
    edits: [["[10.96.0.0/16]", "[10.96.0.0/16, fd00::/112]"]],
    problems: [
      "17:19: warning: spec.clusterNetwork.services.cidrBlocks: services are dual stack but pods are not (expected a ClusterCIDRConfig with ipv4 and ipv6)",
      "31:7: warning: spec.loadBalancer.addressPools: services are dual stack but no pool has addresses of both families (expected a pool with IPv4 and IPv6 addresses)"
    ]
  },
  {
    name: "two BGPPeers of one name",
    edits: [["  name: b\n", "  name: a\n"]],
    problems: ["62:1: error: BGPPeer a is there twice: first in line 50, again in line 62"]
  },
  {
    name: "two nodes of one name",
    edits: [["        - address: 10.0.1.11\n", "        - address: 10.0.1.11\n          name: cp1\n"]],
    problems: [
      "14:17: error: spec.controlPlane.nodePoolSpec.nodes[1].name: two nodes have the name cp1, the first in line 11"
    ]
  },
  {
    name: "a node twice",
    edits: [["        - address: 10.0.1.11\n", "        - address: 10.0.1.10\n"]],
    problems: [
      "13:20: error: spec.controlPlane.nodePoolSpec.nodes[1].address: the node is listed twice, first in line 11 (found 10.0.1.10)"
    ]
  },
  {
    name: "kind misspelt",
    edits: [["kind: BGPLoadBalancer", "kind: BGPLoadbalancr"]],
    problems: ["43:7: error: kind: unknown kind (found BGPLoadbalancr; did you mean BGPLoadBalancer?)"]
  },
  {
    name: "apiVersion of another version",
    edits: [
      [
        "apiVersion: networking.gke.io/v1\nkind: BGPLoadBalancer",
        "apiVersion: networking.gke.io/v2\nkind: BGPLoadBalancer"
      ]
    ],
    problems: [
      "42:13: error: apiVersion: BGPLoadBalancer is not known in this version (found networking.gke.io/v2; did you mean networking.gke.io/v1?)"
    ]
  },
  {
    name: "a kind of our own group that does not exist",
    edits: [
      ["apiVersion: networking.gke.io/v1\nkind: BGPLoadBalancer", "apiVersion: viaduct.dev/v1\nkind: DaemonConfg"]
    ],
    problems: ["43:7: error: kind: unknown kind (found DaemonConfg; did you mean DaemonConfig?)"]
  }
]
