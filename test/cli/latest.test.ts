// News that is taken at once: a follower of the status that is slow, or asleep, keeps nobody else from hearing, costs no queue, and is
// told everything in the end.
import { describe, expect, test } from "bun:test"
import { Deferred, Effect, Fiber, PubSub, Stream } from "effect"
import { latest, streamChanges } from "../../src/cli/latest.ts"
import { nodeStatus } from "../resources/fixtures.ts"

describe("news", () => {
  test("reaches everybody while one of them works on the first piece", () =>
    Effect.gen(function* () {
      const news = yield* PubSub.sliding<number>(1)
      const changes = Stream.fromPubSub(news).pipe(Stream.map(() => undefined))
      const heard: Array<number> = []
      const stuck = yield* Deferred.make<void>()
      const slow = yield* Effect.forkChild(
        Stream.runForEach(latest(changes), () => Deferred.await(stuck)),
        { startImmediately: true }
      )
      const other = yield* Effect.forkChild(
        Stream.runForEach(Stream.fromPubSub(news), (n) => Effect.sync(() => heard.push(n))),
        { startImmediately: true }
      )
      for (let n = 1; n <= 20; n++) {
        PubSub.publishUnsafe(news, n)
        yield* Effect.yieldNow
        yield* Effect.promise(() => Bun.sleep(0))
      }
      expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
      yield* Fiber.interrupt(slow)
      yield* Fiber.interrupt(other)
    }).pipe(Effect.scoped, Effect.runPromise))

  test("of a status comes first without any change, then once for all that came meanwhile; the signal ends it", async () => {
    const news = Effect.runSync(PubSub.sliding<void>(1))
    let looks = 0
    const status = Effect.sync(() => {
      looks++
      return nodeStatus([], { node: String(looks) })
    })
    const abort = new AbortController()
    const follower = streamChanges(Stream.fromPubSub(news), status)(abort.signal)[Symbol.asyncIterator]()
    expect((await follower.next()).value).toMatchObject({ node: "1" })
    // Nobody asks for the next one yet: a hundred changes are one, or two where the first was taken already.
    for (let n = 0; n < 100; n++) {
      PubSub.publishUnsafe(news, undefined)
      await Bun.sleep(0)
    }
    await follower.next()
    expect(looks).toBeLessThanOrEqual(3)
    const end = follower.next()
    abort.abort()
    for (let done = await end; done.done !== true; done = await follower.next());
  })
})
