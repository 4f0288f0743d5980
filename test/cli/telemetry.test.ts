// The guard between the daemon and its collector: what may wait has a bound, whatever there is to tell.
import { expect, test } from "bun:test"
import { Effect, Logger } from "effect"
import { telemetry } from "../../src/cli/telemetry.ts"
import { Collector } from "../lab/otlp.ts"

const identity = { version: "0", hostname: "h", cluster: "c" }

const flood = (url: string, lines: number) =>
  Effect.gen(function* () {
    for (let n = 0; n < lines; n++) {
      yield* Effect.logInfo(`line ${n}`)
      if (n % 100 === 0) yield* Effect.sleep(1)
    }
  }).pipe(Effect.provide(telemetry(identity, url)), Effect.provide(Logger.layer([])), Effect.runPromise)

test("a collector that hangs holds up two requests, and the end of the daemon by no more than a moment", async () => {
  const collector = new Collector()
  collector.answer = () => new Promise<Response>(() => undefined)
  const from = performance.now()
  await flood(collector.url, 8_000)
  const tookMs = performance.now() - from
  await collector.stop()
  expect(collector.most).toBeGreaterThan(0)
  expect(collector.most).toBeLessThanOrEqual(2)
  expect(tookMs).toBeLessThan(5_000)
})

test("a collector that answers gets every line once, in batches", async () => {
  const collector = new Collector()
  await flood(collector.url, 2_000)
  await collector.stop()
  expect(collector.mistakes).toEqual([])
  expect(new Set(collector.logs.map(({ text }) => text)).size).toBe(2_000)
  expect(collector.logs).toHaveLength(2_000)
})
