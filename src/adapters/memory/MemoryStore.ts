// A cluster's store without a process, for tests and the simulation: one state that all nodes share, and for each node a
// view of it over a link that may be slow, cut or silent. Time is the runtime's Clock, so that under a test clock every run
// is the same. It behaves as etcd does for its clients: a lease runs by the store's clock and only while the store is up
// (a new leader gives every lease its whole time again); a request that gets no answer may have been carried out; a watch
// notices silence after a while, comes back by itself, and goes on where it was, unless history is gone.
import { Effect, Latch, Layer, type Scope } from "effect"
import { ClusterStore, StoreError, type StoreNews } from "../../ports/ClusterStore.ts"
import {
  changesBelow,
  changesSince,
  compact,
  emptyKeyValue,
  entriesBelow,
  type KeyValue,
  promote,
  snapshotOf
} from "../store/keyValue.ts"
import { lostAfterMs, reconnectMs, requestTimeoutMs } from "../store/patience.ts"
import { monotonicMs, StoreEngine } from "../store/StoreEngine.ts"

/** One node's way to the store. May be changed while it is used. */
export class StoreLink {
  private open = true
  private ms = 0
  private readonly passable = Latch.makeUnsafe(true)
  /** Called when anything about the link changes. */
  readonly onChange = new Set<(cut: boolean) => void>()

  get reachable(): boolean {
    return this.open
  }

  /** False: what is sent either way stays on its way, and is lost when its sender gives up. */
  set reachable(value: boolean) {
    this.open = value
    if (value) this.passable.openUnsafe()
    else this.passable.closeUnsafe()
    this.changed(false)
  }

  /** How long a message takes, each way. */
  get delayMs(): number {
    return this.ms
  }

  set delayMs(value: number) {
    this.ms = value
    this.changed(false)
  }

  /** Breaks the connection of the watches; they come back by themselves. */
  cut(): void {
    this.changed(true)
  }

  /** A message's way in one direction. */
  get passage(): Effect.Effect<void> {
    return Effect.suspend(() => (this.ms > 0 ? Effect.sleep(this.ms) : Effect.void)).pipe(
      Effect.andThen(this.passable.await),
      Effect.asVoid
    )
  }

  private changed(cut: boolean): void {
    for (const told of [...this.onChange]) told(cut)
  }
}

export interface MemoryStore {
  /** The store as `node` has it. */
  readonly layerFor: (node: string) => Layer.Layer<ClusterStore>
  readonly link: (node: string) => StoreLink
  /** Away: every connection breaks and new ones are refused. Back: every lease has its whole time again. */
  readonly setDown: (down: boolean) => Effect.Effect<void>
  /** Forgets what happened: a watch that comes back gets a snapshot. */
  readonly compact: Effect.Effect<void>
  /** What the store has, for checkers. */
  readonly peek: () => KeyValue
}

const unreachable = (message: string): StoreError => new StoreError({ reason: "unreachable", message })

type Phase =
  /** No connection, and no way to make one. */
  | { readonly type: "away" }
  | { readonly type: "joining"; readonly atMs: number }
  | { readonly type: "following" }
  /** Connected, but nothing passes. */
  | { readonly type: "silent"; readonly sinceMs: number }

interface Surroundings {
  readonly engine: StoreEngine
  readonly link: StoreLink
  readonly down: () => boolean
}

/** A watch as a machine: `step` does what is due and says when it wants to be asked again. */
class Watch {
  private phase: Phase = { type: "away" }
  /** On their way from the store to the node. */
  private readonly under: Array<{ readonly news: StoreNews; readonly sentMs: number }> = []
  /** The last revision that the watcher knows of; undefined: it has had no snapshot yet. */
  private known: number | undefined
  private toldLost = false
  private readonly around: Surroundings
  private readonly prefix: string
  private readonly onNews: (news: StoreNews) => void

  constructor(around: Surroundings, prefix: string, onNews: (news: StoreNews) => void) {
    this.around = around
    this.prefix = prefix
    this.onNews = onNews
  }

  /** A change in the store at this moment. */
  send(news: StoreNews, nowMs: number): void {
    if (this.phase.type === "following" || this.phase.type === "silent") this.under.push({ news, sentMs: nowMs })
  }

  lose(why: string): void {
    this.under.length = 0
    this.phase = { type: "away" }
    if (this.toldLost) return
    this.toldLost = true
    this.onNews({ type: "lost", why })
  }

  step(nowMs: number): number | undefined {
    const { link, down } = this.around
    const { phase } = this
    if (down() && phase.type !== "away") this.lose("the store refuses connections")
    if (phase.type === "silent") return this.silent(nowMs, phase.sinceMs)
    if (this.phase.type === "following") return this.following(nowMs)
    if (down() || !link.reachable) {
      this.lose(down() ? "the store refuses connections" : "the store does not answer")
      return undefined
    }
    if (phase.type !== "joining") {
      const atMs = nowMs + link.delayMs + (this.toldLost ? reconnectMs : 0)
      this.phase = { type: "joining", atMs }
      if (atMs > nowMs) return atMs
    } else if (phase.atMs > nowMs) return phase.atMs
    this.join(nowMs)
    return this.following(nowMs)
  }

