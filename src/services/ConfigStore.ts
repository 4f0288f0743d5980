// What config is in force on this node, where it comes from, and everything that changes it (S20, S21, I5). Three ways:
//
//   file    one node with a store of its own: its file and the API are sources; what the file says wins document by document
//   store   nodes that share a store: the revision in the store is in force, the file only begins an empty store
//   local   recovery mode (`--config-local`): the file, whatever the store says; nothing else can change it
//
// Each change becomes a revision: loaded, validated, compared with what is in force, held against the guards, and then put into the store by
// compare-and-swap on `config/current`, pointer and documents in one transaction. Whoever watches the store takes it over from there,
// this node too. What is not valid changes nothing. A store that is lost changes nothing (I11).
import { Cause, Context, Effect, Layer, Queue, Semaphore, Stream } from "effect"
import { configKey } from "../cluster/layout.ts"
import type { ApplyRequest } from "../config/change.ts"
import { editFiles } from "../config/edit.ts"
import { refKey } from "../config/identity.ts"
import type { ConfigFile } from "../config/load.ts"
import type { ConfigSnapshot, ObjectRef } from "../config/objects.ts"
import type { ApplyOutcome, Done } from "../config/outcome.ts"
import type { ChangeSelf } from "../plan/changeWorld.ts"
import type { NodeStatus } from "../resources/nodeStatus.ts"
import { makeAdoption } from "./configAdoption.ts"
import { makeDeadline } from "./configDeadline.ts"
import { makeLocalFile } from "./configFile.ts"
import { makeProposals, type Proposal } from "./configProposals.ts"
import { ConfigRefused, type ConfigStoreOptions, makeStanding } from "./configStanding.ts"
import { historyOf, type InForce, logWarnings, snapshotOf, yamlOf } from "./inForce.ts"

export type ConfigStatus = Omit<NodeStatus["config"], "hash">

export class ConfigStore extends Context.Service<
  ConfigStore,
  {
    /** Undefined: none yet. */
    readonly current: () => InForce | undefined
    /** `current` is another one, or something else that is shown of it has changed. */
    readonly changes: Stream.Stream<void>
    /** Has a config in force as soon as there is one to be had, and follows its sources from then on. */
    readonly start: Effect.Effect<void, ConfigRefused>
    readonly snapshot: () => ConfigSnapshot
    readonly status: () => ConfigStatus
    /** Ends when this node's sessions and addresses follow, or after a few seconds. */
    readonly apply: (request: ApplyRequest) => Effect.Effect<ApplyOutcome>
    readonly confirm: (by: string) => Effect.Effect<Done>
    /** Documents of a revision as YAML; 0: of the one in force. */
    readonly documents: (revision: number) => Effect.Effect<string | undefined>
    /** Reads the local file again. */
    readonly reloadFile: (force: boolean) => Effect.Effect<Done>
    /** Whoever carries configs out says which one this node follows. */
    readonly took: (config: InForce) => void
    /** The last one of those. */
    readonly followed: () => InForce | undefined
    /** How this node is known in the config, for whoever works out what a change does. */
    readonly introduce: (self: () => ChangeSelf | undefined) => void
  }
>()("viaduct/services/ConfigStore") {
  static readonly layer = (options: ConfigStoreOptions) => Layer.effect(ConfigStore, makeConfigStore(options))
}

/** How long a start waits for the store before it makes do with what it has, in ms. */
const storeWaitMs = 1_000
/** How long whoever changed the config waits for this node to follow, in ms. */
const followWaitMs = 5_000
/** How soon something that the store would not do is tried again, in ms. */
const retryMs = 1_000
/** Times that a change of one document is made again on top of somebody else's. */
const triesMax = 5

