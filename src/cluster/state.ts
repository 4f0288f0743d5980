// What one node knows of the store: every entry as its watch tells it, whether the store is there, and the view that the planner
// gets. Who comes back to a store that was away sees the nodes that have not come back yet as gone, because their leases ended
// meanwhile or are about to; for one lease they still count as alive, so that the return of the store moves nothing that need
// not move (I11, D6b). Values in, values out; times are milliseconds of a monotonic clock.
import type { ClusterView } from "../plan/view.ts"
import { emptyView } from "../plan/view.ts"
import { viewOf } from "./layout.ts"

/** As a store's watch tells them. */
export interface StoredEntry {
  readonly key: string
  readonly value: string
  readonly modRevision: number
  readonly createRevision: number
  readonly lease?: string
}

export type StoredNews =
  | { readonly type: "snapshot"; readonly revision: number; readonly entries: ReadonlyArray<StoredEntry> }
  | {
      readonly type: "changes"
      readonly revision: number
      readonly changes: ReadonlyArray<
        { readonly type: "put"; readonly entry: StoredEntry } | { readonly type: "delete"; readonly key: string }
      >
    }
  | { readonly type: "lost"; readonly why: string }
  | { readonly type: "regained" }

export interface ClusterState {
  /** `never`: no word from the store since the start. */
  readonly store: "never" | "connected" | "lost"
  readonly since: number
  /** Why it is lost. */
  readonly why?: string
  readonly revision: number
  /** What the store has, as far as we know. */
  readonly entries: ReadonlyMap<string, StoredEntry>
  /** Gone from the store, and still counted as there until `graceUntil`. */
  readonly missed: ReadonlyMap<string, StoredEntry>
  readonly graceUntil: number
  readonly view: ClusterView
  /** Keys whose values this version cannot read. */
  readonly unreadable: ReadonlyArray<string>
}

export const noState = (now: number): ClusterState => ({
  store: "never",
  since: now,
  revision: 0,
  entries: new Map(),
  missed: new Map(),
  graceUntil: 0,
  view: emptyView,
  unreadable: []
})

/** Only what stands under a lease can be gone by mistake. */
const graced = (entry: StoredEntry | undefined): entry is StoredEntry => entry?.lease !== undefined

/** `now` itself where it says something else than `before`: what stays the same stays the same value, and is not worked on again. */
const same = <T>(before: ReadonlyArray<T>, now: ReadonlyArray<T>): ReadonlyArray<T> =>
  before.length === now.length && before.every((item, i) => item === now[i]) ? before : now

const withView = (state: Omit<ClusterState, "unreadable">): ClusterState => {
  const seen = state.missed.size === 0 ? state.entries : new Map([...state.missed, ...state.entries])
  const { view, unreadable } = viewOf(seen.values())
  const { view: before } = state
  return {
    ...state,
    unreadable,
    view: {
      ...view,
      members: same(before.members, view.members),
      claims: same(before.claims, view.claims),
      bindings: same(before.bindings, view.bindings),
      resting: same(before.resting, view.resting),
      drained: same(before.drained, view.drained)
    }
  }
}

const connected = ({ why: _, ...state }: ClusterState, now: number, graceMs: number): ClusterState =>
  state.store === "connected"
    ? state
    : { ...state, store: "connected", since: now, graceUntil: state.store === "lost" ? now + graceMs : 0 }

const snapshot = (
  state: ClusterState,
  { revision, entries }: StoredNews & { type: "snapshot" },
  now: number
): ClusterState => {
  const next = new Map(entries.map((entry) => [entry.key, entry]))
  const missed =
    now < state.graceUntil
      ? [...state.entries, ...state.missed].filter(([key, entry]) => graced(entry) && !next.has(key))
      : []
  return withView({ ...state, revision, entries: next, missed: new Map(missed) })
}

const changes = (
  state: ClusterState,
  { revision, changes: all }: StoredNews & { type: "changes" },
  now: number
): ClusterState => {
  const entries = new Map(state.entries)
  const missed = new Map(state.missed)
  for (const change of all) {
    if (change.type === "put") {
      entries.set(change.entry.key, change.entry)
      missed.delete(change.entry.key)
    } else {
      const entry = entries.get(change.key)
      entries.delete(change.key)
      if (now < state.graceUntil && graced(entry)) missed.set(change.key, entry)
    }
  }
  return withView({ ...state, revision, entries, missed })
}

/** What is known after `news`. `graceMs` is how long a lease lasts. */
export const hearNews = (state: ClusterState, news: StoredNews, now: number, graceMs: number): ClusterState => {
  switch (news.type) {
    case "lost":
      return state.store === "never" || state.store === "lost"
        ? { ...state, why: news.why }
        : { ...state, store: "lost", since: now, why: news.why }
    case "regained":
      return connected(state, now, graceMs)
    case "snapshot":
      return snapshot(connected(state, now, graceMs), news, now)
    case "changes":
      return changes(connected(state, now, graceMs), news, now)
  }
}

/** When the time of those that were missed is up; infinite: nobody is missed. */
export const graceEnd = (state: ClusterState): number =>
  state.missed.size === 0 ? Number.POSITIVE_INFINITY : state.graceUntil

/** Lets go of those who did not come back in time. */
export const endGrace = (state: ClusterState, now: number): ClusterState =>
  now < graceEnd(state) || state.store !== "connected" ? state : withView({ ...state, missed: new Map() })
