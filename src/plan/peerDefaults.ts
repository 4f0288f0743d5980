// The values that a peer's options have where nobody gave any. Planner and canonical form take them from here, so
// that a default written out and a default left out are the same session (I5). RFC 4271 section 10 suggests 90 s
// and a third of it.
import type { PeerOptions } from "./desired.ts"

export const DEFAULT_PORT = 179
const DEFAULT_HOLD_TIME = 90
/** Shorter than the RFC's 120 s: a router that comes back shall have its routes in seconds. */
const DEFAULT_CONNECT_RETRY_TIME = 5

/** Seconds that a service peer keeps our routes: time for a floating IP to move, or for a daemon to be replaced by hand. */
export const SERVICE_RESTART_TIME = 120

export interface ResolvedPeerOptions extends PeerOptions {
  readonly port: number
  /** Seconds. */
  readonly holdTime: number
  /** Seconds; 0 with a hold time of 0. */
  readonly keepaliveTime: number
  /** Seconds. */
  readonly connectRetryTime: number
  readonly passive: boolean
  readonly addPaths: boolean
}

/** `options` with every default filled in. */
export const resolvePeerOptions = (options: PeerOptions): ResolvedPeerOptions => {
  const holdTime = options.holdTime ?? DEFAULT_HOLD_TIME
  const third = Math.floor(holdTime / 3)
  return {
    ...options,
    port: options.port ?? DEFAULT_PORT,
    holdTime,
    keepaliveTime: holdTime === 0 ? 0 : (options.keepaliveTime ?? third),
    connectRetryTime: options.connectRetryTime ?? DEFAULT_CONNECT_RETRY_TIME,
    passive: options.passive ?? false,
    addPaths: options.addPaths ?? true
  }
}
