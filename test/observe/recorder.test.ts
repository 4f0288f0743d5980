// The recorder's promises: the last messages of each session, bounded in number and octets, whole and decoded in the context of their
// connection; a slow reader is told what it missed and costs nobody anything.
import { describe, expect, test } from "bun:test"
import { encodeMessage } from "../../src/bgp/codec.ts"
import { type CodecContext, defaultContext } from "../../src/bgp/context.ts"
import type { Message } from "../../src/bgp/message/types.ts"
import type { Address, Prefix } from "../../src/net/ip.ts"
import { type Ends, Recorder, type RecorderLimits } from "../../src/observe/Recorder.ts"
import type { TraceRecord } from "../../src/observe/trace.ts"

const ends: Ends = {
  localAddress: "10.0.1.10" as Address,
  localPort: 40_000,
  peerAddress: "10.0.1.254" as Address,
  peerPort: 179
}

const addPath: CodecContext = { ...defaultContext, addPath: { ipv4: true, ipv6: false } }

const update = (n: number): Message => ({
  type: "UPDATE",
  announce: [{ prefix: `10.0.${n >>> 8}.${n & 255}/32` as Prefix, nextHop: ends.localAddress, pathId: n }],
  withdraw: [],
  attributes: { origin: "igp", asPath: [[65001]] }
})
const updateOctets = (n: number) => encodeMessage(update(n), addPath)
const keepalive = encodeMessage({ type: "KEEPALIVE" }, defaultContext)

const recording = (limits: Partial<RecorderLimits> = {}) => {
  let us = Date.UTC(2026, 0, 2, 3, 4, 5) * 1_000
  const clock = {
    advanceMs: (ms: number) => {
      us += ms * 1_000
    }
  }
  return { recorder: new Recorder(() => us++, limits), clock }
}

const kept = async (recorder: Recorder, session?: string): Promise<ReadonlyArray<TraceRecord>> => {
  const filter = { ...(session === undefined ? {} : { session }), follow: false }
  return Array.fromAsync(recorder.records(filter, new AbortController().signal))
}

describe("what is kept", () => {
  test("the last messages of each session, in the order in which they came, decoded as their connection agreed", async () => {
    const { recorder } = recording({ messages: 3 })
    const [one, two] = [recorder.session("one"), recorder.session("two")]
    for (let n = 1; n <= 5; n++) one.frame("sent", updateOctets(n), addPath, ends)
    two.frame("received", updateOctets(6), addPath, { ...ends, peerAddress: "2001:db8::fe" as Address })
    one.frame("sent", updateOctets(7), addPath, ends)
    const all = await kept(recorder)
    expect(all.map(({ sequence, session, direction }) => [sequence, session, direction])).toEqual([
      [4, "one", "sent"],
      [5, "one", "sent"],
      [6, "two", "received"],
      [7, "one", "sent"]
    ])
    expect(all[0]).toEqual({
      sequence: 4,
      at: "2026-01-02T03:04:05.000003Z",
      session: "one",
      direction: "sent",
      ...ends,
      type: "UPDATE",
      text: "announce 10.0.0.4/32 #4 via 10.0.1.10; AS path 65001",
      message: update(4),
      hex: updateOctets(4).toHex()
    })
  })

  test("picked by the session's name or the peer's address in any form", async () => {
    const { recorder } = recording()
    recorder.session("one").frame("sent", keepalive, defaultContext, ends)
    const six = { ...ends, peerAddress: "2001:db8::fe" as Address }
    recorder.session("two").frame("sent", keepalive, defaultContext, six)
    const names = async (session: string) => (await kept(recorder, session)).map((record) => record.session)
    expect(await names("one")).toEqual(["one"])
    expect(await names("10.0.1.254")).toEqual(["one"])
    expect(await names("2001:DB8:0::FE")).toEqual(["two"])
    expect(await names("three")).toEqual([])
  })

  test("keepalives push no other message out, and their octets are not kept", async () => {
    const { recorder } = recording({ messages: 2, keepalives: 3 })
    const tap = recorder.session("one")
    tap.frame("sent", updateOctets(1), addPath, ends)
    for (let i = 0; i < 10; i++) tap.frame("received", keepalive, defaultContext, ends)
    const all = await kept(recorder)
    expect(all.map(({ type, sequence }) => `${type} ${sequence}`)).toEqual([
      "UPDATE 1",
      "KEEPALIVE 9",
      "KEEPALIVE 10",
      "KEEPALIVE 11"
    ])
    expect(all[1]?.hex).toBeUndefined()
    expect(all[1]?.message).toEqual({ type: "KEEPALIVE" })
  })

  test("a message that cannot be read is kept with what is wrong with it", async () => {
    const { recorder } = recording()
    const broken = updateOctets(1).slice()
    broken[20] = 0xff
    recorder.session("one").frame("received", broken, addPath, ends)
    const [record] = await kept(recorder)
    expect(record?.error).toContain("Withdrawn Routes Length")
    expect(record?.text).toContain("malformed (session-reset)")
    expect(record?.hex).toBe(broken.toHex())
  })

  test("after its end for a while, and on under the same name when it starts again", async () => {
    const { recorder, clock } = recording({ endedMs: 60_000 })
    const first = recorder.session("one")
    first.frame("sent", updateOctets(1), addPath, ends)
    first.end()
    clock.advanceMs(59_000)
    const second = recorder.session("one")
    first.frame("sent", updateOctets(2), addPath, ends)
    second.frame("sent", updateOctets(3), addPath, ends)
    clock.advanceMs(61_000)
    expect((await kept(recorder)).map(({ sequence }) => sequence)).toEqual([1, 2])
    second.end()
    clock.advanceMs(61_000)
    expect(await kept(recorder)).toEqual([])
    expect(recorder.counts).toEqual({ messages: 0, bytes: 0, missed: 0 })
  })

  test("of the sessions that ended, the youngest", async () => {
    const { recorder, clock } = recording({ endedSessions: 2 })
    for (const name of ["a", "b", "c"]) {
      const tap = recorder.session(name)
      tap.frame("sent", updateOctets(1), addPath, ends)
      tap.end()
      clock.advanceMs(1)
    }
    expect((await kept(recorder)).map(({ session }) => session)).toEqual(["b", "c"])
  })
})

