// The last log lines of this process, as they were written, for whoever asks for them over the API (S24: the speaker's log). Bounded in
// lines and characters. Invariants as for recorded messages: writing never waits, and a reader that is too slow misses lines and
// costs nobody anything.

interface Line {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly text: string
}

interface Follower {
  readonly waiting: Array<Line>
  wake: () => void
}

export interface LogQuery {
  /** Only so many of the last lines that are kept. */
  readonly tail?: number
  /** Only lines since then, in milliseconds since 1970. */
  readonly since?: number
  /** Goes on with the lines to come. */
  readonly follow: boolean
}

const linesMax = 2_000
const charactersMax = 1 << 20
const waitingMax = 2_000

export class LogRing {
  private readonly now: () => number
  private readonly lines: Array<Line> = []
  private characters = 0
  private readonly followers = new Set<Follower>()

  /** `now`: milliseconds since 1970. */
  constructor(now: () => number) {
    this.now = now
  }

  readonly push = (text: string): void => {
    const line = { at: this.now(), text }
    this.lines.push(line)
    this.characters += text.length
    while (this.lines.length > linesMax || this.characters > charactersMax)
      this.characters -= this.lines.shift()?.text.length ?? 0
    for (const follower of this.followers) {
      follower.waiting.push(line)
      if (follower.waiting.length > waitingMax) follower.waiting.shift()
      follower.wake()
    }
  }

  /** Lines with the time at which they were written, oldest first. */
  async *read({ tail, since = 0, follow }: LogQuery, signal: AbortSignal): AsyncGenerator<Line> {
    const follower: Follower = { waiting: [], wake: () => undefined }
    const wake = (): void => follower.wake()
    if (follow) this.followers.add(follower)
    signal.addEventListener("abort", wake)
    try {
      const kept = this.lines.filter(({ at }) => at >= since)
      for (const line of tail === undefined ? kept : kept.slice(Math.max(0, kept.length - tail))) {
        if (signal.aborted) return
        yield line
      }
      while (follow && !signal.aborted) {
        const next = follower.waiting.shift()
        if (next !== undefined) yield next
        else
          await new Promise<void>((resolve) => {
            follower.wake = resolve
          })
      }
    } finally {
      this.followers.delete(follower)
      signal.removeEventListener("abort", wake)
    }
  }
}
