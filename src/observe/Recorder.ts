// The last messages of every session, kept in memory as octets and decoded only when somebody looks (S24's trace). Bounded three times:
// messages for each session, octets for each session, octets of all. Keepalives are all alike and would push everything else out:
// they are counted apart and their octets are not kept. A session that has ended keeps its messages for a while, so that one can still
// see why. Invariants: recording never waits and never throws; a reader that is too slow loses messages, is told how many, and costs
// nobody else anything; TCP-MD5 keys are no part of a message and cannot be in here (I10).
import { decodeMessage } from "../bgp/codec.ts"
import type { CodecContext } from "../bgp/context.ts"
import { MessageType } from "../bgp/iana.ts"
import { type Address, parseAddress } from "../net/ip.ts"
import { messageText } from "./messageText.ts"
import type { TraceRecord } from "./trace.ts"

/** The two ends of the connection that a message went over. */
export interface Ends {
  readonly localAddress: Address
  readonly localPort: number
  readonly peerAddress: Address
  readonly peerPort: number
}

export interface RecorderLimits {
  /** Messages of a session that are kept, keepalives aside. */
  readonly messages: number
  readonly keepalives: number
  /** Octets of memory that a session's messages may take, and those of all sessions together. */
  readonly sessionBytes: number
  readonly totalBytes: number
  /** How long a session's messages outlive it, in milliseconds, and of how many such sessions. */
  readonly endedMs: number
  readonly endedSessions: number
  /** Messages that wait for a reader who follows. */
  readonly waiting: number
}

const defaultLimits: RecorderLimits = {
  messages: 1_000,
  keepalives: 100,
  sessionBytes: 1 << 20,
  totalBytes: 32 << 20,
  endedMs: 3_600_000,
  endedSessions: 100,
  waiting: 4_096
}

/** What an entry takes beside its octets, roughly. */
const entryBytes = 120

interface Entry extends Ends {
  readonly sequence: number
  /** Microseconds since 1970. */
  readonly atUs: number
  readonly session: string
  readonly direction: "sent" | "received"
  readonly context: CodecContext
  readonly type: number
  readonly octets?: Uint8Array
}

const costOf = ({ octets }: Entry): number => entryBytes + (octets?.length ?? 0)

/** First in, first out, in constant time. */
class Ring {
  bytes = 0
  private entries: Array<Entry> = []
  private first = 0

  get size(): number {
    return this.entries.length - this.first
  }

  push(entry: Entry): void {
    this.entries.push(entry)
    this.bytes += costOf(entry)
  }

  shift(): void {
    const gone = this.entries[this.first]
    if (gone === undefined) return
    this.bytes -= costOf(gone)
    this.first++
    if (this.first < 64 || this.first * 2 < this.entries.length) return
    this.entries = this.entries.slice(this.first)
    this.first = 0
  }

  list(): ReadonlyArray<Entry> {
    return this.entries.slice(this.first)
  }
}

interface Kept {
  readonly messages: Ring
  readonly keepalives: Ring
  /** Sessions of this name that are there: one, or two while a successor starts. */
  living: number
  /** Milliseconds since 1970. */
  endedMs: number
}

interface Follower {
  readonly selects: (entry: Entry) => boolean
  readonly waiting: Array<Entry>
  missed: number
  wake: () => void
}

/** Where a session's messages go. */
export interface Tap {
  readonly frame: (direction: Entry["direction"], frame: Uint8Array, context: CodecContext, ends: Ends) => void
  /** Nothing follows; its messages are kept for a while. */
  readonly end: () => void
}

/** What the recorder did with what it got. */
export interface RecorderCounts {
  /** Messages and octets that are kept now. */
  readonly messages: number
  readonly bytes: number
  /** Messages that readers were too slow for. */
  readonly missed: number
}

const typeNames = new Map<number, TraceRecord["type"]>([
  [MessageType.OPEN, "OPEN"],
  [MessageType.UPDATE, "UPDATE"],
  [MessageType.NOTIFICATION, "NOTIFICATION"],
  [MessageType.KEEPALIVE, "KEEPALIVE"],
  [MessageType["ROUTE-REFRESH"], "ROUTE-REFRESH"]
])

/** RFC 3339 with microseconds. */
const timeText = (atUs: number): string => {
  const us = String(Math.floor(atUs) % 1_000).padStart(3, "0")
  return `${new Date(Math.floor(atUs / 1_000)).toISOString().slice(0, -1)}${us}Z`
}

const recordOf = (entry: Entry, missed: number): TraceRecord => {
  const { sequence, session, direction, localAddress, localPort, peerAddress, peerPort, octets } = entry
  const decoded =
    octets === undefined ? { message: { type: "KEEPALIVE" as const } } : decodeMessage(octets, entry.context)
  return {
    sequence,
    at: timeText(entry.atUs),
    session,
    direction,
    localAddress,
    localPort,
    peerAddress,
    peerPort,
    type: typeNames.get(entry.type) ?? "unknown",
    text: messageText(decoded),
    ...(decoded.message === undefined ? {} : { message: decoded.message }),
    ...(decoded.error === undefined ? {} : { error: decoded.error.message }),
    ...(octets === undefined ? {} : { hex: octets.toHex() }),
    ...(missed === 0 ? {} : { missed })
  }
}

const bySequence = (a: Entry, b: Entry): number => a.sequence - b.sequence

