// `GET /v1/access`: who is asking, as the node sees it, and how the node is reached under TLS. What `viaduct kubeconfig` and the dashboard ask.
import { Schema } from "effect"
import type { NodeSource } from "../source.ts"
import { jsonVerb, type Verb } from "../verbs/verb.ts"

/** How the node is reached; nothing here is a secret. */
export interface Reach {
  readonly tls?: {
    /** As it was asked for: an address, or 0.0.0.0 or :: for all. */
    readonly hostname: string
    readonly port: number
    /** Names and addresses of the certificate. */
    readonly names: ReadonlyArray<string>
    /** PEM: what clients have to trust; absent where only somebody else knows. */
    readonly ca?: string
  }
  /** Path of the file of tokens on the node. */
  readonly tokensFile?: string
}

export const AccessAnswer = Schema.Struct({
  name: Schema.String,
  role: Schema.Literals(["read", "write"]),
  via: Schema.Literals(["socket", "loopback", "token", "certificate"]),
  node: Schema.String,
  cluster: Schema.String,
  tls: Schema.optionalKey(
    Schema.Struct({
      hostname: Schema.String,
      port: Schema.Int,
      names: Schema.Array(Schema.String),
      ca: Schema.optionalKey(Schema.String)
    })
  ),
  tokensFile: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "Access" })

export const accessVerb = (source: NodeSource, reach: () => Reach): Verb =>
  jsonVerb(
    {
      method: "GET",
      path: "/v1/access",
      summary: "Who I am here, and how the node is reached",
      description: "The name and role that the node knows the caller by, and its address and CA under TLS.",
      role: "read",
      answers: AccessAnswer,
      answersWhat: "The caller and the listener."
    },
    async ({ context }) => {
      const { name, role, via } = context.get("actor") ?? { name: "anonymous", role: "read", via: "loopback" }
      const { node, cluster } = await source.status()
      return { name, role, via, node, cluster, ...reach() }
    }
  )
