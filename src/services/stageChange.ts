// A change of the config carried out peer by peer (S20): one config of config/stages.ts after the other is applied, and the next only
// when the sessions of this one are Established on every node. The first step that fails is taken back, so that the last good
// config is in force, and the steps end there: what the new peers would have replaced is still up.
import { Clock, Effect, Queue, Stream } from "effect"
import type { ApplyRequest } from "../config/change.ts"
import { type ConfigFile, loadCluster } from "../config/load.ts"
import type { ApplyOutcome, StageProgress } from "../config/outcome.ts"
import { formatProblem } from "../config/problem.ts"
import { type Stage, stagesOf } from "../config/stages.ts"
import { type SessionEnds, sessionsOf, worldOf } from "../plan/changeWorld.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import { allNodes } from "../plan/findSelf.ts"
import type { ClusterView } from "../plan/view.ts"
import type { NodeStatus } from "../resources/nodeStatus.ts"

export type StageRequest = Omit<ApplyRequest, "change"> & { readonly files: ReadonlyArray<ConfigFile> }

/** What the steps need of a node. */
export interface Staging {
  /** The documents in force. */
  readonly inForce: Effect.Effect<{ readonly revision: number; readonly files: ReadonlyArray<ConfigFile> }>
  readonly apply: (request: ApplyRequest) => Effect.Effect<ApplyOutcome>
  /** Absent: there is no word of a store. */
  readonly view: Effect.Effect<ClusterView | undefined>
  readonly status: Effect.Effect<
    Pick<NodeStatus, "node" | "address" | "config" | "sessions" | "elsewhere" | "members" | "store">
  >
}

const STEP_SECONDS = 60
const POLL = "250 millis"
/** Other nodes tell of their sessions half a second after a change, and of the config at once. */
const REPORTED_MS = 1_500

type Status = Effect.Success<Staging["status"]>
type Session = Pick<NodeStatus["sessions"][number], "localAddress" | "peerAddress" | "peerPort" | "state" | "reason">

const keyOf = (ends: Pick<Session, "localAddress" | "peerAddress" | "peerPort">): string =>
  `${ends.localAddress} ${ends.peerAddress} ${ends.peerPort}`

const sessionsIn = ({ sessions, elsewhere }: Status): ReadonlyMap<string, Session> =>
  new Map([...elsewhere.flatMap((node) => node.sessions), ...sessions].map((session) => [keyOf(session), session]))

/**
 * What can be said of the sessions of others: nothing by a node that keeps its state to itself. Where nothing in the config needs that
 * store either, it is not even in it itself.
 */
const knownHere = (cluster: DesiredCluster | undefined, { store, address }: Status) => {
  if (store?.kind !== "embedded") return { view: (view: ClusterView | undefined) => view, is: () => true }
  const others = new Set<string>(cluster === undefined ? [] : allNodes(cluster).map((node) => node.address))
  others.delete(address ?? "")
  return {
    view: (view: ClusterView | undefined) => (view?.members.length === 0 ? undefined : view),
    is: ({ localAddress }: SessionEnds) => !others.has(localAddress)
  }
}

/** The sessions of every node under this config, as it would be with what the store says; worked out when that has changed. */
const makeExpected = (cluster: DesiredCluster | undefined) => {
  let last: { readonly of: ReadonlyArray<unknown>; readonly is: ReadonlyArray<SessionEnds> } | undefined
  const none = new Set<never>()
  return (view: ClusterView | undefined, nowMs: number): ReadonlyArray<SessionEnds> => {
    if (cluster === undefined) return []
    const of = [view?.members, view?.claims, view?.bindings, view?.drained]
    if (last === undefined || of.some((part, at) => part !== last?.of[at])) {
      const known = { view, self: undefined, supposed: none, leaving: none, nowMs }
      const world = worldOf(cluster, { ...known, force: false, inForce: true })
      last = { of, is: sessionsOf(world) }
    }
    return last.is
  }
}