export class Recorder {
  private readonly nowUs: () => number
  private readonly limits: RecorderLimits
  private readonly sessions = new Map<string, Kept>()
  private readonly followers = new Set<Follower>()
  private sequence = 0
  private bytes = 0
  private missed = 0

  /** `nowUs`: microseconds since 1970. */
  constructor(nowUs: () => number, limits: Partial<RecorderLimits> = {}) {
    this.nowUs = nowUs
    this.limits = { ...defaultLimits, ...limits }
  }

  /** The tap for a session that starts; under a name that was there before, its messages go on. */
  session(name: string): Tap {
    const before = this.sessions.get(name)
    const kept: Kept = before ?? { messages: new Ring(), keepalives: new Ring(), living: 0, endedMs: 0 }
    let over = false
    kept.living++
    this.sessions.set(name, kept)
    return {
      frame: (direction, frame, context, ends) => {
        if (!over) this.record(name, kept, direction, frame, context, ends)
      },
      end: () => {
        if (over) return
        over = true
        kept.living--
        kept.endedMs = this.nowUs() / 1_000
        this.forget()
      }
    }
  }

  get counts(): RecorderCounts {
    let messages = 0
    for (const kept of this.sessions.values()) messages += kept.messages.size + kept.keepalives.size
    return { messages, bytes: this.bytes, missed: this.missed }
  }

  /**
   * The messages that are kept, oldest first, and with `follow` those to come, until `signal` aborts. `session`: a session's name
   * or a peer's address.
   */
  async *records(
    { session, follow }: { readonly session?: string; readonly follow: boolean },
    signal: AbortSignal
  ): AsyncGenerator<TraceRecord> {
    this.forget()
    const wanted = session === undefined ? undefined : (parseAddress(session) ?? session)
    const selects = (entry: Entry): boolean =>
      wanted === undefined || entry.session === wanted || entry.peerAddress === wanted
    const follower: Follower = { selects, waiting: [], missed: 0, wake: () => undefined }
    const wake = (): void => follower.wake()
    if (follow) this.followers.add(follower)
    signal.addEventListener("abort", wake)
    try {
      const there = [...this.sessions.values()].flatMap(({ messages, keepalives }) =>
        [...messages.list(), ...keepalives.list()].filter(selects)
      )
      for (const entry of there.sort(bySequence)) {
        if (signal.aborted) return
        yield recordOf(entry, 0)
      }
      while (follow && !signal.aborted) {
        const next = follower.waiting.shift()
        if (next !== undefined) {
          const { missed } = follower
          follower.missed = 0
          yield recordOf(next, missed)
        } else {
          await new Promise<void>((resolve) => {
            follower.wake = resolve
          })
        }
      }
    } finally {
      this.followers.delete(follower)
      signal.removeEventListener("abort", wake)
    }
  }

  private record(
    session: string,
    kept: Kept,
    direction: Entry["direction"],
    frame: Uint8Array,
    context: CodecContext,
    { localAddress, localPort, peerAddress, peerPort }: Ends
  ): void {
    const type = frame[18] ?? 0
    const keepalive = type === MessageType.KEEPALIVE
    const entry: Entry = {
      sequence: ++this.sequence,
      atUs: this.nowUs(),
      session,
      direction,
      localAddress,
      localPort,
      peerAddress,
      peerPort,
      context,
      type,
      // A part of a larger buffer would keep all of it; what sessions share stays shared.
      ...(keepalive ? {} : { octets: frame.length === frame.buffer.byteLength ? frame : frame.slice() })
    }
    const { messages, keepalives } = this.limits
    const [ring, most] = keepalive ? [kept.keepalives, keepalives] : [kept.messages, messages]
    this.bytes += costOf(entry)
    ring.push(entry)
    while (ring.size > most || ring.bytes > this.limits.sessionBytes) this.shift(ring)
    if (this.bytes > this.limits.totalBytes) this.relieve()
    for (const follower of this.followers) this.offer(follower, entry)
  }

  private offer(follower: Follower, entry: Entry): void {
    if (!follower.selects(entry)) return
    follower.waiting.push(entry)
    if (follower.waiting.length > this.limits.waiting) {
      follower.waiting.shift()
      follower.missed++
      this.missed++
    }
    follower.wake()
  }

  private shift(ring: Ring): void {
    const before = ring.bytes
    ring.shift()
    this.bytes -= before - ring.bytes
  }

  /** Too much altogether: the session with the most gives a quarter of it, so that this is seldom looked for. */
  private relieve(): void {
    let largest: Ring | undefined
    for (const { messages } of this.sessions.values())
      if (largest === undefined || messages.bytes > largest.bytes) largest = messages
    if (largest === undefined) return
    for (const until = largest.bytes * 0.75; largest.bytes > until && largest.size > 0; ) this.shift(largest)
  }

  /** Sessions that ended too long ago, and the oldest of too many. */
  private forget(): void {
    const ended = [...this.sessions].filter(([, { living }]) => living <= 0).sort((a, b) => b[1].endedMs - a[1].endedMs)
    const since = this.nowUs() / 1_000 - this.limits.endedMs
    for (const [index, [name, kept]] of ended.entries())
      if (index >= this.limits.endedSessions || kept.endedMs < since) this.drop(name, kept)
  }

  private drop(name: string, kept: Kept): void {
    this.bytes -= kept.messages.bytes + kept.keepalives.bytes
    this.sessions.delete(name)
  }
}
