// What can be asked of a fleet: each thing goes to a node of the cluster that it is about, the one that leads where any would do. A change of a
// document goes to the cluster that its label names, or that has the document, or, for one that is new, that has its namespace. Nothing is
// tried again at another node: whoever does not answer may have done it. Every refusal says which nodes were away and why.
import type { ApplyRequest, ConfigChange } from "../../config/change.ts"
import type { ConfigFile } from "../../config/load.ts"
import type { ObjectRef } from "../../config/objects.ts"
import type { ExplainQuestion, Explanation } from "../../explain/types.ts"
import type { TraceRecord } from "../../observe/trace.ts"
import { isObject, withoutKey } from "../../resources/patch/json.ts"
import { textAt } from "../../resources/valueAt.ts"
import type { ConfigControl, Done, NodeControl, StageProgress } from "../control.ts"
import { ApiError, failure } from "../failure.ts"
import { nameOfAway, nameOfUrl, type SeenCluster, type SeenNode } from "./fleet.ts"
import { CLUSTER_LABEL, nameIn } from "./objects.ts"
import { nobodyAnswers } from "./status.ts"

/** Everything of a node somewhere else. */
export type RemoteControl = Required<Pick<NodeControl, "config" | "drain" | "explain" | "trace">>

export interface FleetAccess {
  /** As it is now. */
  readonly clusters: () => ReadonlyArray<SeenCluster>
  /** The control of a node, in the name of whoever asks. */
  readonly controlOf: (url: string) => RemoteControl
}

type Found = { readonly cluster: SeenCluster } | { readonly refused: string }

const unavailable = (message: string): ApiError => new ApiError(failure(503, "ServiceUnavailable", message))

const namesOf = (clusters: ReadonlyArray<SeenCluster>): string => clusters.map(({ name }) => name).join(", ")

const hasDocument = ({ nodes }: SeenCluster, ref: ObjectRef): boolean =>
  (nodes[0]?.config.objects ?? []).some(
    ({ apiVersion, kind, metadata }) =>
      apiVersion === ref.apiVersion &&
      kind === ref.kind &&
      metadata.namespace === ref.namespace &&
      metadata.name === ref.name
  )

const hasNamespace = ({ nodes, name }: SeenCluster, namespace: string): boolean =>
  namespace === `cluster-${name}` ||
  (nodes[0]?.config.objects ?? []).some(({ metadata }) => metadata.namespace === namespace)

/** What a document is called, whatever it is called here. */
const refIn = (cluster: SeenCluster, ref: ObjectRef): ObjectRef => ({
  ...ref,
  name: nameIn(cluster.name, ref.name, (name) => hasDocument(cluster, { ...ref, name }))
})

const refOf = (object: Readonly<Record<string, unknown>>): ObjectRef => ({
  apiVersion: textAt(object, "apiVersion") ?? "",
  kind: textAt(object, "kind") ?? "",
  namespace: textAt(object, "metadata.namespace") ?? "",
  name: textAt(object, "metadata.name") ?? ""
})

const labelOf = (object: Readonly<Record<string, unknown>>): string | undefined => {
  const metadata = isObject(object.metadata) ? object.metadata : {}
  const label = isObject(metadata.labels) ? metadata.labels[CLUSTER_LABEL] : undefined
  return typeof label === "string" ? label : undefined
}

/** The cluster of a document. */
const clusterFor = (clusters: ReadonlyArray<SeenCluster>, ref: ObjectRef, label: string | undefined): Found => {
  if (label !== undefined) {
    const named = clusters.find(({ name }) => name === label)
    const known = `there is no cluster ${label} here, only ${namesOf(clusters)}`
    return named === undefined ? { refused: known } : { cluster: named }
  }
  const suffixed = clusters.find(
    (cluster) => ref.name.endsWith(`.${cluster.name}`) && hasDocument(cluster, refIn(cluster, ref))
  )
  if (suffixed !== undefined) return { cluster: suffixed }
  for (const having of [
    clusters.filter((cluster) => hasDocument(cluster, ref)),
    clusters.filter((cluster) => hasNamespace(cluster, ref.namespace))
  ]) {
    const [first] = having
    if (first !== undefined && having.length === 1) return { cluster: first }
    if (first !== undefined) break
  }
  return { refused: `say which cluster is meant, with the label ${CLUSTER_LABEL} (${namesOf(clusters)})` }
}

/** The document as its own cluster knows it. */
const documentIn = (
  cluster: SeenCluster,
  object: Readonly<Record<string, unknown>>
): Readonly<Record<string, unknown>> => {
  if (!isObject(object.metadata)) return object
  const { name } = refIn(cluster, refOf(object))
  const labels = isObject(object.metadata.labels) ? withoutKey(object.metadata.labels, CLUSTER_LABEL) : {}
  const bare = withoutKey(object.metadata, "labels")
  const metadata = { ...bare, name, ...(Object.keys(labels).length === 0 ? {} : { labels }) }
  return { ...object, metadata }
}

/** Files are of the cluster whose Cluster document is in them. */
const clusterOfFiles = (clusters: ReadonlyArray<SeenCluster>, files: ReadonlyArray<ConfigFile>): Found => {
  const [only] = clusters
  if (only !== undefined && clusters.length === 1) return { cluster: only }
  const text = files.map((file) => file.text).join("\n")
  const meant = clusters.filter(({ name }) =>
    new RegExp(`^\\s*["']?namespace["']?:\\s*["']?cluster-${name}["']?\\s*,?\\s*$`, "m").test(text)
  )
  const [first] = meant
  if (first !== undefined && meant.length === 1) return { cluster: first }
  return { refused: `the files are not those of one of the clusters ${namesOf(clusters)}` }
}

