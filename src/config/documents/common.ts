// Parts that several kinds share: Kubernetes object metadata, nodes of a pool, and the options of a peer that go
// beyond the source's own fields (see PeerOptions). Metadata is read strictly but knows every field that an API
// server writes into it, so that a document taken from a running cluster is as welcome as one written by hand.
import { Schema } from "effect"
import {
  AbsolutePath,
  AddressText,
  Community,
  HoldTime,
  intBetween,
  Labels,
  LargeCommunity,
  Name,
  open,
  Port,
  TtlSecurity
} from "./leaves.ts"

/** What an API server adds: accepted, not used. */
const SERVER_FIELDS = {
  annotations: Schema.optionalKey(Schema.Unknown),
  creationTimestamp: Schema.optionalKey(Schema.Unknown),
  deletionGracePeriodSeconds: Schema.optionalKey(Schema.Unknown),
  deletionTimestamp: Schema.optionalKey(Schema.Unknown),
  finalizers: Schema.optionalKey(Schema.Unknown),
  generateName: Schema.optionalKey(Schema.Unknown),
  generation: Schema.optionalKey(Schema.Unknown),
  managedFields: Schema.optionalKey(Schema.Unknown),
  ownerReferences: Schema.optionalKey(Schema.Unknown),
  resourceVersion: Schema.optionalKey(Schema.Unknown),
  selfLink: Schema.optionalKey(Schema.Unknown),
  uid: Schema.optionalKey(Schema.Unknown)
}

export const Metadata = Schema.Struct({
  name: Name,
  namespace: Schema.optionalKey(Name),
  labels: Schema.optionalKey(Labels),
  ...SERVER_FIELDS
})

/** An entry of `nodes`. `name` is optional and ours: what sessions and people call the node. */
export const Node = open({ address: AddressText, name: Schema.optionalKey(Name) })

/** `expected` for lists that may not be empty. */
export const nonEmpty = <S extends Schema.Top>(item: S, expected: string) =>
  Schema.Array(item)
    .check(Schema.makeFilter((items: ReadonlyArray<unknown>) => items.length > 0))
    .annotate({ expected })

export const NodeList = nonEmpty(Node, "at least one node")

export const PEER_OPTIONS = {
  port: Schema.optionalKey(Port),
  holdTime: Schema.optionalKey(HoldTime),
  keepaliveTime: Schema.optionalKey(intBetween(1, 65535, " seconds")),
  connectRetryTime: Schema.optionalKey(intBetween(1, 65535, " seconds")),
  passive: Schema.optionalKey(Schema.Boolean),
  passwordFile: Schema.optionalKey(AbsolutePath),
  ttlSecurity: Schema.optionalKey(TtlSecurity),
  gracefulRestartTime: Schema.optionalKey(intBetween(0, 4095, " seconds")),
  addPaths: Schema.optionalKey(Schema.Boolean),
  communities: Schema.optionalKey(Schema.Array(Community)),
  largeCommunities: Schema.optionalKey(Schema.Array(LargeCommunity)),
  med: Schema.optionalKey(intBetween(0, 0xffffffff))
}
