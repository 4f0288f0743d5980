// The etcd adapter in a program of its own, for the test that compiles it: takes the settings as JSON, watches, keeps a
// lease and writes a counter under it every 100 ms, and prints every piece of news as a line. Ends with its stdin.
import { Effect } from "effect"
import { etcdStore } from "../../../src/adapters/etcd/EtcdStore.ts"
import type { EtcdSettings } from "../../../src/config/daemonSettings.ts"
import { ClusterStore } from "../../../src/ports/ClusterStore.ts"

const settings = JSON.parse(process.argv[2] ?? "{}") as EtcdSettings
const say = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`)

const program = Effect.gen(function* () {
  const store = yield* ClusterStore
  yield* store.watch("", (news) => {
    if (news.type === "changes") say({ type: news.type, revision: news.revision })
    else say(news.type === "snapshot" ? { type: news.type, revision: news.revision } : news)
  })
  const lease = yield* store.grant(3)
  const keep = Effect.ignore(store.keepAlive(lease))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.forkScoped(keep), Effect.sleep(500))))
  for (let count = 0; ; count++) {
    const put = { type: "put" as const, key: "counter", value: `${count}`, lease }
    yield* store.commit({ when: [], operations: [put] }).pipe(
      Effect.tap(({ revision }) => Effect.sync(() => say({ type: "written", revision }))),
      Effect.catch((error) => Effect.sync(() => say({ type: error.reason, message: error.message })))
    )
    if (count % 10 === 0) say({ type: "memory", bytes: process.memoryUsage.rss() })
    yield* Effect.sleep(100)
  }
})

process.stdin.on("end", () => process.exit(0)).resume()
await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(etcdStore(settings, "/viaduct/probe/"))))
