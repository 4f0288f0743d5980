// Durations as people write them on a command line: `90`, `90s`, `2m`, `1h30m`.

const UNITS: Readonly<Record<string, number>> = { h: 3_600, m: 60, s: 1 }

/** Seconds; a number alone is seconds. Undefined: it is no duration. */
export const parseSeconds = (text: string): number | undefined => {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  const match = /^(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/.exec(text)
  if (match === null || text === "") return undefined
  return ["h", "m", "s"].reduce((sum, unit, at) => sum + Number(match[at + 1] ?? 0) * (UNITS[unit] ?? 0), 0)
}
