// The documents of the config as objects that people can list and change one by one, and the revisions that they went through. What
// the API serves, and what a console far away sees of it. Types alone: what they are made from is in documentsOf.ts.

/** Names a document: kind, namespace and name are unique in a config. */
export interface ObjectRef {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** One document of the config, whole, with the metadata that the store of configs gives it. */
export interface ConfigObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    /** The same on every node, for as long as the object exists. */
    readonly uid: string
    /** Grows by one with each change of the document's content; what a writer can insist on (`ifGeneration`). */
    readonly generation: number
    /** RFC 3339. */
    readonly creationTimestamp: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  /** `spec` and whatever else the document has. */
  readonly [field: string]: unknown
}

/** How a revision came to be. */
export type ConfigOrigin = "file" | "api" | "apply" | "rollback" | "unconfirmed"

/** A config that is or was in force, without its documents. */
export interface RevisionInfo {
  readonly revision: number
  /** Of the canonical form. */
  readonly hash: string
  /** RFC 3339. */
  readonly at: string
  /** Who: the name behind a token, `root` on the socket, `file`. */
  readonly by: string
  /** Where it was given. */
  readonly node: string
  readonly origin: ConfigOrigin
  /** Why, in the operator's words. */
  readonly message?: string
  /** One line of what it changed (ClusterChange.summary). */
  readonly summary?: string
  /** Present while it waits to be confirmed: when it is taken back (RFC 3339), and to which revision. */
  readonly unconfirmed?: { readonly until: string; readonly rollbackTo: number }
}

/** The config of a node as objects. */
export interface ConfigSnapshot {
  /** 0: none yet. */
  readonly revision: number
  readonly hash: string
  readonly objects: ReadonlyArray<ConfigObject>
  /** Newest first, the one in force among them. */
  readonly history: ReadonlyArray<RevisionInfo>
}

export const emptySnapshot: ConfigSnapshot = { revision: 0, hash: "", objects: [], history: [] }
