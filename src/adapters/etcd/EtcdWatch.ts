// One watch that outlives its connections: a snapshot, then every revision once and in order, over members that stop, freeze
// or are replaced. After a break it goes on with the revision after the last one told; when etcd has forgotten that
// (compaction), with a new snapshot.
//
// A dead connection is silent, so the watch listens for signs of life: its own news, and the answers to a small read that
// it sends to the same member all the time. Nothing for `lostAfterMs` is a loss; a store that takes 2 s for an answer
// is not, since the reads do not wait for each other. The reads also say which revision the store is at: a watch that stays
// behind it may be stuck, or others write elsewhere in the same etcd; its connection is replaced, and nobody is told.
import type { StoreNews } from "../../ports/ClusterStore.ts"
import { lostAfterMs, reconnectMs } from "../store/patience.ts"
import type { EtcdClient } from "./EtcdClient.ts"
import { answeredFailure, EtcdFailure, thrownFailure } from "./failure.ts"
import {
  changesOf,
  entriesOf,
  paths,
  probeRequest,
  type RangeAnswer,
  rangeRequest,
  revisionOf,
  type StreamAnswer,
  type WatchAnswer,
  watchRequest
} from "./protocol.ts"

/** From one sign of life that is asked for to the next, in ms. */
const probeMs = 500
/** How long a watch may stay behind the store, in ms: twice as long each time that it was the writes of others, at most. */
const [behindMs, behindMaxMs] = [1_500, 12_000]

/** The lines of a stream, each as soon as it is whole. */
async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let begun: Array<string> = []
  for await (const chunk of stream) {
    const pieces = decoder.decode(chunk, { stream: true }).split("\n")
    for (const piece of pieces.slice(0, -1)) {
      const line = begun.length === 0 ? piece : begun.join("") + piece
      begun = []
      if (line.trim() !== "") yield line
    }
    begun.push(pieces.at(-1) ?? "")
  }
}

