// Carries a write out: reads the object as it is now, works out the document that it shall become, has the config changed and answers
// with what came of it. Invariants: a writer who names a resourceVersion or a uid changes that object and no later one; a patch is
// applied to the object that it replaces, or not at all; status is never written.
import { FORCE_ANNOTATION } from "../../config/annotations.ts"
import type { ApplyRequest, ConfigChange } from "../../config/change.ts"
import type { ConfigObject } from "../../config/objects.ts"
import type { ApplyOutcome } from "../../config/outcome.ts"
import { ORIGIN_ANNOTATION } from "../../resources/documents/service.ts"
import { type ApiObject, groupVersion, qualified, type ResourceKind } from "../../resources/kind.ts"
import { isObject, type JsonObject, sameJson, withoutKey } from "../../resources/patch/json.ts"
import { type ManagedEntry, shownFields, withManaged } from "../../resources/patch/managedFields.ts"
import { afterUpdate, serverSideApply } from "../../resources/patch/serverSideApply.ts"
import type { ConfigControl } from "../control.ts"
import { ApiError, failure, notFound } from "../failure.ts"
import type { WatchHub } from "../watchHub.ts"
import { succeeded, warningHeaders } from "./outcome.ts"
import { conflict, type NamedObject, namedObject, statusDetails, type WriteOptions } from "./request.ts"

/** A patch is tried again so often when the object changed under it. */
const TRIES_MAX = 5

export interface Written {
  readonly object: JsonObject
  readonly created: boolean
  /** Values of Warning headers. */
  readonly warnings: ReadonlyArray<string>
}

interface Target {
  readonly namespace: string | undefined
  readonly name: string
}

const SERVER_METADATA = ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"]

const entriesOf = (live: ApiObject | undefined): ReadonlyArray<ManagedEntry> => {
  const metadata: object = live?.metadata ?? {}
  return "managedFields" in metadata && Array.isArray(metadata.managedFields) ? metadata.managedFields : []
}

const annotationOf = (object: JsonObject, name: string): unknown => {
  const metadata = isObject(object.metadata) ? object.metadata : {}
  return isObject(metadata.annotations) ? metadata.annotations[name] : undefined
}

const withoutAnnotation = (object: JsonObject, name: string): JsonObject => {
  const metadata = isObject(object.metadata) ? object.metadata : {}
  if (!isObject(metadata.annotations)) return object
  const annotations = withoutKey(metadata.annotations, name)
  const rest = withoutKey(metadata, "annotations")
  return { ...object, metadata: Object.keys(annotations).length === 0 ? rest : { ...rest, annotations } }
}

/** The document that an object stands for: without what only the server says of it. */
const documentOf = (object: JsonObject, entries: ReadonlyArray<ManagedEntry>): JsonObject => {
  const metadata = isObject(object.metadata) ? object.metadata : {}
  const own = Object.fromEntries(Object.entries(metadata).filter(([key]) => !SERVER_METADATA.includes(key)))
  const document = withoutAnnotation({ ...withoutKey(object, "status"), metadata: own }, ORIGIN_ANNOTATION)
  return withManaged(document, entries)
}

const asJson = (object: ApiObject): JsonObject => ({ ...object })

export class Writer {
  constructor(
    private readonly hub: WatchHub,
    private readonly config: ConfigControl,
    private readonly now: () => number
  ) {}

