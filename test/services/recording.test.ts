// What a session shows to a recorder: every message that crossed the wire, with the connection it went over and the context that
// reads it, seen alike from both ends.
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Recorder } from "../../src/observe/Recorder.ts"
import type { TraceRecord } from "../../src/observe/trace.ts"
import { cease } from "../../src/services/endMode.ts"
import type { SessionObserver } from "../../src/services/SessionRunner.ts"
import { inWorld, nodeAddress, nodeSide, route, routerSide, vip } from "./harness.ts"

const recorded = () => {
  let us = 0
  const recorder = new Recorder(() => us++)
  const tap = recorder.session("s")
  let ended = 0
  const observer: SessionObserver = {
    onFrame: tap.frame,
    onEnd: () => {
      ended++
    }
  }
  const all = () => Array.fromAsync(recorder.records({ follow: false }, new AbortController().signal))
  return { observer, all, ended: () => ended }
}

const wire = ({ direction, type, text, hex }: TraceRecord, sent: string) => ({
  from: direction === sent,
  type,
  text,
  hex
})

test("both ends record the same octets of one connection, and that the session ended", () =>
  inWorld(11, ({ start }) =>
    Effect.gen(function* () {
      const [ours, theirs] = [recorded(), recorded()]
      yield* start({ ...routerSide, addPaths: true, passive: true }, theirs.observer)
      const node = yield* start({ ...nodeSide, addPaths: true }, ours.observer)
      node.session.announce([vip, route("2001:db8::8/128", "2001:db8:1::10", { pathId: 7 })])
      yield* TestClock.adjust("7 seconds")
      expect(ours.ended()).toBe(0)
      const stopping = yield* Effect.forkChild(node.session.stop(cease({ subcode: 2, message: "over" })), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 seconds")
      expect(stopping.pollUnsafe()).toBeDefined()
      expect(ours.ended()).toBe(1)
      const [here, there] = yield* Effect.promise(() => Promise.all([ours.all(), theirs.all()]))
      const order = (a: ReturnType<typeof wire>, b: ReturnType<typeof wire>) =>
        JSON.stringify(a).localeCompare(JSON.stringify(b))
      const seenHere = here.map((record) => wire(record, "sent")).sort(order)
      expect(seenHere).toEqual(there.map((record) => wire(record, "received")).sort(order))
      const texts = here.filter(({ type }) => type !== "KEEPALIVE").map(({ type, text }) => `${type} ${text}`)
      expect(texts.filter((text) => text.startsWith("OPEN AS 6500"))).toHaveLength(2)
      expect(texts).toContain("UPDATE announce 10.0.0.8/32 via 10.0.1.10; AS path 65001")
      expect(texts).toContain("UPDATE withdraw 10.0.0.8/32")
      expect(texts.at(-1)).toBe(
        'NOTIFICATION Cease: Administrative Shutdown (an operator shut the session down), "over"'
      )
      expect(new Set(here.map(({ localAddress, peerPort }) => `${localAddress} ${peerPort}`))).toEqual(
        new Set([`${nodeAddress} 179`])
      )
      expect(here.some(({ error }) => error !== undefined)).toBe(false)
    })
  ))