/** Resolves after `ms`, or with the signal. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener("abort", end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener("abort", end)
    if (signal.aborted) end()
  })

export class EtcdWatch {
  private readonly client: EtcdClient
  /** The cluster's prefix, and the watch's, which begins with it. */
  private readonly base: string
  private readonly prefix: string
  private readonly onNews: (news: StoreNews) => void
  /** The revision to go on with; undefined: a snapshot comes first. */
  private next: number | undefined
  private cluster: string | undefined
  private told: "nothing" | "lost" | "current" = "nothing"
  private heardMs = 0
  /** A revision of the store that the watch has not shown yet, and when it was first seen. */
  private ahead: { readonly revision: number; readonly sinceMs: number } | undefined
  /** How long that may last. */
  private patienceMs = behindMs

  constructor(client: EtcdClient, base: string, prefix: string, onNews: (news: StoreNews) => void) {
    this.client = client
    this.base = base
    this.prefix = base + prefix
    this.onNews = onNews
  }

  /** Ends when the signal does. */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.session(signal, () => {
          failures = 0
        })
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        this.tell({ type: "lost", why: error instanceof Error ? error.message : String(error) })
      }
      if (failures % this.client.count === 0) await pause(reconnectMs, signal)
    }
  }

  private tell(news: StoreNews): void {
    if (news.type === "lost" && this.told === "lost") return
    this.told = news.type === "lost" ? "lost" : "current"
    this.onNews(news)
  }

  /** One connection from its beginning to its end: an EtcdFailure, a compaction, or a watch that stays behind. */
  private async session(signal: AbortSignal, begun: () => void): Promise<void> {
    if (!(await this.continues(signal))) {
      const answer = await this.client.call<RangeAnswer>(paths.range, rangeRequest(this.prefix), true, signal)
      if (signal.aborted) return
      this.cluster = answer.header?.cluster_id
      this.next = revisionOf(answer) + 1
      this.tell({ type: "snapshot", revision: revisionOf(answer), entries: entriesOf(answer, this.base) })
    }
    // Who was told may have ended the watch.
    if (signal.aborted) return
    const endpoint = this.client.preferred
    const over = new AbortController()
    const end = () => over.abort()
    signal.addEventListener("abort", end)
    const silence = this.listenForLife(endpoint, over.signal)
    const following = this.follow(endpoint, over.signal, begun)
    try {
      await Promise.race([silence, following])
    } catch (error) {
      if (error instanceof EtcdFailure && error.reason === "unreachable") this.client.avoid(endpoint)
      throw error
    } finally {
      end()
      signal.removeEventListener("abort", end)
      await Promise.allSettled([silence, following])
    }
  }

  /** Whether etcd still knows what was told last: it is the same etcd, not compacted since, and not an older backup of it. */
  private async continues(signal: AbortSignal): Promise<boolean> {
    if (this.next === undefined) return false
    try {
      const probe = probeRequest(this.prefix, this.next - 1)
      const answer = await this.client.call<RangeAnswer>(paths.range, probe, true, signal)
      return answer.header?.cluster_id === this.cluster
    } catch (error) {
      if (error instanceof EtcdFailure && error.revisionGone) return false
      throw error
    }
  }

  /** Fails when there has been no sign of life for too long; resolves with the signal, or when the watch stays behind. */
  private async listenForLife(endpoint: string, signal: AbortSignal): Promise<void> {
    this.heardMs = performance.now()
    this.ahead = undefined
    while (!signal.aborted) {
      void this.probe(endpoint, signal)
      await pause(probeMs, signal)
      const now = performance.now()
      if (now - this.heardMs > lostAfterMs)
        throw new EtcdFailure("unreachable", `${endpoint}: nothing heard for ${lostAfterMs / 1000} s`)
      if (!this.staysBehind(now)) continue
      this.patienceMs = Math.min(this.patienceMs * 2, behindMaxMs)
      return
    }
  }

  private async probe(endpoint: string, signal: AbortSignal): Promise<void> {
    try {
      const answer = await this.client.callAt<RangeAnswer>(endpoint, paths.range, probeRequest(this.prefix), signal)
      this.heardMs = performance.now()
      const revision = revisionOf(answer)
      if (this.ahead === undefined && !this.shown(revision)) this.ahead = { revision, sinceMs: this.heardMs }
    } catch (error) {
      // Whoever refuses is alive. Any other failure is silence.
      if (error instanceof EtcdFailure && error.reason === "refused") this.heardMs = performance.now()
    }
  }

  private shown(revision: number): boolean {
    return this.next !== undefined && revision < this.next
  }

  private staysBehind(nowMs: number): boolean {
    if (this.ahead !== undefined && this.shown(this.ahead.revision)) this.ahead = undefined
    return this.ahead !== undefined && nowMs - this.ahead.sinceMs > this.patienceMs
  }

  private async follow(endpoint: string, signal: AbortSignal, begun: () => void): Promise<void> {
    const request = watchRequest(this.prefix, this.next ?? 0)
    const stream = await this.client.open(endpoint, paths.watch, request, signal)
    try {
      for await (const line of linesOf(stream)) {
        if (signal.aborted) return
        this.heardMs = performance.now()
        const { result, error } = JSON.parse(line) as StreamAnswer<WatchAnswer>
        if (error !== undefined) throw answeredFailure(error, endpoint, undefined, this.base)
        if (result === undefined) continue
        if (result.canceled === true) return this.canceled(result, endpoint)
        this.advance(result)
        if (result.created === true) begun()
      }
    } catch (error) {
      throw thrownFailure(error, endpoint)
    }
    throw new EtcdFailure("unreachable", `${endpoint}: it closed the connection`)
  }

  private canceled(result: WatchAnswer, endpoint: string): void {
    if (result.compact_revision !== undefined && result.compact_revision !== "0") {
      this.next = undefined
      return
    }
    throw new EtcdFailure(
      "unreachable",
      `${endpoint} ended the watch: ${result.cancel_reason ?? "it does not say why"}`
    )
  }

  private advance(result: WatchAnswer): void {
    if (result.created === true) {
      if (this.told === "lost") this.tell({ type: "regained" })
      return
    }
    for (const { revision, changes } of changesOf(result, this.base)) {
      if (this.shown(revision)) continue
      this.next = revision + 1
      this.patienceMs = behindMs
      this.tell({ type: "changes", revision, changes })
    }
  }
}
