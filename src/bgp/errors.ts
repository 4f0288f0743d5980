// Mistakes in messages as values, RFC 7606 section 2: attribute discard < treat-as-withdraw < AFI/SAFI disable < session
// reset. A decoder notes every mistake that it sees in a `Mistakes`; the gravest one is what the message costs
// (RFC 7606 3.h), the first among equals. Decoding never throws to its caller. Encoding throws `Unencodable`, and only
// for a value that has no octets: a mistake of whoever made the value, not of a peer.
import { toHex } from "../net/bytes.ts"
import type { Family } from "../net/ip.ts"
import type { MessageError, Outcome } from "./message/types.ts"

/** A message value that no octets can stand for in the given context; the text says which part and why. */
export class Unencodable extends Error {
  override readonly name = "Unencodable"
}

const GRAVITY: Readonly<Record<Outcome, number>> = {
  "attribute-discard": 1,
  "treat-as-withdraw": 2,
  "afi-safi-disable": 3,
  "session-reset": 4
}

/** Where and what; `data` are the octets for the NOTIFICATION's data field. */
export interface Mistake {
  readonly outcome: Outcome
  readonly code: number
  readonly subcode: number
  readonly offset: number
  readonly message: string
  readonly data?: Uint8Array
  readonly attribute?: string
  readonly family?: Family
}

export const messageError = (mistake: Mistake): MessageError => ({
  outcome: mistake.outcome,
  code: mistake.code,
  subcode: mistake.subcode,
  data: mistake.data === undefined ? "" : toHex(mistake.data),
  ...(mistake.attribute === undefined ? {} : { attribute: mistake.attribute }),
  ...(mistake.family === undefined ? {} : { family: mistake.family }),
  offset: mistake.offset,
  message: mistake.message
})

/** What went wrong in one message so far. */
export class Mistakes {
  private gravest: Mistake | undefined
  private readonly outcomes = new Set<Outcome>()

  note(mistake: Mistake): void {
    this.outcomes.add(mistake.outcome)
    if (this.gravest === undefined || GRAVITY[mistake.outcome] > GRAVITY[this.gravest.outcome]) this.gravest = mistake
  }

  has(outcome: Outcome): boolean {
    return this.outcomes.has(outcome)
  }

  get worst(): Mistake | undefined {
    return this.gravest
  }
}
