// How times and amounts are written on the pages. All pure: the time of day comes in.

/** `now` minus `at` in whole seconds, not below 0. */
const secondsSince = (at: string, nowMs: number): number => Math.max(0, Math.floor((nowMs - Date.parse(at)) / 1000))

/** `42s`, `3m 20s`, `5h 12m`, `3d 4h`: the two largest units that say something. */
export const duration = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return "?"
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 === 0 || minutes >= 10 ? `${minutes}m` : `${minutes}m ${seconds % 60}s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 === 0 ? `${hours}h` : `${hours}h ${minutes % 60}m`
  const days = Math.floor(hours / 24)
  return hours % 24 === 0 || days >= 10 ? `${days}d` : `${days}d ${hours % 24}h`
}

export const age = (at: string, nowMs: number): string => duration(secondsSince(at, nowMs))

/** Thousands apart: `12 345`. */
export const amount = (value: number): string => value.toLocaleString("en").replaceAll(",", "\u202f")

/** `1 session`, `2 sessions`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${amount(count)} ${count === 1 ? one : many}`

/** `a`, `a and b`, `a, b and 3 more`. */
export const listed = (names: ReadonlyArray<string>, atMost = 3): string => {
  if (names.length === 1) return names[0] ?? ""
  if (names.length <= atMost) return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
  return `${names.slice(0, atMost - 1).join(", ")} and ${names.length - atMost + 1} more`
}

/** How much of a pool is used, from 0 to 1; an IPv6 pool has more addresses than a number can hold. */
export const share = (used: number, total: string): number => {
  const all = Number(total)
  return all > 0 ? Math.min(1, used / all) : 0
}

/** `18446744073709551616` as `1.8 × 10¹⁹`: nobody reads twenty digits. */
export const large = (total: string): string => {
  if (total.length <= 9) return amount(Number(total))
  const superscript = [...String(total.length - 1)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("")
  return `${total[0]}.${total[1]} × 10${superscript}`
}
