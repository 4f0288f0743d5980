// The part of statusEvents.ts about addresses: those that one node at a time holds, and those that the node has while it announces
// them.
import type { EventDraft } from "./eventLog.ts"
import type { EventReason } from "./eventReasons.ts"
import { holds } from "./floatingIp.ts"
import type { FloatingIpStatus, NodeStatus } from "./nodeStatus.ts"

type Addresses = Pick<NodeStatus, "node" | "floatingIps" | "addresses">

const floatingIpAbout = (name: string): EventDraft["about"] => ({
  apiVersion: "viaduct.dev/v1",
  kind: "FloatingIP",
  namespace: "kube-system",
  name
})

const called = ({ purpose, address, of }: FloatingIpStatus): string =>
  purpose === "floating-ip" ? `floating IP ${address}` : `VIP ${address} of ${of}`

/** What became of an address on this node, and where else it went. */
const floatingIpNews = (
  node: string,
  before: FloatingIpStatus | undefined,
  after: FloatingIpStatus
): ReadonlyArray<EventDraft> => {
  const about = floatingIpAbout(after.address)
  const draft = (reason: EventReason, message: string): EventDraft => ({
    reason,
    message: `${called(after)} ${message}`,
    about
  })
  const had = before !== undefined && (holds(before) || before.state === "releasing")
  const from = before?.node === undefined || before.node === node ? "" : `, it was with node ${before.node}`
  const other = after.node !== undefined && after.node !== node ? after.node : undefined
  if (after.state === before?.state && after.node === before?.node) return []
  switch (after.state) {
    case "held":
      if (before?.state === "held") return []
      return [
        draft("AddressHeld", `is held by this node${before?.state === "holdover" ? " with a lease again" : from}`)
      ]
    case "holdover":
      return before?.state === "holdover" ? [] : [draft("AddressHeldOver", `is kept here: ${after.reason}`)]
    case "conflict":
      return before?.state === "conflict" ? [] : [draft("AddressConflict", `is not taken: ${after.reason}`)]
    case "claiming":
    case "probing":
      return had ? [draft("AddressLost", `is not on this node any more: ${after.reason}`)] : []
    case "releasing":
      return []
    case "unassigned":
      return [
        ...(had ? [draft("AddressLost", `is not on this node any more: ${after.reason}`)] : []),
        ...(before?.state === "unassigned" ? [] : [draft("NoNodeForAddress", `is on no node: ${after.reason}`)])
      ]
    case "other":
      if (before === undefined || other === undefined || other === before.node) return []
      return [draft("AddressMoved", `is held by node ${other}${had ? ", no longer by this one" : from}`)]
  }
}

const nodeAddressEvents = (before: Addresses, after: Addresses): ReadonlyArray<EventDraft> => {
  const failed = ({ addresses }: Addresses) => addresses.filter(({ state }) => state === "failed")
  const was = new Set(failed(before).map(({ address, reason }) => `${address} ${reason}`))
  return failed(after)
    .filter(({ address, reason }) => !was.has(`${address} ${reason}`))
    .map(({ address, interface: name, reason }) => ({
      reason: "AddressFailed",
      message: `${address} could not be put on ${name} and is not announced: ${reason}`,
      about: { apiVersion: "v1", kind: "Node", namespace: "", name: after.node }
    }))
}

export const addressEvents = (before: Addresses, after: Addresses): ReadonlyArray<EventDraft> => {
  const was = new Map(before.floatingIps.map((one) => [one.address, one]))
  return [
    ...after.floatingIps.flatMap((one) => floatingIpNews(after.node, was.get(one.address), one)),
    ...nodeAddressEvents(before, after)
  ]
}
