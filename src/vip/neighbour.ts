// What neighbours on a segment say about addresses, whichever protocol they say it in: ARP for IPv4 (arp.ts), Neighbor
// Discovery for IPv6 (ndp.ts).
import type { Address } from "../net/ip.ts"
import type { Mac } from "../net/mac.ts"

/**
 * `probe`: somebody asks whether the address is free before taking it (ARP probe, duplicate address detection).
 * `announcement`: somebody says that it has the address, unasked (gratuitous ARP, unsolicited NA), or uses it as its own.
 * `answer`: somebody says so because it was asked.
 */
export interface NeighbourMessage {
  readonly type: "probe" | "announcement" | "answer"
  readonly address: Address
  /** Of the sender: "02:00:00:00:00:01", lower case. */
  readonly mac: Mac
}
