// What the services count and time: how requests to the store come out, how long an address takes, the spans of a session.
import { expect, test } from "bun:test"
import { Effect, Layer, Metric, Tracer } from "effect"
import { TestClock } from "effect/testing"
import type { Address } from "../../src/net/ip.ts"
import type { PlannedSession } from "../../src/plan/types.ts"
import { ClusterStore, StoreError } from "../../src/ports/ClusterStore.ts"
import { measuredStore } from "../../src/services/measuredStore.ts"
import { measures } from "../../src/services/measures.ts"
import { sessionSpans } from "../../src/services/sessionSpans.ts"
import { stretches } from "../../src/services/spans.ts"
import { makeTakeovers } from "../../src/services/takeovers.ts"
import { nodeSide } from "./harness.ts"

/** Runs with a clock and metrics of its own; every span that ended is written down. */
const alone = <A, E>(body: (spans: ReadonlyArray<string>) => Effect.Effect<A, E>): Promise<A> => {
  const spans: Array<string> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const end = span.end.bind(span)
      span.end = (at, exit) => {
        end(at, exit)
        const tookMs = (at - options.startTime) / 1_000_000n
        spans.push(`${options.name} ${tookMs} ms ${exit._tag} ${span.events.map(([name]) => name).join(" ")}`.trim())
      }
      return span
    }
  })
  return Effect.runPromise(
    body(spans).pipe(
      Effect.provideService(Tracer.Tracer, tracer),
      Effect.provideService(Metric.MetricRegistry, new Map()),
      Effect.provide(TestClock.layer(), { local: true })
    )
  )
}

test("requests to the store are timed by operation and outcome", () =>
  alone(() =>
    Effect.gen(function* () {
      const failed = new StoreError({ reason: "unreachable", message: "no answer" })
      const answers = [
        { done: true, revision: 2 },
        { done: false, revision: 2 },
        { done: true, revision: 3 }
      ]
      const fake = {
        kind: "memory",
        name: "fake",
        commit: () =>
          Effect.delay(
            Effect.sync(() => answers.shift() ?? { done: true, revision: 4 }),
            "20 millis"
          ),
        keepAlive: () => Effect.fail(failed),
        revoke: () => Effect.void
      } as unknown as ClusterStore["Service"]
      const use = Effect.gen(function* () {
        const store = yield* ClusterStore
        for (let i = 0; i < 3; i++) yield* store.commit({ when: [], operations: [] })
        yield* store.revoke("1" as never)
        return yield* Effect.result(store.keepAlive("1" as never))
      })
      const fiber = yield* Effect.forkChild(
        Effect.provide(use, Layer.provide(measuredStore, Layer.succeed(ClusterStore, fake)))
      )
      yield* TestClock.adjust("1 seconds")
      yield* TestClock.adjust("1 seconds")
      yield* TestClock.adjust("1 seconds")
      expect(fiber.pollUnsafe()?._tag).toBe("Success")
      const { timings } = yield* measures
      const counts = timings.map(({ name, labels, count }) => `${name} ${labels.operation} ${labels.outcome} ${count}`)
      expect(counts.sort()).toEqual([
        "viaduct_store_request_duration_seconds commit conflict 1",
        "viaduct_store_request_duration_seconds commit done 2",
        "viaduct_store_request_duration_seconds keepalive failed 1",
        "viaduct_store_request_duration_seconds revoke done 1"
      ])
    })
  ))

test("a takeover is a span from the claim to the address, and is measured where it succeeds", () =>
  alone((spans) =>
    Effect.gen(function* () {
      const moved = yield* makeTakeovers
      const [one, two] = ["10.0.3.100" as Address, "10.0.3.101" as Address]
      yield* moved(one, { phase: "claiming", reason: "asking the store" })
      yield* moved(two, { phase: "claiming", reason: "asking the store" })
      yield* TestClock.adjust("300 millis")
      yield* moved(one, { phase: "probing", reason: "claimed; probing" })
      yield* moved(two, { phase: "conflict", reason: "somebody answers" })
      yield* TestClock.adjust("400 millis")
      yield* moved(one, { phase: "held", reason: "nobody answers" })
      yield* moved(one, { phase: "releasing", reason: "not wanted" })
      expect(spans).toEqual(["takeover 300 ms Failure", "takeover 700 ms Success claimed; probing"])
      const { timings } = yield* measures
      expect(timings.map(({ name, count, sum }) => ({ name, count, sum }))).toEqual([
        { name: "viaduct_takeover_duration_seconds", count: 1, sum: 0.7 }
      ])
    })
  ))

test("a session is a span for each try and one for as long as it is up", () =>
  alone((spans) =>
    Effect.gen(function* () {
      const planned = { name: "10.0.1.254-n", purpose: "service", parameters: nodeSide } as unknown as PlannedSession
      const { moved, ended } = sessionSpans(planned, yield* stretches)
      const go = (from: string, to: string, direction: "outgoing" | "incoming" = "outgoing") =>
        moved({ from, to, reason: "why", direction } as Parameters<typeof moved>[0])
      go("Idle", "Connect")
      yield* TestClock.adjust("5 millis")
      go("Connect", "Idle")
      go("Idle", "Connect")
      go("Active", "OpenSent", "incoming")
      go("Connect", "OpenSent")
      yield* TestClock.adjust("7 millis")
      go("OpenSent", "Idle", "incoming")
      go("OpenConfirm", "Established")
      yield* TestClock.adjust("1 seconds")
      go("Established", "Established")
      go("Established", "Idle")
      go("Idle", "Connect")
      ended()
      expect(spans).toEqual([
        "session.establish 5 ms Failure",
        "session.establish 7 ms Failure",
        "session.establish 7 ms Success OpenSent",
        "session 1000 ms Failure",
        "session.establish 0 ms Failure"
      ])
    })
  ))
