// The port to who is on the same segment: ARP (RFC 826, RFC 5227) for IPv4 and Neighbor Discovery (RFC 4861, RFC 4862) for IPv6
// at the level of what is said, not of octets. Implemented by adapters/linux (AF_PACKET) and adapters/memory (simulation).
import { Context, type Effect, type Scope } from "effect"
import type { Address } from "../net/ip.ts"
import type { NeighbourMessage } from "../vip/neighbour.ts"
import type { LinkError } from "./LinkControl.ts"

export type { NeighbourMessage } from "../vip/neighbour.ts"

export interface Segment {
  /** Our own MAC address there. */
  readonly mac: string
  /** Asks whether anybody has the address. */
  readonly probe: (address: Address) => Effect.Effect<void, LinkError>
  /** Says that we have the address: both forms of gratuitous ARP, or an unsolicited NA with the override flag. */
  readonly announce: (address: Address) => Effect.Effect<void, LinkError>
}

export class Neighbours extends Context.Service<
  Neighbours,
  {
    /**
     * Listens on an interface while the scope lives. `hear` is told what others say (never our own words), must not throw,
     * and is called at once: a holder without a lease has to give way within milliseconds (D6b).
     */
    readonly open: (
      interfaceName: string,
      hear: (message: NeighbourMessage) => void
    ) => Effect.Effect<Segment, LinkError, Scope.Scope>
  }
>()("viaduct/ports/Neighbours") {}
