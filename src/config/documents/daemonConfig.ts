// `DaemonConfig` of viaduct.dev/v1, our own kind (D4, D6b): how the daemon runs, not what the cluster is. Read strictly.
// It is no part of the cluster's canonical form and hash: nodes may differ in it (certificates, a longer lease on a slow
// machine) and still run the same configuration, and a change of it takes effect when the daemon starts again.
import { Schema } from "effect"
import { parseAddress } from "../../net/ip.ts"
import { Metadata, nonEmpty } from "./common.ts"
import { AbsolutePath, intBetween } from "./leaves.ts"

const URL_FORM = /^https?:\/\/(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::(\d{1,5}))?\/?$/

/** True, or what is wrong with an endpoint. */
export const explainUrl = (text: string): true | string => {
  const match = URL_FORM.exec(text)
  if (match === null) return /^https?:\/\//.test(text) ? "is no URL of a host" : "is no http or https URL"
  const port = match[1] === undefined ? 443 : Number(match[1])
  return (port >= 1 && port <= 65535) || "has no valid port"
}

const Endpoint = Schema.String.check(Schema.makeFilter(explainUrl)).annotate({
  expected: "a URL like https://10.0.1.10:2379"
})

const Etcd = Schema.Struct({
  endpoints: nonEmpty(Endpoint, "at least one URL like https://10.0.1.10:2379"),
  caFile: Schema.optionalKey(AbsolutePath),
  certFile: Schema.optionalKey(AbsolutePath),
  keyFile: Schema.optionalKey(AbsolutePath),
  username: Schema.optionalKey(Schema.String),
  passwordFile: Schema.optionalKey(AbsolutePath)
})

/** A DNS name or an address: what stands in a URL, IPv6 without its brackets. */
const HostName = Schema.String.check(
  Schema.makeFilter(
    (text) => /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text) || parseAddress(text) === text
  )
).annotate({ expected: "a DNS name or an address" })

const LISTEN_FORM = /^(?:\[[0-9A-Fa-f:.]+\]|[0-9.]+):\d{1,5}$/

/** Where the admin API is served under TLS, with which files, and who may log in. */
const Admin = Schema.Struct({
  listen: Schema.optionalKey(
    Schema.String.check(Schema.makeFilter((text) => text === "none" || LISTEN_FORM.test(text))).annotate({
      expected: "an address and port like 0.0.0.0:7180 or [::]:7180, or none"
    })
  ),
  certFile: Schema.optionalKey(AbsolutePath),
  keyFile: Schema.optionalKey(AbsolutePath),
  clientCaFile: Schema.optionalKey(AbsolutePath),
  tokensFile: Schema.optionalKey(AbsolutePath),
  allowedHosts: Schema.optionalKey(Schema.Array(HostName))
})

export const DaemonConfigDocument = Schema.Struct({
  apiVersion: Schema.Literal("viaduct.dev/v1"),
  kind: Schema.Literal("DaemonConfig"),
  metadata: Schema.optionalKey(Metadata),
  spec: Schema.Struct({
    etcd: Schema.optionalKey(Etcd),
    admin: Schema.optionalKey(Admin),
    leaseSeconds: Schema.optionalKey(intBetween(2, 60, " seconds")),
    onStoreLoss: Schema.optionalKey(Schema.Literals(["hold", "release"]).annotate({ expected: "hold or release" })),
    addressRestSeconds: Schema.optionalKey(intBetween(0, 86_400, " seconds"))
  })
})
export type DaemonConfigDocument = typeof DaemonConfigDocument.Type
