// Resource versions: a number that grows by one with each object that appears, changes or goes, and the history that a watch replays.
// Derived by comparing what there is of a kind with what there was, so it costs nothing for the kinds that nobody asks for. Invariants: an
// object's version is that of its last change of content; a mere report time or counter is no change; an object whose uid changed (the
// daemon was started anew) is another object. History is bounded kind by kind, and begins when a kind is first asked for: who asks for more is
// told.
import { type ApiObject, objectKey, type ResourceKind } from "../resources/kind.ts"

/** One object before and after; absent where it was not there. */
export interface Change {
  readonly version: number
  readonly kind: ResourceKind
  readonly before?: ApiObject
  readonly after?: ApiObject
}

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED"
  readonly object: ApiObject
}

export interface Versions {
  /** The version of the whole. */
  current(): number
  /** Takes in the objects that there are of `kinds` now; true where that changed anything. */
  update(kinds: Iterable<ResourceKind>, objectsOf: (kind: ResourceKind) => ReadonlyArray<ApiObject>): boolean
  /** The objects of a kind with their versions. */
  objects(kind: ResourceKind): ReadonlyArray<ApiObject>
  /** What changed of a kind after `version`, or undefined where that is not known any more, or not yet. */
  since(kind: ResourceKind, version: number): ReadonlyArray<Change> | undefined
}

/** Of one kind. */
interface History {
  /** The version from which on everything is there. */
  from: number
  changes: Array<Change>
}

interface Entry {
  readonly version: number
  readonly content: string
  readonly object: ApiObject
}

/** Changes of a kind that are certainly kept. */
const HISTORY_MIN = 2048

const withVersion = (object: ApiObject, version: number): ApiObject => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: String(version) }
})

/** An empty history. `first` has to be above every version of an earlier one, so that those count as expired. */
export const makeVersions = (first: number): Versions => {
  let version = first
  const histories = new Map<ResourceKind, History>()
  const entries = new Map<ResourceKind, ReadonlyMap<string, Entry>>()

  const record = (change: Omit<Change, "version">): void => {
    const history = histories.get(change.kind)
    if (history === undefined) return
    history.changes.push({ version, ...change })
    if (history.changes.length < 2 * HISTORY_MIN) return
    history.from = history.changes[HISTORY_MIN - 1]?.version ?? version
    history.changes = history.changes.slice(HISTORY_MIN)
  }

  const remove = (kind: ResourceKind, { object }: Entry): void => {
    version++
    record({ kind, before: withVersion(object, version) })
  }

  const put = (kind: ResourceKind, object: ApiObject, old: Entry | undefined): Entry => {
    const content = JSON.stringify(kind.content(object))
    const same = old?.object.metadata.uid === object.metadata.uid ? old : undefined
    if (same?.content === content) return { ...same, object: withVersion(object, same.version) }
    if (old !== undefined && same === undefined) remove(kind, old)
    version++
    const after = withVersion(object, version)
    record({ kind, after, ...(same === undefined ? {} : { before: same.object }) })
    return { version, content, object: after }
  }

  const update: Versions["update"] = (kinds, objectsOf) => {
    const before = version
    for (const kind of kinds) {
      const old = entries.get(kind)
      const next = new Map<string, Entry>()
      for (const object of objectsOf(kind)) {
        const key = objectKey(object)
        next.set(key, put(kind, object, old?.get(key)))
      }
      for (const [key, entry] of old ?? []) if (!next.has(key)) remove(kind, entry)
      entries.set(kind, next)
      if (!histories.has(kind)) histories.set(kind, { from: version, changes: [] })
    }
    return version !== before
  }

  return {
    current: () => version,
    update,
    objects: (kind) => [...(entries.get(kind)?.values() ?? [])].map(({ object }) => object),
    since: (kind, from) => {
      const history = histories.get(kind)
      if (history === undefined || from < history.from || from > version) return undefined
      const first = history.changes.findLastIndex((change) => change.version <= from) + 1
      return history.changes.slice(first)
    }
  }
}

/** The event that a change is for somebody who sees only what `selects` picks; undefined where it is none. */
export const eventOf = ({ before, after }: Change, selects: (object: ApiObject) => boolean): WatchEvent | undefined => {
  const was = before !== undefined && selects(before)
  const is = after !== undefined && selects(after)
  if (is) return { type: was ? "MODIFIED" : "ADDED", object: after }
  if (!was) return undefined
  const version = (after ?? before).metadata.resourceVersion
  return {
    type: "DELETED",
    object: {
      ...before,
      metadata: { ...before.metadata, ...(version === undefined ? {} : { resourceVersion: version }) }
    }
  }
}
