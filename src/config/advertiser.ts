// The file of `viaduct advertise` (S26): one node's side of a manual BGP check. `localIP`, `localASN` and `peers` are the
// source's; a peer takes the same options as everywhere else. Errors carry line and column as for the cluster file.
import { Schema } from "effect"
import type { Address } from "../net/ip.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import { decodeDocument } from "./decode.ts"
import { optionsOf } from "./desired.ts"
import { PEER_OPTIONS } from "./documents/common.ts"
import { AddressText, Asn } from "./documents/leaves.ts"
import type { ConfigFile } from "./load.ts"
import { type Problem, sortProblems } from "./problem.ts"
import { parseSource } from "./source.ts"

const AdvertiserDocument = Schema.Struct({
  localIP: AddressText,
  localASN: Asn,
  peers: Schema.Array(Schema.Struct({ peerIP: AddressText, peerASN: Asn, ...PEER_OPTIONS }))
    .check(Schema.makeFilter((peers: ReadonlyArray<unknown>) => peers.length > 0))
    .annotate({ expected: "at least one peer" })
})
export type AdvertiserConfig = typeof AdvertiserDocument.Type

/** The config in `file`, and what is wrong with it. Never throws. */
export const loadAdvertiser = (
  file: ConfigFile
): { readonly config?: AdvertiserConfig; readonly problems: ReadonlyArray<Problem> } => {
  const { documents, problems } = parseSource(file.path, file.text)
  const [document, second] = documents
  const place = { severity: "error", file: file.path, line: 1, column: 1, path: "" } as const
  const expected = "one document with localIP, localASN and peers"
  if (document === undefined)
    return { problems: [...problems, { ...place, message: "the file holds no document", expected }] }
  const decoded = decodeDocument(AdvertiserDocument, document)
  const found = [...problems, ...decoded.problems]
  if (second !== undefined) found.push({ ...place, ...second.locate([]), message: "a second document", expected })
  const valid = decoded.value !== undefined && found.every(({ severity }) => severity !== "error")
  return { problems: sortProblems(found), ...(valid ? { config: decoded.value } : {}) }
}

/** The check as a cluster of one control-plane node, so that the one planner plans it. Nothing is put on the node (S27). */
export const advertiserCluster = (config: AdvertiserConfig, vip: Address): DesiredCluster => {
  const node = { name: config.localIP, address: config.localIP }
  return {
    name: "",
    namespace: "",
    type: "standalone",
    loadBalancer: {
      mode: "bundled",
      type: "bgp",
      localAsn: config.localASN,
      controlPlaneVips: [vip],
      ingressVips: [],
      controlPlaneLbPort: 443,
      vipInterface: "none",
      controlPlanePeers: config.peers.map((peer) => ({ ip: peer.peerIP, asn: peer.peerASN, ...optionsOf(peer) })),
      nodes: [node],
      pools: []
    },
    controlPlaneNodes: [node],
    workerNodes: [],
    advancedNetworking: false,
    serviceCidrs: [],
    serviceFamilies: [],
    floatingIps: [],
    services: [],
    endpoints: [],
    servicePeers: []
  }
}
