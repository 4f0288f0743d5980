// The port to the kernel's interfaces and addresses: which there are, add one, hold one for a while, take one off.
// Implemented by adapters/linux over netlink.
import { Context, type Effect, Schema, type Scope } from "effect"
import type { LocalAddress } from "../plan/types.ts"

/** Why the kernel would not, in words an operator can act on. */
export class LinkError extends Schema.TaggedError<LinkError>()("LinkError", { message: Schema.String }) {}

export interface LinkInterface {
  readonly name: string
  /** "02:00:00:00:00:01"; all zeroes on a loopback. */
  readonly mac: string
  /** It has a carrier and is up. */
  readonly up: boolean
}

export class LinkControl extends Context.Service<
  LinkControl,
  {
    /** `ours`: put there by this program, in this run or an earlier one. */
    readonly addresses: Effect.Effect<ReadonlyArray<LocalAddress & { readonly ours: boolean }>, LinkError>
    readonly interfaces: Effect.Effect<ReadonlyArray<LinkInterface>, LinkError>
    /** True: added. False: it was there already. */
    readonly add: (address: LocalAddress) => Effect.Effect<boolean, LinkError>
    /**
     * Adds the address for `seconds`, or gives it so many from now; after that the kernel takes it off by itself (D6).
     * It is never chosen as a source address for other traffic (preferred lifetime 0). True: it was not there.
     * Whole seconds, rounded down, at least one. The kernel may take half a second more before it acts, and another second
     * where lifetimes end more than 20 ms apart: refresh all addresses of a node in one go.
     */
    readonly hold: (address: LocalAddress, seconds: number) => Effect.Effect<boolean, LinkError>
    /** True: removed. False: it was not there. */
    readonly remove: (address: LocalAddress) => Effect.Effect<boolean, LinkError>
    /**
     * Tells when addresses or interfaces may have changed, other than by this program's own hand, until the scope ends.
     */
    readonly watch: (changed: () => void) => Effect.Effect<void, LinkError, Scope.Scope>
  }
>()("viaduct/ports/LinkControl") {}
