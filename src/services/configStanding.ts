// What the parts of the store of configs share: which config this node runs, which revision of the store that is, what there is to be said
// about it; and the tools that all of them need.
import { Clock, Effect, Queue, Schema, Stream } from "effect"
import type { RevisionRecord } from "../cluster/revisions.ts"
import type { ChangeSelf } from "../plan/changeWorld.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import type { ConfigRevision } from "../plan/view.ts"
import { ClusterStore } from "../ports/ClusterStore.ts"
import { ConfigSource } from "../ports/ConfigSource.ts"
import { LinkControl } from "../ports/LinkControl.ts"
import { Cluster } from "./Cluster.ts"
import type { ConfigCopy } from "./configCopy.ts"
import type { InForce, Loaded } from "./inForce.ts"
import { type Hints, whoAmI } from "./whoAmI.ts"

/** The config was refused; every line is a problem with its place. */
export class ConfigRefused extends Schema.TaggedError<ConfigRefused>()("ConfigRefused", { message: Schema.String }) {}

export interface ConfigStoreOptions extends Hints {
  /** Recovery mode. */
  readonly local?: boolean
  /** Where the last revision is kept for a start without the store. */
  readonly copy?: ConfigCopy
}

/** The revision in the store that this node has taken over. */
export interface Adopted {
  readonly modRevision: number
  readonly pointer: ConfigRevision
  readonly record: RevisionRecord
}

export const makeStanding = Effect.fnUntraced(function* (options: ConfigStoreOptions) {
  const source = yield* ConfigSource
  const link = yield* LinkControl
  const store = yield* ClusterStore
  const cluster = yield* Cluster
  const { now, wallClock } = yield* Clock.clockWith((clock) =>
    Effect.succeed({
      now: () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n),
      wallClock: () => clock.currentTimeMillisUnsafe()
    })
  )
  const mode: "file" | "store" | "local" =
    options.local === true ? "local" : store.kind === "embedded" ? "file" : "store"
  /** A queue for each subscriber: none makes another one miss something. */
  const subscribers = new Set<() => void>()
  const changes = Stream.callback<void>(
    (queue) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const told = () => void Queue.offerUnsafe(queue, undefined)
          subscribers.add(told)
          return told
        }),
        (told) => Effect.sync(() => subscribers.delete(told))
      ),
    { bufferSize: 1, strategy: "sliding" }
  )
  const listeners = new Set<() => void>()
  const state: {
    inForce: InForce | undefined
    adopted: Adopted | undefined
    /** Of the pointer in the store that was looked at last. */
    seen: number
    /** The store says something that this node cannot run, or does not: why. */
    storeNote: string | undefined
    /** Why the file was refused last. */
    lastError: string | undefined
    /** It runs what `adopted` shall be taken back to, since the store cannot be told. */
    astray: boolean
    serial: number
    introduction: () => ChangeSelf | undefined
  } = {
    inForce: undefined,
    adopted: undefined,
    seen: 0,
    storeNote: undefined,
    lastError: undefined,
    astray: false,
    serial: 0,
    introduction: () => undefined
  }

  const notify = (): void => {
    for (const listener of [...listeners]) listener()
  }

  const tell = (): void => {
    for (const told of [...subscribers]) told()
    notify()
  }

  /** Ends when it holds, or after so long; looked at again at each `notify`. */
  const until = (holds: () => boolean, ms: number) =>
    Effect.asVoid(
      Effect.timeoutOption(
        Effect.callback<void>((resume) => {
          const look = () => {
            if (!holds()) return
            listeners.delete(look)
            resume(Effect.void)
          }
          listeners.add(look)
          look()
          return Effect.sync(() => void listeners.delete(look))
        }),
        ms
      )
    )

  const give = (loaded: Loaded, more: Pick<InForce, "metas"> & Partial<Pick<InForce, "info" | "force">>): void => {
    state.inForce = { ...loaded, force: false, ...more, serial: ++state.serial, atMs: wallClock() }
    tell()
  }

  const whyNotHere = (desired: DesiredCluster) =>
    whoAmI(link, options, desired).pipe(
      Effect.as(undefined),
      Effect.catch(({ message }) => Effect.succeed(message))
    )

  const nameIn = (desired: DesiredCluster) =>
    whoAmI(link, options, desired).pipe(
      Effect.map(({ name }) => name),
      Effect.orElseSucceed(() => options.node ?? options.hostname)
    )

  return Object.assign(state, {
    mode,
    source,
    store,
    cluster,
    copy: options.copy,
    now,
    wallClock,
    changes,
    notify,
    tell,
    until,
    give,
    whyNotHere,
    nameIn
  })
})

export type Standing = Effect.Success<ReturnType<typeof makeStanding>>