const SHOWN = 3

const listed = (texts: ReadonlyArray<string>): string =>
  `${texts.slice(0, SHOWN).join("; ")}${texts.length > SHOWN ? `; and ${texts.length - SHOWN} more` : ""}`

/**
 * What to say of what is missing, or nothing where all of it has been said in this step: a session that flaps comes back to the same few
 * states for as long as it does.
 */
const makeWaiting = () => {
  const [said, lines] = [new Set<string>(), new Set<string>()]
  let fewest = Number.POSITIVE_INFINITY
  return (missing: ReadonlyArray<string>): string | undefined => {
    const news = missing.length < fewest || missing.some((one) => !said.has(one))
    fewest = Math.min(fewest, missing.length)
    for (const one of missing) said.add(one)
    const line = listed(missing)
    // What is new may be among those that are only counted.
    if (!news || lines.has(line)) return undefined
    lines.add(line)
    return line
  }
}

/** What is still missing, or nothing. */
const missingIn = (
  status: Status,
  expected: ReadonlyArray<SessionEnds>,
  hash: string | undefined
): ReadonlyArray<string> => {
  const behind = status.members.filter(
    ({ leaving, name, configHash }) => !leaving && name !== status.node && hash !== undefined && configHash !== hash
  )
  const known = sessionsIn(status)
  return [
    ...behind.map(({ name }) => `node ${name} does not run this config yet`),
    ...expected.flatMap((ends) => {
      const session = known.get(keyOf(ends))
      if (session?.state === "Established") return []
      const how = session === undefined ? "is not there yet" : `is ${session.state}`
      const why = session?.reason === undefined ? "" : `: ${session.reason}`
      return [`the session from ${ends.localAddress} on node ${ends.node} to ${ends.peerAddress} ${how}${why}`]
    })
  ]
}

/** Why a change was not made, in one text; undefined: it was, or would be. */
const refusalOf = (outcome: ApplyOutcome): string | undefined => {
  switch (outcome.outcome) {
    case "applied":
    case "planned":
    case "unchanged":
      return undefined
    case "invalid":
      return outcome.problems.map(formatProblem).join("\n")
    case "guarded":
      return `${outcome.guards.map(({ reason }) => reason).join("; ")}; with force it is done all the same`
    default:
      return outcome.reason
  }
}

