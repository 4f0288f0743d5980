// The life of a session as two spans: `session.establish` from the first step out of Idle to Established or back, and `session` for as long
// as it is Established. A connection that the peer makes meanwhile is a try of its own.
import type { PlannedSession } from "../plan/types.ts"
import type { Transition } from "./SessionCore.ts"
import type { BeginStretch, Stretch } from "./spans.ts"

export interface SessionSpans {
  readonly moved: (transition: Pick<Transition, "from" | "to" | "reason" | "direction">) => void
  /** The session has ended. */
  readonly ended: () => void
}

export const sessionSpans = (planned: PlannedSession, begin: BeginStretch): SessionSpans => {
  const { name, purpose, parameters } = planned
  const attributes = {
    "viaduct.session": name,
    "viaduct.purpose": purpose,
    "network.local.address": parameters.localAddress,
    "network.peer.address": parameters.peerAddress,
    "bgp.local.asn": parameters.localAsn,
    "bgp.peer.asn": parameters.peerAsn
  }
  const tries = new Map<Transition["direction"], Stretch>()
  let up: Stretch | undefined
  return {
    moved: ({ from, to, reason, direction }) => {
      if (from === "Established" && to !== from) {
        up?.end(reason)
        up = undefined
      }
      const under = tries.get(direction)
      if (to === "Established" && from !== to) {
        under?.end()
        tries.delete(direction)
        up?.end()
        up = begin("session", attributes)
      } else if (to === "Idle") {
        under?.end(reason)
        tries.delete(direction)
      } else if (from !== to) {
        if (under === undefined) tries.set(direction, begin("session.establish", attributes))
        else under.event(to)
      }
    },
    ended: () => {
      for (const under of tries.values()) under.end("the session is not wanted any more")
      tries.clear()
      up?.end()
      up = undefined
    }
  }
}
