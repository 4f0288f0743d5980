// A config that shall become the one in force: is it valid, does it mean anything new, what would it do, what holds it back, and if
// nothing does, into the store with it. One transaction has the pointer and the documents, on condition that the pointer is the
// one that the change was worked out from: of two changes at once one is made, and the other hears of it (I5).
import { Effect } from "effect"
import { configKey, configValue } from "../cluster/layout.ts"
import {
  outdated,
  revisionKey,
  revisionLengthMax,
  revisionValue,
  takenFileKey,
  takenFileValue
} from "../cluster/revisions.ts"
import { nextMetas, type ObjectMetas, sameDocuments } from "../config/documentsOf.ts"
import { refKey } from "../config/identity.ts"
import type { ConfigFile } from "../config/load.ts"
import type { ConfigObject, ConfigOrigin, ObjectRef } from "../config/objects.ts"
import type { ApplyOutcome, Done } from "../config/outcome.ts"
import type { ClusterChange } from "../plan/change.ts"
import { changeSteps } from "../plan/clusterChange.ts"
import { allNodes } from "../plan/findSelf.ts"
import type { ConfigRevision } from "../plan/view.ts"
import type { StoreOperation } from "../ports/ClusterStore.ts"
import type { Adopted, Standing } from "./configStanding.ts"
import { changedObjects, type Loaded, loadInSlices, objectsOf, revisionsIn } from "./inForce.ts"
import { inSlices } from "./slices.ts"

export interface Proposal {
  readonly files: ReadonlyArray<ConfigFile>
  /** The object that it is about. */
  readonly ref?: ObjectRef
  readonly origin: ConfigOrigin
  readonly by: string
  readonly message?: string
  readonly force: boolean
  /** Guards hold it back, unless it is forced. */
  readonly guarded: boolean
  readonly dryRun?: boolean
  readonly confirmWithinSeconds?: number
  /** The local file that it comes from, as it was read. */
  readonly taken?: ReadonlyArray<ConfigFile>
  /** A revision of its own, even where it means the same as what this node runs. */
  readonly anew?: true
  /** The state of `config/current` in the store that it was decided on, where this node has adopted none; 0: not there. */
  readonly onto?: number
}

/** `overtaken`: somebody else changed the config at the same moment. */
export type ProposalOutcome = ApplyOutcome | { readonly outcome: "overtaken"; readonly reason: string }

/** A store that did not answer may have done it all the same: so long the watch is waited for, in ms. */
const answerWaitMs = 4_000

const nothing: ClusterChange = { lines: [], guards: [], summary: "nothing moves" }

interface Made {
  readonly pointer: ConfigRevision
  readonly value: string
  readonly metas: ObjectMetas
}

