// Messages of real routers as tcpdump saw them, one JSON file for each router, made by test/lab/capture.ts. Owns no
// tests. The octets are the routers'; a value is what this codec makes of them, held so that a change of meaning shows.
import { join } from "node:path"
import type { CodecContext } from "../../src/bgp/context.ts"
import type { Message } from "../../src/bgp/message/types.ts"

export interface Captured {
  readonly router: string
  readonly version: string
  /** The scenario, and what is in the message. */
  readonly name: string
  /** What the two OPENs amounted to, in the direction of the message. */
  readonly context: CodecContext
  readonly hex: string
  /** Absent where encoding the value gives the same octets; `note` says why it does not otherwise. */
  readonly canonical?: false
  readonly note?: string
  readonly value: Message
}

export const ROUTERS = ["frr", "bird", "gobgp", "openbgpd"] as const

export const capturedFrom = (router: (typeof ROUTERS)[number]): Promise<ReadonlyArray<Captured>> =>
  Bun.file(join(import.meta.dir, "captured", `${router}.json`)).json()
