// AS_PATH and its shadow AS4_PATH: RFC 4271 4.3 b and 5.1.2, RFC 5065 (confederation segments), RFC 6793 section 4.2 (AS
// numbers past a peer that knows two octets), RFC 7606 7.2 (what is malformed), RFC 7607 (AS 0). Invariant: a path that
// was written for a two-octet peer and read back together with its AS4_PATH is the same path.
import { type Reader, Writer } from "../../net/bytes.ts"
import { AS_TRANS } from "../iana.ts"
import type { AsPathSegment } from "./types.ts"

export type AsPath = ReadonlyArray<AsPathSegment>

const SET = 1
const SEQUENCE = 2
const CONFED_SEQUENCE = 3
const CONFED_SET = 4
/** A segment's count is one octet. */
const MAX_SEGMENT = 255

const segmentOf = (type: number, asns: ReadonlyArray<number>): AsPathSegment => {
  if (type === SEQUENCE) return asns
  if (type === SET) return { set: asns }
  return type === CONFED_SEQUENCE ? { confedSequence: asns } : { confedSet: asns }
}

/** Type and members of a segment as they stand on the wire. */
const partsOf = (segment: AsPathSegment): { readonly type: number; readonly asns: ReadonlyArray<number> } => {
  if ("set" in segment) return { type: SET, asns: segment.set }
  if ("confedSequence" in segment) return { type: CONFED_SEQUENCE, asns: segment.confedSequence }
  if ("confedSet" in segment) return { type: CONFED_SET, asns: segment.confedSet }
  return { type: SEQUENCE, asns: segment }
}

const isConfederation = (segment: AsPathSegment): boolean => "confedSequence" in segment || "confedSet" in segment

export const hasConfederation = (path: AsPath): boolean => path.some(isConfederation)

/** Reads segments to the end of `r`; a text says what is malformed (RFC 7606 7.2, RFC 7607). */
export const readAsPath = (r: Reader, as4: boolean): AsPath | string => {
  const path: AsPathSegment[] = []
  while (r.left > 0) {
    if (r.left < 2) return "one octet is left over behind the last segment"
    const type = r.u8()
    const count = r.u8()
    if (type < SET || type > CONFED_SET) return `segment type ${type} is unknown`
    if (count === 0) return "a segment has no AS number"
    if (r.left < count * (as4 ? 4 : 2)) {
      return `a segment says ${count} AS numbers of ${as4 ? 4 : 2} octets, ${r.left} octets are left`
    }
    const asns: number[] = []
    for (let i = 0; i < count; i++) asns.push(as4 ? r.u32() : r.u16())
    if (asns.includes(0)) return "AS 0 is in the path"
    path.push(segmentOf(type, asns))
  }
  return path
}

/** The value of AS_PATH or AS4_PATH. Segments of more than 255 members are split; empty ones have no octets. */
export const writeAsPath = (path: AsPath, as4: boolean): Uint8Array => {
  const w = new Writer(64)
  for (const segment of path) {
    const { type, asns } = partsOf(segment)
    for (let at = 0; at < asns.length; at += MAX_SEGMENT) {
      const some = asns.slice(at, at + MAX_SEGMENT)
      w.u8(type).u8(some.length)
      for (const asn of some) {
        if (as4) w.u32(asn)
        else w.u16(asn > 0xffff ? AS_TRANS : asn)
      }
    }
  }
  return w.done()
}

/** Whether an AS number needs four octets, so that a two-octet peer must get an AS4_PATH (RFC 6793 4.2.2). */
export const needsAs4Path = (path: AsPath): boolean => path.some((s) => partsOf(s).asns.some((asn) => asn > 0xffff))

/** Confederation segments may not stand in an AS4_PATH (RFC 6793 section 3). */
export const withoutConfederation = (path: AsPath): AsPath => path.filter((segment) => !isConfederation(segment))

/** Length as route selection counts it: a set is one, confederation segments are none (RFC 4271 9.1.2.2, RFC 5065). */
const pathLength = (path: AsPath): number => {
  const lengths = path.map((s) => (isConfederation(s) ? 0 : "set" in s ? 1 : partsOf(s).asns.length))
  return lengths.reduce((sum, n) => sum + n, 0)
}

/** The leading segments of `path` that count for `length`, with the confederation segments beside them. */
const leading = (path: AsPath, length: number): AsPathSegment[] => {
  const head: AsPathSegment[] = []
  let missing = length
  for (const segment of path) {
    if (isConfederation(segment)) head.push(segment)
    else if (missing === 0) break
    else if ("set" in segment) {
      head.push(segment)
      missing -= 1
    } else {
      const some = partsOf(segment).asns.slice(0, missing)
      head.push(some)
      missing -= some.length
      if (missing === 0 && some.length < partsOf(segment).asns.length) break
    }
  }
  return head
}

/**
 * The path that a two-octet peer's AS_PATH and AS4_PATH amount to (RFC 6793 4.2.3): AS4_PATH, led by as much of AS_PATH
 * as it is longer. A longer AS4_PATH is ignored. Two sequences that meet become one.
 */
export const mergeAs4Path = (path: AsPath, as4Path: AsPath): AsPath => {
  const missing = pathLength(path) - pathLength(as4Path)
  if (missing < 0) return path
  const head = leading(path, missing)
  const last = head.at(-1)
  const [first, ...rest] = as4Path
  if (last === undefined || first === undefined) return [...head, ...as4Path]
  const [before, after] = [partsOf(last), partsOf(first)]
  const joined = before.asns.length + after.asns.length
  if (before.type !== SEQUENCE || after.type !== SEQUENCE || joined > MAX_SEGMENT) return [...head, ...as4Path]
  return [...head.slice(0, -1), [...before.asns, ...after.asns], ...rest]
}