const makeSteps = (staging: Staging, request: StageRequest, tell: (progress: StageProgress) => void) => {
  const { files: _, stepSeconds = STEP_SECONDS, ...rest } = request
  const applied = (files: ReadonlyArray<ConfigFile>, message: string) =>
    staging.apply({ ...rest, change: { type: "files", files }, message })

  /** Waits for the sessions of `stage`; the result is what is missing when the time is up. */
  const settle = Effect.fnUntraced(function* (
    { files, added }: Stage,
    before: ReadonlyMap<string, Session>,
    waiting: (detail: string) => void
  ) {
    const { cluster } = loadCluster(files)
    const expectedWith = makeExpected(cluster)
    const { now } = yield* Clock.clockWith((clock) =>
      Effect.succeed({ now: () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n) })
    )
    const started = now()
    const status = yield* staging.status
    const here = knownHere(cluster, status)
    if (status.members.length > 1) yield* Effect.sleep(REPORTED_MS)
    for (const wait = makeWaiting(); ; yield* Effect.sleep(POLL)) {
      const all = expectedWith(here.view(yield* staging.view), yield* Clock.currentTimeMillis).filter(here.is)
      const expected = all.filter((ends) =>
        added !== undefined && ends.peerAddress === added.address && ends.peerPort === added.port
          ? true
          : before.get(keyOf(ends))?.state === "Established"
      )
      if (added !== undefined && !expected.some(({ peerAddress }) => peerAddress === added.address))
        return [`no node opens a session to ${added.address}: nothing selects it, or no address can start one`]
      const missing = missingIn(yield* staging.status, expected, status.config.hash)
      if (missing.length === 0) return missing
      if (now() - started >= stepSeconds * 1_000) return missing
      const detail = wait(missing)
      if (detail !== undefined) waiting(detail)
    }
  })

  /** The last good config is in force again; the result says how to go on. */
  const takeBack = Effect.fnUntraced(function* (revision: number, first: number, what: string) {
    const to = { type: "rollback" as const, to: revision }
    const back = yield* staging.apply({ by: rest.by, change: to, force: true, message: `${what} failed: taken back` })
    const refused = refusalOf(back)
    const state =
      refused === undefined
        ? `it was taken back: the config is that of revision ${revision} again`
        : `it could not be taken back (${refused}): the config of this step is in force`
    const undo = revision === first ? "" : `, or go back to where it began with "viaduct rollback ${first}"`
    return `${state}. Mend what is wrong and apply the same again${undo}`
  })

  return Effect.fnUntraced(function* (stage: Stage, step: number, steps: number, first: number) {
    const { what } = stage
    const say = (state: StageProgress["state"], detail: string) => tell({ step, steps, what, state, detail })
    const [status, { revision }] = [yield* staging.status, yield* staging.inForce]
    say("started", "")
    const words = rest.message === undefined ? "" : `${rest.message} `
    const outcome = yield* applied(stage.files, `${words}(step ${step} of ${steps}: ${what})`)
    const refused = refusalOf(outcome)
    if (refused !== undefined) {
      say("failed", `${refused}; the config of the step before is in force`)
      return false
    }
    const missing = yield* settle(stage, sessionsIn(status), (detail) => say("waiting", detail))
    if (missing.length > 0) {
      const after = `after ${stepSeconds} s ${listed(missing)}`
      say("failed", outcome.outcome === "applied" ? `${after}; ${yield* takeBack(revision, first, what)}` : after)
      return false
    }
    const summary = "change" in outcome ? outcome.change.summary : ""
    say("done", stage.added === undefined ? summary : `Established; ${summary}`)
    return true
  })
}

/** Ends after the last step, or after the one that fails. */
export const stageChange = (staging: Staging, request: StageRequest): Stream.Stream<StageProgress> =>
  Stream.callback<StageProgress>((queue) =>
    Effect.gen(function* () {
      const tell = (progress: StageProgress): void => {
        Queue.offerUnsafe(queue, progress)
      }
      const { files, stepSeconds: _, ...rest } = request
      const whole = (state: StageProgress["state"], detail: string) =>
        tell({ step: 0, steps: 0, what: "the whole change", state, detail })
      // What would stop a step in the middle stops it all before the first.
      const tried = yield* staging.apply({ ...rest, change: { type: "files", files }, dryRun: true })
      const guards = "change" in tried && rest.force !== true ? tried.change.guards : []
      // Where everything at once would be a pause, steps are there to avoid it; each is held against the guards by itself.
      const held = guards.flatMap(({ reason, pause }) => (pause === true ? [] : [reason]))
      const refused = refusalOf(tried) ?? (held.length === 0 ? undefined : `${held.join("; ")}; it needs force`)
      if (refused !== undefined) return whole("failed", `${refused}; nothing was changed`)
      const { revision, files: before } = yield* staging.inForce
      const stages = stagesOf(before, files)
      if (stages.length === 0) return whole("done", "it means the same as what is in force")
      if (rest.dryRun === true) {
        for (const [at, { what }] of stages.entries())
          tell({ step: at + 1, steps: stages.length, what, state: "done", detail: "would be done" })
        return
      }
      const run = makeSteps(staging, request, tell)
      for (const [at, stage] of stages.entries()) if (!(yield* run(stage, at + 1, stages.length, revision))) return
    }).pipe(Effect.andThen(Queue.end(queue)))
  )