const makeConfigStore = Effect.fnUntraced(function* (options: ConfigStoreOptions) {
  const at = yield* makeStanding(options)
  const { source, store, cluster, mode, until, give, tell } = at
  const outer = yield* Effect.scope
  const one = yield* Semaphore.make(1)
  const news = yield* Queue.sliding<void>(1)
  const fileNews = yield* Queue.sliding<void>(1)
  const startedMs = at.wallClock()
  let taken: InForce | undefined

  const proposals = makeProposals(at)

  /** Why nothing can be changed here and now. */
  const whyNot = (change?: ApplyRequest["change"]): string | undefined => {
    if (mode === "local")
      return (
        "this node is in recovery mode and runs its own file: change that, or start it without --config-local; " +
        "the other nodes take changes"
      )
    const { store: standing, why } = cluster.state()
    if (standing !== "connected")
      return `the store ${store.name} cannot be reached${why === undefined ? "" : ` (${why})`}: nothing can be changed until it answers`
    if (at.storeNote !== undefined) return at.storeNote
    const { unconfirmed, revision } = at.adopted?.pointer ?? {}
    if (unconfirmed === undefined) return undefined
    if (change?.type === "rollback" && change.to === unconfirmed.rollbackTo) return undefined
    return (
      `revision ${revision} waits to be confirmed until ${unconfirmed.until}: viaduct confirm keeps it, ` +
      `viaduct rollback ${unconfirmed.rollbackTo} takes it back`
    )
  }

  const deadline = yield* makeDeadline(at, proposals)
  const settled = () => void Queue.offerUnsafe(fileNews, undefined)
  const watched = { adopted: deadline.watch, settled }
  const { heed, recordOf, startFromCopy } = makeAdoption(at, proposals, watched, outer)
  const file = makeLocalFile(at, proposals, whyNot)

  const startFromStore = Effect.gen(function* () {
    yield* until(() => cluster.state().store !== "never", storeWaitMs)
    yield* file.lookAtFile
    yield* heed
    if (yield* file.seed) yield* heed
    if (at.inForce !== undefined || (yield* startFromCopy)) return
    const { store: standing, entries } = cluster.state()
    // What was just put there comes with the next news.
    if (standing !== "never" && at.storeNote === undefined && entries.has(configKey)) return
    const { loaded, trouble } = file.seen() ?? {}
    if (trouble !== undefined) return yield* new ConfigRefused({ message: trouble })
    if (loaded === undefined)
      return yield* Effect.logWarning(`no config yet: the store ${store.name} has none and no --config was given`)
    const elsewhere = yield* at.whyNotHere(loaded.cluster)
    if (elsewhere !== undefined) return yield* new ConfigRefused({ message: elsewhere })
    yield* logWarnings(loaded, at.inForce)
    give(loaded, { metas: new Map() })
  })

  const startFromFile = Effect.gen(function* () {
    yield* until(() => cluster.state().store !== "never", storeWaitMs)
    yield* heed
    yield* Effect.catch(file.takeFile({ force: false, guarded: false, asked: false }), (error) =>
      Effect.gen(function* () {
        // A file that is broken stops nothing that ran before.
        if (at.inForce === undefined) return yield* error
        at.lastError = error.message
        yield* Effect.logError(`the file ${source.name} was refused, the last config goes on:\n${error.message}`)
      })
    )
    yield* heed
  })

  /** What nobody asked for is said once. */
  const refused = Effect.fnUntraced(function* (error: ConfigRefused, asked: boolean) {
    if (asked || at.lastError !== error.message)
      yield* Effect.logError(`the config was refused and nothing changed:\n${error.message}`)
    at.lastError = error.message
    tell()
    return { done: false, reason: error.message } satisfies Done
  })

  const accepted = (reason: string) =>
    Effect.sync((): Done => {
      if (at.lastError !== undefined) {
        at.lastError = undefined
        tell()
      }
      return { done: true, reason }
    })

  const rereadFile = (force: boolean, asked: boolean): Effect.Effect<Done> => {
    if (mode === "store")
      return Effect.gen(function* () {
        yield* file.lookAtFile
        const note = file.fileNote()
        const answer = { done: note === undefined, reason: note ?? "the file says what is in force" }
        if (asked) yield* Effect.logInfo(`the file was read again: ${answer.reason}`)
        return answer
      })
    const taking = mode === "local" ? file.takeLocal(asked) : file.takeFile({ force, guarded: true, asked })
    return one.withPermits(1)(
      taking.pipe(
        Effect.andThen(heed),
        Effect.andThen(accepted("the config is in force")),
        Effect.catchTag("ConfigRefused", (error) => refused(error, asked))
      )
    )
  }

  const following = until(() => taken !== undefined && taken.serial >= at.serial, followWaitMs)

  const editsOf = (
    request: ApplyRequest
  ): Effect.Effect<{ readonly files: ReadonlyArray<ConfigFile>; readonly ref?: ObjectRef } | ApplyOutcome> => {
    const { change } = request
    if (change.type === "files") return Effect.succeed({ files: change.files })
    if (change.type === "rollback") {
      const record = recordOf(change.to)
      const reason = `revision ${change.to} is not kept any more, or never was: viaduct history shows those that are`
      return Effect.succeed(record === undefined ? { outcome: "refused", reason } : { files: record.files })
    }
    if (at.inForce === undefined)
      return Effect.succeed({ outcome: "refused", reason: "there is no config yet: apply a whole one first" })
    const { files, metas } = at.inForce
    const edited = editFiles(files, change, (ref) => metas.get(refKey(ref))?.generation ?? 1)
    return Effect.succeed(edited.outcome === "edited" ? { files: edited.files, ref: edited.ref } : edited)
  }

  const origins = { put: "api", delete: "api", files: "apply", rollback: "rollback" } as const

  const applyOnce = Effect.fnUntraced(function* (request: ApplyRequest) {
    yield* heed
    const { change, by, message, dryRun, force = false, confirmWithinSeconds } = request
    const reason = dryRun === true && mode !== "local" ? undefined : whyNot(change)
    if (reason !== undefined) return { outcome: "refused", reason } as const
    const edits = yield* editsOf(request)
    if ("outcome" in edits) return edits
    const proposal: Proposal = {
      ...edits,
      origin: origins[change.type],
      by,
      force,
      guarded: true,
      ...(message === undefined ? {} : { message }),
      ...(dryRun === undefined ? {} : { dryRun }),
      ...(confirmWithinSeconds === undefined ? {} : { confirmWithinSeconds })
    }
    const outcome = yield* proposals.propose(proposal, at.adopted)
    yield* heed
    return outcome
  })

  const apply = Effect.fnUntraced(function* (request: ApplyRequest) {
    const alone = request.change.type === "put" || request.change.type === "delete"
    for (let tries = 1; ; tries++) {
      const outcome = yield* one.withPermits(1)(applyOnce(request))
      if (outcome.outcome === "applied") yield* following
      if (outcome.outcome !== "overtaken") return outcome
      // One document more or less is no matter of what the others do; a whole config is.
      if (!alone || tries >= triesMax)
        return { outcome: "conflict", reason: `${outcome.reason}: look at it, and apply again` } as const
      yield* until(() => cluster.state().entries.get(configKey)?.modRevision !== at.adopted?.modRevision, retryMs)
    }
  })

  const confirm = Effect.fnUntraced(function* (by: string) {
    yield* heed
    const { pointer } = at.adopted ?? {}
    if (mode === "local") return { done: false, reason: whyNot() ?? "" }
    if (at.adopted === undefined || pointer?.unconfirmed === undefined)
      return { done: false, reason: "nothing waits to be confirmed" }
    const done = yield* proposals.confirm(at.adopted)
    if (done.done) yield* Effect.logInfo(`revision ${pointer.revision} was confirmed by ${by}`)
    return done
  })

  const safely = (what: string, work: Effect.Effect<unknown>) =>
    Effect.tapCause(Effect.forever(work), (cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError(`${what} ended by a fault of this program`, cause)
    )

  const listening = Effect.gen(function* () {
    // News are looked for as well: whoever is slow to take them makes others miss some.
    yield* Effect.timeoutOption(Queue.take(news), retryMs)
    yield* one.withPermits(1)(
      heed.pipe(
        Effect.andThen(file.seed),
        Effect.catchTag("ConfigRefused", (error) => Effect.asVoid(refused(error, false)))
      )
    )
    yield* file.sayFileNote
  })
  const reading = Queue.take(fileNews).pipe(Effect.andThen(Effect.suspend(() => rereadFile(false, false))))
  const alone = (work: Effect.Effect<void>) => one.withPermits(1)(heed.pipe(Effect.andThen(work), Effect.andThen(heed)))
  const settling = deadline.turn(alone, recordOf)

  for (const stream of [cluster.changes, cluster.reports])
    yield* Effect.forkScoped(
      Stream.runForEach(stream, () =>
        Effect.sync(() => {
          Queue.offerUnsafe(news, undefined)
          at.notify()
        })
      ),
      { startImmediately: true }
    )

  const start = Effect.gen(function* () {
    // From before it is read, so that no edit falls between.
    yield* Effect.forkIn(
      Stream.runForEach(source.changes, () => Effect.sync(() => Queue.offerUnsafe(fileNews, undefined))),
      outer,
      { startImmediately: true }
    )
    const first = mode === "local" ? file.takeLocal(true) : mode === "file" ? startFromFile : startFromStore
    yield* one.withPermits(1)(first)
    yield* Effect.forkIn(safely("the store of configs", listening), outer)
    yield* Effect.forkIn(safely("the file's watch", reading), outer)
    yield* Effect.forkIn(safely("the deadline of a change", settling), outer)
    Queue.offerUnsafe(news, undefined)
  })

  const note = (): string | undefined => {
    const { store: standing, view } = cluster.state()
    if (mode === "local") {
      const other = view.config === undefined ? "" : ` (revision ${view.config.revision}, ${view.config.hash})`
      return `recovery mode: this node runs ${source.name}, whatever the store says${other}`
    }
    if (at.storeNote !== undefined) return at.storeNote
    if (at.inForce === undefined) return `no config yet: the store ${store.name} has none and no file was given`
    if (at.astray)
      return `revision ${at.adopted?.pointer.revision} was not confirmed in time; the store does not know yet that this node went back`
    if (mode === "store" && standing === "never")
      return `the store ${store.name} has not answered since the start: this node runs ${
        at.inForce.info === undefined
          ? `its file ${source.name}`
          : `revision ${at.inForce.info.revision} from its own copy`
      }`
    return file.fileNote()
  }

  const status = (): ConfigStatus => {
    const { view } = cluster.state()
    const { info, atMs } = at.inForce ?? {}
    const text = note()
    const unconfirmed = at.astray ? undefined : info?.unconfirmed
    return {
      source: mode === "store" ? store.name : source.name,
      loadedAt: new Date(atMs ?? startedMs).toISOString(),
      mode,
      revision: info?.revision ?? 0,
      ...(unconfirmed === undefined ? {} : { unconfirmed }),
      ...(text === undefined ? {} : { note: text }),
      ...(view.config === undefined ? {} : { cluster: view.config }),
      ...(at.lastError === undefined ? {} : { lastError: at.lastError })
    }
  }

  return ConfigStore.of({
    current: () => at.inForce,
    changes: at.changes,
    start,
    snapshot: () => snapshotOf(at.inForce, historyOf(cluster.state().entries, cluster.state().view.config)),
    status,
    apply,
    confirm: (by) => one.withPermits(1)(confirm(by)),
    documents: (revision) =>
      Effect.sync(() => {
        const files = revision === 0 ? at.inForce?.files : recordOf(revision)?.files
        return files === undefined ? undefined : yamlOf(files)
      }),
    reloadFile: (force) => Effect.tap(rereadFile(force, true), () => following),
    took: (config) => {
      taken = config
      at.notify()
    },
    followed: () => taken,
    introduce: (self) => {
      at.introduction = self
    }
  })
})
