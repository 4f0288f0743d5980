// The ways to end a session. What is right depends on what becomes of the routes: withdrawn, kept by the peer until the
// speaker is back (RFC 4724 4.2), or taken over by another node that speaks from the same address (D7, D8).
import type { StopReason } from "../bgp/fsm/types.ts"

export type EndMode =
  /** Withdraws, says why in a Cease, closes: the routes are not wanted any more. Takes as long as the withdrawals, 0.7 s at most. */
  | { readonly type: "cease"; readonly stop: StopReason }
  /**
   * The speaker comes back, or another node goes on in its place: closes in order (FIN), without a NOTIFICATION and without
   * withdrawing. A peer that agreed to graceful restart keeps the routes. One that did not drops them at the FIN as it would at
   * a Cease, and takes the next connection as soon (tried: FRR 8.4 and BIRD 2.0 within 11 ms): a word would gain nothing.
   */
  | { readonly type: "leave" }
  /**
   * The address is another node's already: not a word, not even a reset, since the peer would take it for that node's. Takes
   * effect before anything else runs.
   */
  | { readonly type: "vanish" }

export const cease = (stop: StopReason): EndMode => ({ type: "cease", stop })