  async find(kind: ResourceKind, { namespace, name }: Target): Promise<ApiObject | undefined> {
    const { objects } = await this.hub.list(kind)
    return objects.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace)
  }

  async existing(kind: ResourceKind, target: Target): Promise<ApiObject> {
    const live = await this.find(kind, target)
    if (live === undefined) throw notFound(kind, target.name)
    return live
  }

  async create(kind: ResourceKind, named: NamedObject, options: WriteOptions): Promise<Written> {
    const outcome = await this.put(documentOf(named.object, []), { ifAbsent: true }, options)
    return this.written(kind, named, outcome, undefined)
  }

  /** PUT: the object as a whole. */
  async replace(kind: ResourceKind, named: NamedObject, options: WriteOptions): Promise<Written> {
    const live = await this.existing(kind, named)
    const insists = this.matches(kind, live, named.metadata)
    const document = documentOf(named.object, this.updated(kind, live, named.object, options))
    const outcome = await this.put(document, insists ? this.unchangedSince(live) : {}, options)
    return this.written(kind, named, outcome, live)
  }

  /** PATCH of any kind but apply. `change` gives the whole object after it. */
  async patch(
    kind: ResourceKind,
    target: Target,
    change: (object: JsonObject) => unknown,
    options: WriteOptions
  ): Promise<Written> {
    for (let tries = 1; ; tries++) {
      const live = await this.existing(kind, target)
      const named = namedObject(kind, change(asJson(live)), target)
      this.matches(kind, live, named.metadata)
      const document = documentOf(named.object, this.updated(kind, live, named.object, options))
      const outcome = await this.put(document, this.unchangedSince(live), options)
      if (outcome.outcome === "conflict" && tries < TRIES_MAX) continue
      return this.written(kind, named, outcome, live)
    }
  }

  /** Server-side apply: makes the object, or changes just the fields that it names. */
  async apply(kind: ResourceKind, named: NamedObject, options: WriteOptions): Promise<Written> {
    for (let tries = 1; ; tries++) {
      const live = await this.find(kind, named)
      if (live !== undefined) this.matches(kind, live, named.metadata)
      const document = this.applied(kind, live, named, options)
      const expected = live === undefined ? { ifAbsent: true as const } : this.unchangedSince(live)
      const outcome = await this.put(document, expected, { ...options, force: false })
      const moved = outcome.outcome === "conflict" || outcome.outcome === "exists"
      if (moved && tries < TRIES_MAX) continue
      return this.written(kind, named, outcome, live)
    }
  }

  async delete(kind: ResourceKind, live: ApiObject, options: WriteOptions): Promise<void> {
    const { name, namespace = "", generation } = live.metadata
    if (generation === undefined) {
      const message = `${kind.plural} "${name}" is no document of the config, and goes when what it comes from does`
      throw new ApiError(failure(403, "Forbidden", message, statusDetails(kind, name)))
    }
    if (kind.kind === "Cluster") throw clusterStays(kind, name)
    const ref = { apiVersion: groupVersion(kind), kind: kind.kind, namespace, name }
    const force = options.force || annotationOf(asJson(live), FORCE_ANNOTATION) === "true"
    const change: ConfigChange = { type: "delete", ref, ifGeneration: generation }
    succeeded(kind, name, await this.attempt(change, change, options, force))
  }

  /** True where the writer insists on a version; throws ApiError (409) where it is another. */
  matches(kind: ResourceKind, live: ApiObject, wanted: JsonObject): boolean {
    const { uid, resourceVersion } = wanted
    const { name } = live.metadata
    if (typeof uid === "string" && uid !== "" && uid !== live.metadata.uid)
      throw conflict(kind, name, `the object with uid ${uid} is gone; there is another one of that name`)
    if (typeof resourceVersion !== "string" || resourceVersion === "" || resourceVersion === "0") return false
    if (resourceVersion !== live.metadata.resourceVersion)
      throw conflict(kind, name, "the object has been modified; take it as it is now and change that")
    return true
  }

  private unchangedSince({ metadata: { generation } }: ApiObject): { readonly ifAbsent: true } | object {
    return generation === undefined ? { ifAbsent: true } : { ifGeneration: generation }
  }

  private time(): string {
    return `${new Date(this.now()).toISOString().slice(0, 19)}Z`
  }

  private updated(kind: ResourceKind, live: ApiObject, next: JsonObject, { fieldManager }: WriteOptions) {
    return afterUpdate(asJson(live), entriesOf(live), next, {
      kind: `${groupVersion(kind)} ${kind.kind}`,
      apiVersion: groupVersion(kind),
      manager: fieldManager,
      time: this.time()
    })
  }

  private applied(kind: ResourceKind, live: ApiObject | undefined, named: NamedObject, options: WriteOptions) {
    const entries = entriesOf(live)
    const result = serverSideApply(live === undefined ? undefined : asJson(live), entries, named.object, {
      kind: `${groupVersion(kind)} ${kind.kind}`,
      apiVersion: groupVersion(kind),
      manager: options.fieldManager,
      time: this.time(),
      force: options.force
    })
    if (result.type === "conflicts") {
      const causes = result.conflicts.map(({ manager, field }) => ({
        reason: "FieldManagerConflict",
        message: `conflict with "${manager}"`,
        field
      }))
      const each = causes.map(({ message, field }) => `${message}: ${field}`)
      const count = causes.length === 1 ? "1 conflict" : `${causes.length} conflicts`
      const text = `Apply failed with ${count}: ${each.join("; ")}`
      throw new ApiError(failure(409, "Conflict", text, { causes }))
    }
    const timeless = (list: ReadonlyArray<ManagedEntry>) => list.map(({ time, ...rest }) => rest)
    const same = sameJson(timeless(entries), timeless(result.entries))
    return documentOf(result.object, same ? entries : result.entries)
  }

  private put(document: JsonObject, expected: object, options: WriteOptions): Promise<ApplyOutcome> {
    const forced = withoutAnnotation(document, FORCE_ANNOTATION)
    const change: ConfigChange = { type: "put", object: document, ...expected }
    const force = options.force || annotationOf(document, FORCE_ANNOTATION) === "true"
    return this.attempt(change, { ...change, object: forced }, options, force)
  }

  /** What nobody has to insist on is done without force, so that the annotation stays for the write that needs it. */
  private async attempt(
    change: ConfigChange,
    forced: ConfigChange,
    { dryRun, by, message, note }: WriteOptions,
    force: boolean
  ): Promise<ApplyOutcome> {
    const request: Omit<ApplyRequest, "change"> = { by, dryRun, ...(message === undefined ? {} : { message }) }
    const first = await this.config.apply({ ...request, change })
    const insisted = first.outcome === "guarded" && force
    const outcome = insisted ? await this.config.apply({ ...request, change: forced, force: true }) : first
    note(outcome)
    return outcome
  }

  private async written(
    kind: ResourceKind,
    target: Target,
    outcome: ApplyOutcome,
    live: ApiObject | undefined
  ): Promise<Written> {
    const done = succeeded(kind, target.name, outcome)
    const created = live === undefined
    const warnings = warningHeaders(done)
    const now = done.outcome === "planned" ? undefined : await this.find(kind, target)
    const object = now ?? (done.object === undefined ? live : planned(kind, done.object, live))
    if (object === undefined) throw notFound(kind, target.name)
    return { object: asJson(object), created, warnings }
  }
}

/** Said before it is tried: that a config without one is not valid helps nobody. */
const clusterStays = (kind: ResourceKind, name: string): ApiError => {
  const message =
    `${qualified(kind.plural, kind)} "${name}" is forbidden: it cannot be deleted by itself, since all other documents are of this cluster. ` +
    "To change it, edit it or apply its new documents; to end the cluster, stop the daemon on each node " +
    "(systemctl stop viaduct), which withdraws the routes and takes the addresses off"
  return new ApiError(failure(403, "Forbidden", message, statusDetails(kind, name)))
}

/** An object that is not there yet, as it would be. */
const planned = (kind: ResourceKind, object: ConfigObject, live: ApiObject | undefined): ApiObject => {
  const { status: _, metadata, ...rest } = object
  const { namespace, ...clusterWide } = shownFields(metadata)
  const version = live?.metadata.resourceVersion
  return {
    ...rest,
    metadata: {
      ...clusterWide,
      ...(kind.namespaced ? { namespace } : {}),
      ...(version === undefined ? {} : { resourceVersion: version })
    },
    ...(live !== undefined && "status" in live ? { status: live.status } : {})
  }
}
