// `BGPPeer` of networking.gke.io/v1 (S9): an external peer for service sessions, with the options of a peer that
// control-plane peers have as well. `sessions` is how many sessions to open to it, spread over the floating IPs;
// default 2, the number that survives the loss of one node.
import { Schema } from "effect"
import { Metadata, PEER_OPTIONS } from "./common.ts"
import { AddressText, Asn, intBetween } from "./leaves.ts"

export const BgpPeerDocument = Schema.Struct({
  apiVersion: Schema.Literal("networking.gke.io/v1"),
  kind: Schema.Literal("BGPPeer"),
  metadata: Metadata,
  spec: Schema.Struct({
    localASN: Asn,
    peerASN: Asn,
    peerIP: AddressText,
    sessions: Schema.optionalKey(intBetween(1, 1000)),
    ...PEER_OPTIONS
  }),
  status: Schema.optionalKey(Schema.Unknown)
})
export type BgpPeerDocument = typeof BgpPeerDocument.Type
