// The port to the kernel's addresses: which there are, add one, take one off. Implemented by adapters/linux over netlink.
import { Context, type Effect, Schema } from "effect"
import type { LocalAddress } from "../plan/types.ts"

/** Why the kernel would not, in words an operator can act on. */
export class LinkError extends Schema.TaggedError<LinkError>()("LinkError", { message: Schema.String }) {}

export class LinkControl extends Context.Service<
  LinkControl,
  {
    /** `ours`: put there by this program, in this run or an earlier one. */
    readonly addresses: Effect.Effect<ReadonlyArray<LocalAddress & { readonly ours: boolean }>, LinkError>
    /** True: added. False: it was there already. */
    readonly add: (address: LocalAddress) => Effect.Effect<boolean, LinkError>
    /** True: removed. False: it was not there. */
    readonly remove: (address: LocalAddress) => Effect.Effect<boolean, LinkError>
  }
>()("viaduct/ports/LinkControl") {}
