// Properties of the codec over random messages, contexts and octets. A failing run prints its seed and the smallest
// counterexample; VIADUCT_SEED repeats it.
import { expect, test } from "bun:test"
import fc from "fast-check"
import { decodeMessage, encodeMessage } from "../../src/bgp/codec.ts"
import { Framer } from "../../src/bgp/framer.ts"
import { contexts, messages } from "./codecArbitraries.ts"

const seed = Number(process.env.VIADUCT_SEED ?? 20260)
const runs = (numRuns: number) => ({ numRuns, seed })

const contextAndMessage = contexts.chain((ctx) => fc.tuple(fc.constant(ctx), messages(ctx)))

test("decode(encode(m)) = m in every context", () => {
  fc.assert(
    fc.property(contextAndMessage, ([ctx, message]) => {
      expect(decodeMessage(encodeMessage(message, ctx), ctx)).toEqual({ message })
    }),
    runs(1500)
  )
})

test("encode(decode(x)) = x for octets that the encoder made", () => {
  fc.assert(
    fc.property(contextAndMessage, ([ctx, message]) => {
      const octets = encodeMessage(message, ctx)
      const decoded = decodeMessage(octets, ctx).message
      expect(decoded === undefined ? undefined : encodeMessage(decoded, ctx).toHex()).toBe(octets.toHex())
    }),
    runs(500)
  )
})

const header = (type: number, body: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(19 + body.length).fill(0xff, 0, 16)
  frame.set([frame.length >> 8, frame.length & 0xff, type], 16)
  frame.set(body, 19)
  return frame
}

/** Every answer has a message or an error, and an error points into the message. */
const answers = (octets: Uint8Array, ctx: Parameters<typeof decodeMessage>[1]): void => {
  const { message, error } = decodeMessage(octets, ctx)
  expect(message !== undefined || error !== undefined).toBe(true)
  if (error !== undefined) {
    expect(error.offset).toBeGreaterThanOrEqual(0)
    expect(error.offset).toBeLessThanOrEqual(octets.length)
    expect(error.message).not.toBe("")
  }
}

test("decoding any octets gives an answer and never throws", () => {
  fc.assert(
    fc.property(contexts, fc.uint8Array({ maxLength: 100 }), (ctx, octets) => answers(octets, ctx)),
    runs(500)
  )
})

test("decoding any body behind a good header gives an answer and never throws", () => {
  const bodies = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.uint8Array({ maxLength: 120 }))
  fc.assert(
    fc.property(contexts, bodies, (ctx, [type, body]) => answers(header(type, body), ctx)),
    runs(3000)
  )
})

test("decoding a valid message with some octets changed gives an answer and never throws", () => {
  const change = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(contextAndMessage, change, ([ctx, message], changes) => {
      const octets = encodeMessage(message, ctx)
      for (const [at, value] of changes) octets[19 + (at % Math.max(1, octets.length - 19))] = value
      answers(octets.subarray(0, (octets[16] ?? 0) * 256 + (octets[17] ?? 0)), ctx)
    }),
    runs(2000)
  )
})

test("nothing is announced by a message that costs treat-as-withdraw (RFC 7606 section 2)", () => {
  fc.assert(
    fc.property(contextAndMessage, fc.nat(), fc.integer({ min: 0, max: 255 }), ([ctx, message], at, value) => {
      const octets = encodeMessage(message, ctx)
      octets[19 + (at % Math.max(1, octets.length - 19))] = value
      const decoded = decodeMessage(octets, ctx)
      if (decoded.error?.outcome !== "treat-as-withdraw" || decoded.message?.type !== "UPDATE") return
      expect(decoded.message.announce).toEqual([])
    }),
    runs(1500)
  )
})

const drain = (framer: Framer): string[] => {
  const all: string[] = []
  for (;;) {
    const next = framer.next()
    if (next === undefined) return all
    if (!(next instanceof Uint8Array)) return [...all, JSON.stringify(next)]
    all.push(next.toHex())
  }
}

test("the framer fed in any pieces gives what it gives fed whole", () => {
  const stream = fc.tuple(
    fc.array(contextAndMessage, { maxLength: 6 }),
    fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ maxLength: 40 }))
  )
  fc.assert(
    fc.property(stream, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), ([all, tail], sizes) => {
      const parts = all.map(([ctx, message]) => encodeMessage(message, ctx))
      const octets = new Uint8Array(Buffer.concat([...parts, tail]))
      const whole = new Framer(65535)
      whole.push(octets)
      const pieces = new Framer(65535)
      const found: string[] = []
      for (let at = 0, i = 0; at < octets.length; i++) {
        const size = sizes[i % sizes.length] ?? 1
        pieces.push(octets.subarray(at, at + size))
        const now = drain(pieces)
        // An error is given again at every call.
        found.push(...now.filter((one) => !found.includes(one) || !one.startsWith("{")))
        at += size
      }
      expect(found).toEqual(drain(whole))
    }),
    runs(300)
  )
})
