// Which node of a config this machine is, by `--node` or by the addresses that it has of its own.
import { Effect, Schema } from "effect"
import type { ClusterNode, DesiredCluster } from "../plan/desired.ts"
import { findSelf } from "../plan/findSelf.ts"
import type { LinkControl } from "../ports/LinkControl.ts"

/** The config names no node that this machine is, or several. */
class NotInConfig extends Schema.TaggedError<NotInConfig>()("NotInConfig", { message: Schema.String }) {}

export interface Hints {
  /** `--node`: a name or an address in the file. Absent: found by the local addresses. */
  readonly node?: string
  /** What the node calls itself where the config gives it no name. */
  readonly hostname: string
}

/** What is on the node of its own: nothing that this program put there, and no VIP. */
export const ownAddresses = Effect.fnUntraced(function* (link: LinkControl["Service"], desired: DesiredCluster) {
  const vips = new Set<string>(desired.loadBalancer.controlPlaneVips)
  const all = yield* link.addresses
  return all.flatMap(({ ours, ...local }) => (ours || vips.has(local.address) ? [] : [local]))
})

export const whoAmI = Effect.fnUntraced(function* (
  link: LinkControl["Service"],
  { node, hostname }: Hints,
  desired: DesiredCluster
) {
  const addresses = yield* ownAddresses(link, desired)
  const found = findSelf(desired, {
    ...(node === undefined ? {} : { node }),
    addresses: addresses.map(({ address }) => address)
  })
  if ("reason" in found) return yield* new NotInConfig({ message: found.reason })
  const self: ClusterNode = found.node
  return { self, name: self.name === self.address ? hostname : self.name }
})
