// Waiting for something that only polling can see (a router's table, a kernel route): the check is asked again and again
// until it answers, and the failure says what was waited for, what was seen last, and what the evidence (daemon logs)
// says. Nothing in the lab sleeps for a fixed time and hopes.

const POLL_MS = 40

export interface UntilOptions {
  /** Asked once, when the deadline passes: what a person would look at next. */
  readonly evidence?: () => string | Promise<string>
}

/**
 * Polls `check` until it gives something that is neither undefined, false nor null, and returns that. What `check`
 * throws counts as "not yet" and is shown in the failure.
 */
export const until = async <A>(
  check: () => A | Promise<A>,
  what: string,
  deadlineMs: number,
  options: UntilOptions = {}
): Promise<Exclude<A, undefined | false | null>> => {
  const started = performance.now()
  let last = "nothing"
  for (;;) {
    try {
      const seen = await check()
      if (seen !== undefined && seen !== false && seen !== null) return seen as Exclude<A, undefined | false | null>
      last = String(seen)
    } catch (error) {
      last = error instanceof Error ? error.message : String(error)
    }
    if (performance.now() - started > deadlineMs) break
    await Bun.sleep(POLL_MS)
  }
  const evidence = options.evidence === undefined ? "" : `\n${await options.evidence()}`
  throw new Error(`waited ${deadlineMs} ms in vain for ${what}; last seen: ${last}${evidence}`)
}