describe("memory", () => {
  test("is bounded for a session and for all, whatever a peer sends", () => {
    const { recorder } = recording({ sessionBytes: 100_000, totalBytes: 150_000 })
    const big = new Uint8Array(65_535).fill(0xff)
    big[18] = 2
    const taps = ["a", "b", "c"].map((name) => recorder.session(name))
    let most = 0
    for (let i = 0; i < 3_000; i++) {
      const tap = taps[i % 3]
      if (i % 7 === 0) tap?.frame("received", big, addPath, ends)
      else tap?.frame("received", updateOctets(i), addPath, ends)
      most = Math.max(most, recorder.counts.bytes)
    }
    expect(most).toBeLessThanOrEqual(150_000)
    expect(recorder.counts.bytes).toBeGreaterThan(50_000)
  })

  test("of a message in a larger buffer only its own octets are kept", async () => {
    const { recorder } = recording()
    const buffer = new Uint8Array(1 << 16)
    const octets = updateOctets(1)
    buffer.set(octets, 500)
    recorder.session("one").frame("received", buffer.subarray(500, 500 + octets.length), addPath, ends)
    buffer.fill(0)
    expect((await kept(recorder))[0]?.hex).toBe(octets.toHex())
  })
})

describe("who follows", () => {
  const following = (recorder: Recorder, session?: string) => {
    const stop = new AbortController()
    const filter = { ...(session === undefined ? {} : { session }), follow: true }
    return { records: recorder.records(filter, stop.signal), stop }
  }

  test("gets what is there and then each message, once and in order, until it lets go", async () => {
    const { recorder } = recording()
    const tap = recorder.session("one")
    tap.frame("sent", updateOctets(1), addPath, ends)
    const { records, stop } = following(recorder)
    const seen = [(await records.next()).value?.sequence]
    tap.frame("sent", updateOctets(2), addPath, ends)
    recorder.session("two").frame("sent", updateOctets(3), addPath, ends)
    seen.push((await records.next()).value?.sequence, (await records.next()).value?.sequence)
    const next = records.next()
    tap.frame("sent", updateOctets(4), addPath, ends)
    seen.push((await next).value?.sequence)
    expect(seen).toEqual([1, 2, 3, 4])
    const last = records.next()
    stop.abort()
    expect(await last).toEqual({ done: true, value: undefined })
  })

  test("and reads too slowly is told how many messages it missed", async () => {
    const { recorder } = recording({ waiting: 2 })
    const tap = recorder.session("one")
    const { records } = following(recorder, "one")
    const first = records.next()
    for (let n = 1; n <= 5; n++) tap.frame("sent", updateOctets(n), addPath, ends)
    const seen = [(await first).value, (await records.next()).value]
    expect(seen.map((record) => [record?.sequence, record?.missed])).toEqual([
      [4, 3],
      [5, undefined]
    ])
    expect(recorder.counts.missed).toBe(3)
  })
})
