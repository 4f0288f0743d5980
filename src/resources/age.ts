// How long ago something was, in the short form that people know from kubectl: two units
// at most, and the smaller one only while it still matters ("45s", "2m5s", "15m", "3h20m",
// "2d").
const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const YEAR = 365 * DAY

/** Below `until` seconds: whole `unit`s, and below `detailUntil` the rest in `restUnit`s too. */
const steps = [
  { until: 2 * MINUTE, unit: 1, name: "s" },
  { until: 3 * HOUR, unit: MINUTE, name: "m", detailUntil: 10 * MINUTE, restUnit: 1, restName: "s" },
  { until: 2 * DAY, unit: HOUR, name: "h", detailUntil: 8 * HOUR, restUnit: MINUTE, restName: "m" },
  { until: 2 * YEAR, unit: DAY, name: "d", detailUntil: 8 * DAY, restUnit: HOUR, restName: "h" },
  { until: Number.POSITIVE_INFINITY, unit: YEAR, name: "y", detailUntil: 8 * YEAR, restUnit: DAY, restName: "d" }
]

/**
 * The time from `from` (RFC 3339) until `now` (milliseconds since the epoch). A clock that is up to two seconds ahead
 * counts as now; anything later than that, or no time at all, is `<invalid>`.
 */
export const age = (from: string, now: number): string => {
  const seconds = Math.trunc((now - Date.parse(from)) / 1000)
  if (Number.isNaN(seconds) || seconds < -1) return "<invalid>"
  if (seconds < 0) return "0s"
  const step = steps.find(({ until }) => seconds < until)
  if (step === undefined) return "<invalid>"
  const whole = `${Math.floor(seconds / step.unit)}${step.name}`
  if (step.restUnit === undefined || seconds >= step.detailUntil) return whole
  const rest = Math.floor((seconds % step.unit) / step.restUnit)
  return rest === 0 ? whole : `${whole}${rest}${step.restName}`
}
