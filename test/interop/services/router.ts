// The rack's router as the peer of everything: control-plane sessions from the nodes' own addresses, service sessions from the
// floating IPs.
import type { RouterNeighbor } from "../../lab/routers/Router.ts"
import { CLUSTER_ASN } from "../scenario.ts"
import { FLOATING_IPS, hostNames, nodeAddress } from "./file.ts"

/** Everybody who may call: the nodes and the floating IPs. */
export const rackNeighbors = (nodes: number, more: ReadonlyArray<string> = []): ReadonlyArray<RouterNeighbor> =>
  [...hostNames(nodes).map(nodeAddress), ...FLOATING_IPS, ...more].map((ip) => ({ ip, asn: CLUSTER_ASN }))
