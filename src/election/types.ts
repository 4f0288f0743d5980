// What the election works on: addresses that one node at a time shall hold, the nodes that may, and the claims in force.
// Rows S8, S13; decisions D5, D6; invariant I1. Plain values.
import type { Address } from "../net/ip.ts"

/** An address of a node as the kernel has it. */
export interface SubnetAddress {
  readonly address: Address
  readonly prefixLength: number
  readonly interface: string
}

/** What an address that one node at a time holds is for. */
export type ClaimPurpose = "floating-ip" | "control-plane-vip" | "service-vip"

export interface Claimable {
  readonly address: Address
  readonly purpose: ClaimPurpose
  /** What it is called by people: the floating IP's group, the VIP's service. */
  readonly of: string
  /** Names of the nodes that may hold it; absent: every node with an interface in its subnet. */
  readonly nodes?: ReadonlyArray<string>
  /** Why some of the others may not, by name; of the rest the purpose says it. */
  readonly refused?: ReadonlyMap<string, string>
}

/** A node that can be given addresses. */
export interface ElectionNode {
  readonly name: string
  readonly addresses: ReadonlyArray<SubnetAddress>
  /** It is to give away what it has and gets nothing (drain, a stop under way). */
  readonly leaving: boolean
}

/** Who holds an address by the store's word. */
export interface Claim {
  readonly address: Address
  readonly node: string
  /** Grows each time that the address changes hands. */
  readonly generation: number
}

/** Why a node does or does not come into question for an address. */
export interface Judgement {
  readonly node: string
  readonly ok: boolean
  readonly reason: string
}

export interface Assignment {
  readonly address: Address
  readonly purpose: ClaimPurpose
  readonly of: string
  /** Absent: nobody can hold it. */
  readonly node?: string
  /** The interface of `node` that is in the address's subnet. */
  readonly interface?: string
  /** Why this node, or why none, in words for an operator. */
  readonly reason: string
  readonly judgements: ReadonlyArray<Judgement>
}
