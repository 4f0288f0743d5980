// The embedded store: the state of a cluster of one node in an SQLite file, in the data directory. The state lives in
// memory; the file has what must outlive the process and is read once, at the start.
//
// A commit is answered after SQLite has it in its write-ahead log: kill -9 loses nothing that was acknowledged. What lasts
// (no lease) is also forced to the disk (synchronous=FULL), so that a binding survives a power cut; what goes with its
// lease is not (NORMAL): it ends with this process anyway.
//
// A lease belongs to the process that it was granted to. One process has the file (locking_mode=EXCLUSIVE), so whoever
// opens it knows that the leases found in there are over: their keys go at once, and no wall clock is asked.
import { Database } from "bun:sqlite"
import { Effect, HashMap, Layer } from "effect"
import { ClusterStore, type StoreEntry, StoreError, type StoreNews } from "../../ports/ClusterStore.ts"
import { changesBelow, emptyKeyValue, entriesBelow, type KeyValue, type Step, snapshotOf } from "../store/keyValue.ts"
import { StoreEngine } from "../store/StoreEngine.ts"

/** Of the tables; a file with another one is not ours to change. */
const layoutVersion = 1

const layout = `
  CREATE TABLE IF NOT EXISTS entry (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, modRevision INTEGER NOT NULL, createRevision INTEGER NOT NULL, lease TEXT
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS revision (only INTEGER PRIMARY KEY CHECK (only = 1), value INTEGER NOT NULL);
`

const why = (error: unknown): string => {
  const code = error instanceof Error && "code" in error ? error.code : undefined
  if (code === "SQLITE_BUSY" || code === "SQLITE_LOCKED") return "another process has it open"
  if (code === "SQLITE_FULL") return "the disk is full"
  if (code === "SQLITE_CANTOPEN") return "it cannot be opened; the directory must exist and be writable"
  if (code === "SQLITE_NOTADB" || code === "SQLITE_CORRUPT")
    return "it is damaged; move it away, and allocations that were not noted in a document are made anew"
  return error instanceof Error ? error.message : String(error)
}

const refused = (path: string) => (error: unknown) =>
  new StoreError({ reason: "refused", message: `the embedded store ${path}: ${why(error)}` })

type Row = Omit<StoreEntry, "lease">

const openDatabase = (path: string): Database => {
  const database = new Database(path, { create: true, strict: true })
  try {
    database.run("PRAGMA locking_mode = EXCLUSIVE")
    database.run("PRAGMA journal_mode = WAL")
    const found = database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0
    if (found > layoutVersion)
      throw new Error(`it was written by a newer viaduct (layout ${found}, known is ${layoutVersion})`)
    database.transaction(() => {
      database.run(layout)
      database.run(`PRAGMA user_version = ${layoutVersion}`)
    })()
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** What the file has without the keys of leases: those ended with the process that held them. */
const load = (database: Database): KeyValue => {
  const revision = database.query<{ value: number }, []>("SELECT value FROM revision").get()?.value ?? 1
  const ended = database.run("DELETE FROM entry WHERE lease IS NOT NULL").changes
  if (ended > 0) database.run("UPDATE revision SET value = value + 1")
  const rows = database.query<Row, []>("SELECT key, value, modRevision, createRevision FROM entry").all()
  return {
    ...emptyKeyValue,
    revision: ended > 0 ? revision + 1 : revision,
    entries: HashMap.fromIterable(rows.map((row) => [row.key, row]))
  }
}

/** Writes one revision; what it throws has changed nothing. */
const writer = (database: Database): ((step: Step) => void) => {
  const put = database.query("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?)")
  const remove = database.query("DELETE FROM entry WHERE key = ?")
  const revision = database.query("INSERT OR REPLACE INTO revision VALUES (1, ?)")
  const write = database.transaction(({ next, changes }: Step) => {
    for (const change of changes) {
      if (change.type === "delete") remove.run(change.key)
      else {
        const { key, value, modRevision, createRevision, lease } = change.entry
        put.run(key, value, modRevision, createRevision, lease ?? null)
      }
    }
    revision.run(next.revision)
  })
  let synchronous = ""
  return (step) => {
    const lasts = step.changes.some((change) => change.type === "delete" || change.entry.lease === undefined)
    const wanted = lasts ? "FULL" : "NORMAL"
    if (synchronous !== wanted) database.run(`PRAGMA synchronous = ${wanted}`)
    synchronous = wanted
    write(step)
  }
}

const make = Effect.fnUntraced(function* (path: string) {
  const failed = refused(path)
  const database = yield* Effect.acquireRelease(
    Effect.try({ try: () => openDatabase(path), catch: failed }),
    (opened) => Effect.sync(() => opened.close())
  )
  const initial = yield* Effect.try({ try: database.transaction(() => load(database)), catch: failed })
  const write = writer(database)
  const engine = new StoreEngine(initial, (step) => {
    try {
      write(step)
    } catch (error) {
      throw failed(error)
    }
  })
  yield* Effect.forkScoped(engine.expiring())
  return ClusterStore.of({
    kind: "embedded",
    name: path,
    read: (prefix) =>
      Effect.sync(() => ({ revision: engine.state.revision, entries: entriesBelow(engine.state, prefix) })),
    commit: (transaction) => engine.commit(transaction),
    watch: (prefix, onNews: (news: StoreNews) => void) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => {
            onNews(snapshotOf(engine.state, prefix))
            return engine.subscribe((revision) => {
              const news = changesBelow(revision, prefix)
              if (news !== undefined) onNews(news)
            })
          }),
          (end) => Effect.sync(end)
        )
      ),
    grant: (seconds) => engine.grant(crypto.randomUUID(), seconds),
    keepAlive: (lease) => engine.keepAlive(lease),
    revoke: (lease) => engine.revoke(lease)
  })
})

/** The store in the file `path`, which is made where it is not there. */
export const sqliteStore = (path: string): Layer.Layer<ClusterStore, StoreError> =>
  Layer.effect(ClusterStore, make(path))
