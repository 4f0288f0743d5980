// A daemon that hangs (stopped, or stuck) takes connections all the same: the kernel does. So whoever has waited for a while asks on a
// connection of its own whether the daemon lives, and gives up where that is not answered either. One that is busy with what it was asked
// lives and is waited for: a change that takes minutes is not cut off.
import { type Target, unanswering, unreachable } from "./adminTarget.ts"

/** How long nothing may come before the daemon is asked whether it lives, in ms. */
const SILENT_MS = 5_000
/** How long it has to say so, in ms: longer than the heaviest work that it does in one go. */
const LIVES_MS = 10_000

/** Nothing more is to be waited for; the message is one line for people. */
export class NoAnswer extends Error {}

const reasonNotToWait = async (target: Target, sinceMs: number, signal: AbortSignal): Promise<NoAnswer | undefined> => {
  const { base, how } = target
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(LIVES_MS)])
    // Whatever it says, it lives. Nobody has to log in to be told.
    const answer = await fetch(`${base}/livez`, { signal: limited, timeout: false, keepalive: false, ...how })
    await answer.body?.cancel()
    return undefined
  } catch (error) {
    if (signal.aborted) return undefined
    const seconds = Math.round((performance.now() - sinceMs) / 1_000)
    const hangs = error instanceof Error && error.name === "TimeoutError"
    return new NoAnswer(hangs ? unanswering(target, seconds) : unreachable(target, error))
  }
}

/**
 * Does `work` for as long as the daemon lives. Its signal is aborted by `signal`, and with the reason, a NoAnswer, once the daemon does
 * not answer any more. What is left running after `work` is watched by `signal` alone.
 */
export const whileItLives = async <A>(
  target: Target,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<A>
): Promise<A> => {
  const sinceMs = performance.now()
  const [gone, done] = [new AbortController(), new AbortController()]
  const ended = AbortSignal.any([signal, done.signal])
  let timer: Timer | undefined
  const look = async (): Promise<void> => {
    const reason = await reasonNotToWait(target, sinceMs, ended)
    if (ended.aborted) return
    if (reason === undefined) timer = setTimeout(look, SILENT_MS)
    else gone.abort(reason)
  }
  timer = setTimeout(look, SILENT_MS)
  try {
    return await work(AbortSignal.any([signal, gone.signal]))
  } finally {
    clearTimeout(timer)
    done.abort()
  }
}
