// How often somebody may fail to log in: a bucket per address that empties with each failure and fills with time. Who has emptied theirs is
// not even looked at until there is something in it again. Time is passed in; memory is bounded.

export interface AttemptLimits {
  /** Failures that may come at once. */
  readonly burst: number
  /** Milliseconds until one more may. */
  readonly refillMs: number
  /** Buckets that are kept; the one that was used longest ago goes first. */
  readonly addressesMax: number
}

const defaultLimits: AttemptLimits = { burst: 20, refillMs: 3_000, addressesMax: 4_096 }

export interface Attempts {
  /** Whole seconds until `address` may try again; 0: now. */
  readonly waitSeconds: (address: string, nowMs: number) => number
  readonly failed: (address: string, nowMs: number) => void
}

/** An IPv6 host has a /64 to choose addresses from. */
const bucketOf = (address: string): string => {
  if (!address.includes(":")) return address
  const [head = "", tail] = address.split("::")
  const groups = head === "" ? [] : head.split(":")
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === "" ? 0 : tail.split(":").length)
  const all = [...groups, ...Array.from({ length: Math.max(0, missing) }, () => "0"), ...(tail ?? "").split(":")]
  return all.slice(0, 4).join(":")
}

export const makeAttempts = ({ burst, refillMs, addressesMax }: AttemptLimits = defaultLimits): Attempts => {
  /** When each bucket is full again: one number says it all. */
  const fullAt = new Map<string, number>()
  const emptyFor = (address: string, nowMs: number): number => {
    const debtMs = (fullAt.get(bucketOf(address)) ?? nowMs) - nowMs
    return debtMs - (burst - 1) * refillMs
  }
  return {
    waitSeconds: (address, nowMs) => Math.max(0, Math.ceil(emptyFor(address, nowMs) / 1_000)),
    failed: (address, nowMs) => {
      const bucket = bucketOf(address)
      const full = Math.max(nowMs, fullAt.get(bucket) ?? nowMs) + refillMs
      fullAt.delete(bucket)
      fullAt.set(bucket, Math.min(full, nowMs + burst * refillMs))
      const oldest = fullAt.size > addressesMax ? fullAt.keys().next().value : undefined
      if (oldest !== undefined) fullAt.delete(oldest)
    }
  }
}
