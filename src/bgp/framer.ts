// From a stream of octets to whole messages. Owns the octets that arrived and are not yet a message, and nothing else:
// what a message means is the codec's. RFC 4271 4.1 and 6.1, RFC 8654. Invariants: fed in any pieces it gives the same
// messages as fed whole; when it is drained after each push it holds less than one maximum message; after a header
// error the stream has no boundaries any more, so it stays in error and keeps nothing.
import { checkHeader, headerLength } from "./header.ts"
import { HEADER_LENGTH, MAX_EXTENDED_LENGTH, MAX_LENGTH } from "./iana.ts"
import type { MessageError } from "./message/types.ts"

export class Framer {
  private maxLength: number
  private held: Uint8Array = new Uint8Array(0)
  private failure: MessageError | undefined

  constructor(maxLength: number = MAX_LENGTH) {
    this.maxLength = maxLength
  }

  /** From here on messages may have 65,535 octets (RFC 8654): call it when both OPENs said so. */
  allowExtended(): void {
    this.maxLength = MAX_EXTENDED_LENGTH
  }

  /** Takes a copy of `chunk`. Call `next` until it has nothing more before the next push: that is what bounds memory. */
  push(chunk: Uint8Array): void {
    if (this.failure !== undefined) return
    if (this.held.length === 0) {
      this.held = chunk.slice()
      return
    }
    const both = new Uint8Array(this.held.length + chunk.length)
    both.set(this.held)
    both.set(chunk, this.held.length)
    this.held = both
  }

  /**
   * The next whole message with its header, the header error that ends the stream (again at every later call), or
   * undefined when more octets are needed. The octets are the caller's to keep.
   */
  next(): Uint8Array | MessageError | undefined {
    if (this.failure !== undefined) return this.failure
    if (this.held.length < HEADER_LENGTH) return undefined
    this.failure = checkHeader(this.held, this.maxLength)
    if (this.failure !== undefined) {
      this.held = new Uint8Array(0)
      return this.failure
    }
    const length = headerLength(this.held)
    if (this.held.length < length) return undefined
    const frame = this.held.subarray(0, length)
    this.held = this.held.subarray(length)
    return frame
  }
}