const changeIn = (
  clusters: ReadonlyArray<SeenCluster>,
  change: ConfigChange
): Found & { readonly change: ConfigChange } => {
  const [only] = clusters
  if (only !== undefined && clusters.length === 1) return { cluster: only, change }
  switch (change.type) {
    case "put": {
      const found = clusterFor(clusters, refOf(change.object), labelOf(change.object))
      if ("refused" in found) return { ...found, change }
      return { ...found, change: { ...change, object: documentIn(found.cluster, change.object) } }
    }
    case "delete": {
      const found = clusterFor(clusters, change.ref, undefined)
      if ("refused" in found) return { ...found, change }
      return { ...found, change: { ...change, ref: refIn(found.cluster, change.ref) } }
    }
    case "files":
      return { ...clusterOfFiles(clusters, change.files), change }
    case "rollback":
      return { ...theOne(clusters), change }
  }
}

/** For what does not say which cluster it is about. */
const theOne = (clusters: ReadonlyArray<SeenCluster>): Found => {
  const [only] = clusters
  if (only !== undefined && clusters.length === 1) return { cluster: only }
  return { refused: `this console shows the clusters ${namesOf(clusters)}: ask a node of the one that is meant` }
}

const leadOf = (found: Found): SeenNode | { readonly refused: string } => {
  if ("refused" in found) return found
  const [lead] = found.cluster.nodes
  return lead ?? { refused: nobodyAnswers([found.cluster]) }
}

const matches = (session: string, { status }: SeenNode): boolean =>
  status.sessions.some(({ name, peerAddress }) => name === session || peerAddress === session)

/** Takes from all of them whatever comes first. */
async function* together<T>(sources: ReadonlyArray<AsyncIterable<T>>): AsyncGenerator<T> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]())
  const next = (at: number) => Promise.resolve(iterators[at]?.next()).then((result) => ({ at, result }))
  const waiting = new Map(iterators.map((_, at) => [at, next(at)]))
  try {
    while (waiting.size > 0) {
      const { at, result } = await Promise.race(waiting.values())
      if (result === undefined || result.done === true) waiting.delete(at)
      else {
        waiting.set(at, next(at))
        yield result.value
      }
    }
  } finally {
    for (const iterator of iterators) void iterator.return?.()
  }
}

const byTime = (a: TraceRecord, b: TraceRecord): number => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)

export const fleetControl = ({ clusters, controlOf }: FleetAccess): RemoteControl => {
  /** The control that is meant; throws ApiError (503) where there is none. */
  const at = (found: Found): RemoteControl => {
    const lead = leadOf(found)
    if ("refused" in lead) throw unavailable(lead.refused)
    return controlOf(lead.url)
  }

  const apply = async (request: ApplyRequest) => {
    const found = changeIn(clusters(), request.change)
    const lead = leadOf(found)
    if ("refused" in lead) return { outcome: "refused" as const, reason: lead.refused }
    return controlOf(lead.url).config.apply({ ...request, change: found.change })
  }

  async function* stage(
    request: Parameters<ConfigControl["stage"]>[0],
    signal: AbortSignal
  ): AsyncGenerator<StageProgress> {
    yield* at(clusterOfFiles(clusters(), request.change.files)).config.stage(request, signal)
  }

  const reload = async (force: boolean): Promise<Done> => {
    const all = clusters().flatMap(({ nodes }) => nodes)
    if (all.length === 0) throw unavailable(nobodyAnswers(clusters()))
    const answers = await Promise.all(
      all.map(async ({ url, status }) => ({ node: status.node, ...(await controlOf(url).config.reload(force)) }))
    )
    return {
      done: answers.every(({ done }) => done),
      reason: answers.map(({ node, reason }) => `${node}: ${reason}`).join("; ")
    }
  }

  const drain: RemoteControl["drain"] = async (name, on, by, force) => {
    const all = clusters()
    const bare = (cluster: SeenCluster) =>
      all.length === 1 ? name : nameIn(cluster.name, name, (one) => hasMember(cluster, one))
    const having = all.filter((cluster) => hasMember(cluster, bare(cluster)))
    const [first] = having
    if (first === undefined || having.length > 1) return { done: false, reason: `there is no one node ${name} here` }
    return at({ cluster: first }).drain(bare(first), on, by, force)
  }

  const explain = async (question: ExplainQuestion): Promise<Explanation> => {
    let first: Explanation | undefined
    for (const cluster of clusters()) {
      const [lead] = cluster.nodes
      if (lead === undefined) continue
      const found = await controlOf(lead.url).explain(question)
      if (found.state !== "unknown") return found
      first ??= found
    }
    if (first === undefined) throw unavailable(nobodyAnswers(clusters()))
    return first
  }

  async function* trace(
    filter: Parameters<RemoteControl["trace"]>[0],
    signal: AbortSignal
  ): AsyncGenerator<TraceRecord> {
    const { session, follow } = filter
    const all = clusters().flatMap(({ nodes }) => nodes)
    const having = session === undefined ? all : all.filter((seen) => matches(session, seen))
    const asked = (having.length === 0 ? all : having).map(({ url }) => controlOf(url).trace(filter, signal))
    if (follow || asked.length === 1) yield* together(asked)
    else yield* (await Array.fromAsync(together(asked))).sort(byTime)
  }

  return {
    config: {
      apply,
      stage,
      confirm: (by) => at(theOne(clusters())).config.confirm(by),
      documents: (revision) => at(theOne(clusters())).config.documents(revision),
      reload
    },
    drain,
    explain,
    trace
  }
}

const hasMember = ({ nodes, away }: SeenCluster, name: string): boolean =>
  nodes.some(({ status }) => status.node === name || status.members.some((one) => one.name === name)) ||
  away.some((one) => nameOfAway(one) === name || nameOfUrl(one.url) === name)