export const makeProposals = (at: Standing) => {
  const { cluster, mode, wallClock: now } = at
  /** Revisions that this node made by force. */
  const forced = new Set<number>()
  /** The last one that it made, so that it need not be read again when it comes back from the store. */
  let last: { readonly value: string; readonly loaded: Loaded } | undefined

  const changeTo = (after: Loaded, force: boolean): Effect.Effect<ClusterChange> => {
    const before = at.inForce
    const { store, view } = cluster.state()
    // A node that keeps its state to itself knows nothing of the others.
    const alone = mode === "file" && allNodes(after.cluster).length > 1
    const self = at.introduction()
    return inSlices(
      changeSteps({
        before: before?.cluster,
        after: after.cluster,
        view: store === "never" || alone ? undefined : view,
        ...(self === undefined ? {} : { self }),
        objects: before === undefined ? [] : changedObjects(before.files, after.files),
        force,
        nowMs: now()
      })
    )
  }

  const make = (proposal: Proposal, loaded: Loaded, change: ClusterChange, node: string): Made => {
    const before = at.inForce
    const { view } = cluster.state()
    const revision = Math.max(view.config?.revision ?? 0, before?.info?.revision ?? 0) + 1
    const madeAt = new Date(now()).toISOString()
    const { by, origin, message, confirmWithinSeconds, files } = proposal
    const rollbackTo = view.config?.revision
    const info = {
      revision,
      hash: loaded.hash,
      at: madeAt,
      by,
      node,
      origin,
      ...(message === undefined ? {} : { message }),
      summary: before === undefined ? "the first config" : change.summary
    }
    const metas = nextMetas(at.adopted?.record ?? before, files, revision, madeAt)
    const until = confirmWithinSeconds === undefined ? undefined : new Date(now() + confirmWithinSeconds * 1_000)
    const unconfirmed =
      until === undefined || rollbackTo === undefined ? {} : { unconfirmed: { until: until.toISOString(), rollbackTo } }
    return { pointer: { ...info, ...unconfirmed }, value: revisionValue({ info, files, metas }), metas }
  }

  const objectIn = (
    loaded: Loaded,
    metas: ObjectMetas,
    ref: ObjectRef | undefined
  ): { readonly object?: ConfigObject } => {
    if (ref === undefined) return {}
    const objects = objectsOf({ ...loaded, metas, serial: 0, force: false, atMs: now() })
    const object = objects.find(
      ({ kind, metadata: { namespace, name } }) => refKey({ ...ref, kind, namespace, name }) === refKey(ref)
    )
    return object === undefined ? {} : { object }
  }

  /** True: it is in the store. False: it is not. A reason: who knows. */
  const commit = Effect.fnUntraced(function* (
    { pointer, value }: Made,
    proposal: Proposal,
    adopted: Adopted | undefined,
    modRevision: number
  ) {
    const { entries } = cluster.state()
    const old = outdated(
      [...revisionsIn(entries), { revision: pointer.revision, length: value.length }],
      new Set([pointer.unconfirmed?.rollbackTo ?? 0, adopted?.pointer.revision ?? 0])
    )
    const pointed = configValue(pointer)
    const operations: ReadonlyArray<StoreOperation> = [
      { type: "put", key: configKey, value: pointed },
      { type: "put", key: revisionKey(pointer.revision), value },
      ...(proposal.taken === undefined
        ? []
        : [{ type: "put" as const, key: takenFileKey, value: takenFileValue(proposal.taken) }]),
      ...old.slice(0, 90).map((revision) => ({ type: "delete" as const, key: revisionKey(revision) }))
    ]
    return yield* cluster.commit({ when: [{ key: configKey, modRevision }], operations }).pipe(
      Effect.map(({ done }): boolean | string => done),
      Effect.catch((error) => {
        if (error.reason !== "unreachable") return Effect.succeed(error.message)
        const there = () => cluster.state().entries.get(configKey)?.value === pointed
        return Effect.map(
          at.until(there, answerWaitMs),
          () => there() || `${error.message}; whether it was done will show in viaduct history`
        )
      })
    )
  })

  const sameAsBefore = Effect.fnUntraced(function* ({ taken }: Proposal) {
    if (taken === undefined) return
    const operations = [{ type: "put" as const, key: takenFileKey, value: takenFileValue(taken) }]
    yield* Effect.catch(cluster.commit({ when: [], operations }), (error) => Effect.logWarning(error.message))
  })

  /** Why the store shall not have it, whatever it does. */
  const impossible = Effect.fnUntraced(function* ({ cluster: desired }: Loaded) {
    const before = at.inForce
    if (mode === "store" && before !== undefined && before.cluster.name !== desired.name)
      return (
        `this is the config of cluster ${desired.name}, and the nodes here are of cluster ${before.cluster.name}: ` +
        "what they keep in the store goes by that name"
      )
    return mode === "store" ? undefined : yield* at.whyNotHere(desired)
  })

  const propose = Effect.fnUntraced(function* (proposal: Proposal, adopted: Adopted | undefined) {
    // As it is before anything is waited for: what somebody else puts there meanwhile is not to be written over.
    const modRevision =
      adopted?.modRevision ?? proposal.onto ?? cluster.state().entries.get(configKey)?.modRevision ?? 0
    const loaded = yield* loadInSlices(proposal.files)
    if ("problems" in loaded) return { outcome: "invalid", problems: loaded.problems } as const
    const reason = yield* impossible(loaded)
    if (reason !== undefined) return { outcome: "refused", reason } as const
    const { warnings } = loaded
    const before = at.inForce
    const same = before?.canonical === loaded.canonical && sameDocuments(before.files, loaded.files)
    if (before !== undefined && same && proposal.anew !== true) {
      if (proposal.dryRun !== true) yield* sameAsBefore(proposal)
      if (proposal.force && proposal.dryRun !== true) at.give(before, { ...before, force: true })
      const revision = before.info?.revision ?? 0
      return {
        outcome: "unchanged",
        revision,
        change: nothing,
        warnings,
        ...objectIn(loaded, before.metas, proposal.ref)
      } as const
    }
    const change = yield* changeTo(loaded, proposal.force)
    // What is made of thousands of documents next takes a while as well.
    yield* Effect.yieldNow
    const made = make(proposal, loaded, change, yield* at.nameIn(loaded.cluster))
    const object = objectIn(loaded, made.metas, proposal.ref)
    if (proposal.dryRun === true)
      return { outcome: "planned", revision: before?.info?.revision ?? 0, change, warnings, ...object } as const
    if (proposal.guarded && !proposal.force && change.guards.length > 0)
      return { outcome: "guarded", change, guards: change.guards } as const
    if (made.value.length > revisionLengthMax && at.store.kind !== "embedded")
      return {
        outcome: "refused",
        reason: `the config takes ${made.value.length} octets even compressed, and the store takes ${revisionLengthMax} for a revision`
      } as const
    const { revision, unconfirmed } = made.pointer
    if (proposal.force) forced.add(revision)
    last = { value: made.value, loaded }
    const done = yield* commit(made, proposal, adopted, modRevision)
    if (done !== true) forced.delete(revision)
    if (typeof done === "string") return { outcome: "refused", reason: done } as const
    if (!done)
      return { outcome: "overtaken", reason: "somebody else has changed the config at the same moment" } as const
    // From here on it comes the way that every node gets it.
    yield* at.until(() => (cluster.state().view.config?.revision ?? 0) >= revision, answerWaitMs)
    const until = unconfirmed === undefined ? {} : { confirmUntil: unconfirmed.until }
    return { outcome: "applied", revision, change, warnings, ...object, ...until } as const
  })

  const confirm = Effect.fnUntraced(function* ({ pointer, modRevision }: Adopted) {
    const { unconfirmed: _, ...confirmed } = pointer
    const operations = [{ type: "put" as const, key: configKey, value: configValue(confirmed) }]
    return yield* cluster.commit({ when: [{ key: configKey, modRevision }], operations }).pipe(
      Effect.map(
        ({ done }): Done => ({
          done,
          reason: done ? `revision ${pointer.revision} stays` : "the config has changed at the same moment: look again"
        })
      ),
      Effect.catch(({ message }) => Effect.succeed<Done>({ done: false, reason: message }))
    )
  })

  return {
    propose: (proposal: Proposal, adopted: Adopted | undefined): Effect.Effect<ProposalOutcome> =>
      propose(proposal, adopted),
    confirm,
    /** What the value of a revision in the store means, where this node has just written it. */
    known: (value: string): Loaded | undefined => (last?.value === value ? last.loaded : undefined),
    /** Whether this node made the revision by force. */
    forced: (revision: number): boolean => forced.has(revision)
  }
}

export type Proposals = ReturnType<typeof makeProposals>