  private join(nowMs: number): void {
    const { state } = this.around.engine
    const missed = this.known === undefined ? undefined : changesSince(state, this.known, this.prefix)
    this.phase = { type: "following" }
    const news = missed === undefined ? [snapshotOf(state, this.prefix)] : [{ type: "regained" as const }, ...missed]
    for (const one of news) this.send(one, nowMs)
  }

  private following(nowMs: number): number | undefined {
    const { link } = this.around
    if (!link.reachable) {
      this.phase = { type: "silent", sinceMs: nowMs }
      return nowMs + lostAfterMs
    }
    for (let next = this.under[0]; next !== undefined; next = this.under[0]) {
      const dueMs = next.sentMs + link.delayMs
      if (dueMs > nowMs) return dueMs
      this.under.shift()
      const { news } = next
      if (news.type === "snapshot" || news.type === "changes") this.known = news.revision
      this.toldLost = false
      this.onNews(news)
    }
    return undefined
  }

  private silent(nowMs: number, sinceMs: number): number | undefined {
    if (this.around.link.reachable) {
      this.phase = { type: "following" }
      return this.following(nowMs)
    }
    if (nowMs - sinceMs < lostAfterMs) return sinceMs + lostAfterMs
    this.lose(`nothing heard from the store for ${lostAfterMs / 1000} s`)
    return undefined
  }
}

/** Runs a watch until the scope ends: asks it when something changed and when it wanted to be asked. */
const watching = Effect.fnUntraced(function* (
  around: Surroundings,
  wakers: Set<() => void>,
  prefix: string,
  onNews: (news: StoreNews) => void
) {
  const { engine, link } = around
  const watch = new Watch(around, prefix, onNews)
  const changed = Latch.makeUnsafe(false)
  const wake = () => void changed.openUnsafe()
  const context = yield* Effect.context<never>()
  const now = () => Effect.runSyncWith(context)(monotonicMs)
  const onChange = (cut: boolean) => {
    if (cut) watch.lose("the connection broke")
    wake()
  }
  const unsubscribe = engine.subscribe((revision) => {
    const news = changesBelow(revision, prefix)
    if (news === undefined) return
    watch.send(news, now())
    wake()
  })
  link.onChange.add(onChange)
  wakers.add(wake)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      unsubscribe()
      link.onChange.delete(onChange)
      wakers.delete(wake)
    })
  )
  const round = Effect.gen(function* () {
    changed.closeUnsafe()
    const nowMs = yield* monotonicMs
    const again = watch.step(nowMs)
    if (again === undefined) yield* changed.await
    // What is left of a fraction of a microsecond would be no time at all, and this round the next one.
    else yield* Effect.timeoutOption(changed.await, Math.max(0.001, again - nowMs))
  })
  yield* Effect.forkScoped(Effect.forever(round))
})

export const makeMemoryStore: Effect.Effect<MemoryStore, never, Scope.Scope> = Effect.gen(function* () {
  const engine = new StoreEngine(emptyKeyValue)
  const links = new Map<string, StoreLink>()
  const wakers = new Set<() => void>()
  let isDown = false
  let leases = 0
  const down = () => isDown

  const link = (node: string): StoreLink => {
    const known = links.get(node) ?? new StoreLink()
    links.set(node, known)
    return known
  }

  const layerFor = (node: string) => {
    const own = link(node)
    const passage = own.passage.pipe(
      Effect.andThen(
        Effect.suspend(() => (isDown ? Effect.fail(unreachable("the store refuses connections")) : Effect.void))
      )
    )
    /** There, done, and back; what gets no answer in time may have been done. */
    const request = <A>(body: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
      passage.pipe(
        Effect.andThen(Effect.result(body)),
        Effect.tap(() => passage),
        Effect.flatMap((result) => Effect.fromResult(result)),
        Effect.timeoutOrElse({
          duration: requestTimeoutMs,
          orElse: () => Effect.fail(unreachable(`no answer from the store within ${requestTimeoutMs / 1000} s`))
        })
      )
    const read = (prefix: string) =>
      Effect.sync(() => ({ revision: engine.state.revision, entries: entriesBelow(engine.state, prefix) }))
    return Layer.succeed(ClusterStore, {
      kind: "memory",
      name: `memory, as ${node} sees it`,
      read: (prefix) => request(read(prefix)),
      commit: (transaction) => request(engine.commit(transaction)),
      watch: (prefix, onNews) => watching({ engine, link: own, down }, wakers, prefix, onNews),
      grant: (seconds) => request(Effect.suspend(() => engine.grant(`lease-${++leases}`, seconds))),
      keepAlive: (lease) => request(engine.keepAlive(lease)),
      revoke: (lease) => request(engine.revoke(lease))
    })
  }

  const setDown = Effect.fnUntraced(function* (value: boolean) {
    const now = yield* monotonicMs
    if (isDown && !value) engine.adjust((state) => promote(state, now))
    isDown = value
    for (const wake of [...wakers]) wake()
  })

  yield* Effect.forkScoped(engine.expiring(down))
  return {
    layerFor,
    link,
    setDown,
    compact: Effect.sync(() => engine.adjust(compact)),
    peek: () => engine.state
  }
})
