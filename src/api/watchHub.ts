// One place through which all readers of resources go: lists take the status when they are asked for, watches
// share a single subscription to the node that runs only while somebody watches, and that works out just the kinds that are watched. A
// watcher keeps nothing but its position in the common history, so a slow one costs no memory and is told to list again when it fell
// too far behind.
import { type ConfigSnapshot, emptySnapshot } from "../config/objects.ts"
import type { ApiObject, ResourceKind } from "../resources/kind.ts"
import { listResources } from "../resources/kinds.ts"
import type { NodeStatus } from "../resources/nodeStatus.ts"
import { expired } from "./failure.ts"
import { type NodeSource, NodeUnavailable } from "./source.ts"
import { type Change, makeVersions } from "./versions.ts"

export interface WatchHub {
  /** The objects of a kind as they are now, and the version to watch from. Rejects where the node does not answer. */
  list(kind: ResourceKind): Promise<{ readonly version: number; readonly objects: ReadonlyArray<ApiObject> }>
  /** Changes of a kind after `version` until `signal` aborts, and the version up to which they are all there. Throws ApiError (410). */
  watch(kind: ResourceKind, version: number, signal: AbortSignal): AsyncGenerator<News>
}

interface News {
  readonly version: number
  readonly changes: ReadonlyArray<Change>
}

/** The subscription that watchers share, and why it ended if it did. */
interface Feed {
  readonly abort: AbortController
  watchers: number
  ended?: unknown
}

/** A hub over a node. `firstVersion` as for makeVersions. */
export const makeWatchHub = (source: NodeSource, firstVersion: number): WatchHub => {
  const versions = makeVersions(firstVersion)
  /** How many watch each kind. */
  const watched = new Map<ResourceKind, number>()
  let config: ConfigSnapshot = emptySnapshot
  /** Which config `config` is, in the status's words. */
  let configOf = ""
  let changed = Promise.withResolvers<void>()
  let feed: Feed | undefined

  const wake = (): void => {
    changed.resolve()
    changed = Promise.withResolvers<void>()
  }

  /** What a status and the config that belongs to it have of `kinds`; true where that changed anything. */
  const take = async (status: NodeStatus, kinds: () => Iterable<ResourceKind>): Promise<boolean> => {
    if (source.resources !== undefined) return versions.update(kinds(), await source.resources())
    const { revision, hash, unconfirmed } = status.config
    const wanted = `${revision} ${hash} ${unconfirmed?.until}`
    if (configOf !== wanted) {
      // Only after it came, so that nobody who asks meanwhile goes without; the config that comes is never older than the status.
      config = await source.config()
      configOf = wanted
    }
    return versions.update(kinds(), (kind) => listResources(kind, status, config))
  }

  const follow = async (mine: Feed): Promise<void> => {
    try {
      for await (const status of source.changes(mine.abort.signal)) if (await take(status, () => watched.keys())) wake()
      mine.ended = new NodeUnavailable("the node ended its stream of changes")
    } catch (error) {
      mine.ended = error
    }
    wake()
  }

  const join = (): Feed => {
    if (feed !== undefined && feed.ended === undefined) {
      feed.watchers++
      return feed
    }
    const started: Feed = { abort: new AbortController(), watchers: 1 }
    feed = started
    void follow(started)
    return started
  }

  const leave = (mine: Feed): void => {
    if (--mine.watchers > 0) return
    mine.abort.abort()
    if (feed === mine) feed = undefined
  }

  async function* watch(kind: ResourceKind, version: number, signal: AbortSignal): AsyncGenerator<News> {
    watched.set(kind, (watched.get(kind) ?? 0) + 1)
    const mine = join()
    signal.addEventListener("abort", wake, { once: true })
    let position = version
    try {
      // A subscription that runs already may have gone past what changed of this kind since it was listed.
      if (mine.watchers > 1) await list(kind)
      while (!signal.aborted) {
        const next = changed.promise
        const changes = versions.since(kind, position)
        if (changes === undefined) throw expired(String(position))
        const before = position
        position = versions.current()
        if (position > before) yield { version: position, changes }
        else if (mine.ended !== undefined) throw mine.ended
        else await next
      }
    } finally {
      signal.removeEventListener("abort", wake)
      const others = (watched.get(kind) ?? 1) - 1
      if (others > 0) watched.set(kind, others)
      else watched.delete(kind)
      leave(mine)
    }
  }

  const list: WatchHub["list"] = async (kind) => {
    if (await take(await source.status(), () => [kind])) wake()
    return { version: versions.current(), objects: versions.objects(kind) }
  }

  return { list, watch }
}
