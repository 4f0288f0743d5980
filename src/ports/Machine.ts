// The port to what a machine is and allows: kernel, rights of this process, MTU of its interfaces, who has BGP's port. Looked at, never
// changed. Implemented by adapters/linux.
import { Context, type Effect, Schema } from "effect"
import type { Address } from "../net/ip.ts"

/** It cannot be found out; the message says what and why. */
export class MachineError extends Schema.TaggedError<MachineError>()("MachineError", { message: Schema.String }) {}

export interface TcpEnd {
  readonly localAddress: Address
  readonly peerAddress: Address
}

export interface MachineFacts {
  /** Release of the kernel: "6.1.0-18-amd64". */
  readonly kernel: string
  /** Of NET_ADMIN, NET_RAW, NET_BIND_SERVICE those that this process has. */
  readonly rights: ReadonlyArray<string>
  /** `tcp-md5`, `ipv6`. */
  readonly support: ReadonlyArray<string>
  /** By interface, octets. */
  readonly mtus: ReadonlyMap<string, number>
}

export class Machine extends Context.Service<
  Machine,
  {
    readonly facts: Effect.Effect<MachineFacts, MachineError>
    /** TCP as the kernel has it, whichever process it belongs to: who listens on `port`, and connections to `port` of others. */
    readonly tcp: (
      port: number
    ) => Effect.Effect<
      { readonly listening: ReadonlyArray<Address>; readonly connections: ReadonlyArray<TcpEnd> },
      MachineError
    >
  }
>()("viaduct/ports/Machine") {}
