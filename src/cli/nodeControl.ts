// What this process can be asked to do beside being looked at: NodeControl over the services and the recorder of messages.
import type { NodeControl } from "../api/control.ts"
import type { LogRing } from "../observe/LogRing.ts"
import type { Recorder, RecorderCounts } from "../observe/Recorder.ts"
import type { PlannedSession } from "../plan/types.ts"
import type { Measures } from "../resources/nodeStatus.ts"
import type { SessionObserver } from "../services/SessionRunner.ts"

/** Has every message of a session recorded. */
export const recordedBy =
  (recorder: Recorder) =>
  ({ name }: PlannedSession): SessionObserver => {
    const tap = recorder.session(name)
    return { onFrame: tap.frame, onEnd: tap.end }
  }

export const nodeControl = (recorder: Recorder, log: LogRing): NodeControl => ({
  trace: (filter, signal) => recorder.records(filter, signal),
  logs: (query, signal) => log.read(query, signal)
})

/** What the recorder has to say among the daemon's measures. */
export const recorderValues = ({ messages, bytes, missed }: RecorderCounts): Measures["values"] => [
  { name: "viaduct_trace_messages", labels: {}, value: messages },
  { name: "viaduct_trace_bytes", labels: {}, value: bytes },
  { name: "viaduct_trace_missed_total", labels: {}, value: missed }
]

/** Microseconds since 1970 of the wall clock: as fine as the monotonic clock, and within 2 ms of a clock that was set. */
export const wallClockUs = (): (() => number) => {
  let offsetMs = Date.now() - performance.now()
  return () => {
    const fine = offsetMs + performance.now()
    const wall = Date.now()
    if (Math.abs(fine - wall) > 2) {
      offsetMs = wall - performance.now()
      return wall * 1_000
    }
    return Math.floor(fine * 1_000)
  }
}
