// Addresses that one node at a time holds: who has them, and where nobody does, what every node says about it.
import type { FloatingIpStatus } from "../resources/nodeStatus.ts"
import type { ExplainInput } from "./input.ts"
import { link } from "./links.ts"
import type { ExplainLink } from "./types.ts"

const called = ({ purpose, address }: FloatingIpStatus): string =>
  purpose === "floating-ip" ? `floating IP ${address}` : `VIP ${address}`

const judgementLinks = ({ judgements }: FloatingIpStatus): ReadonlyArray<ExplainLink> =>
  judgements.map(({ node, ok, reason }) =>
    link(`node ${node}`, "unknown", ok ? `could hold it: ${reason}` : `cannot hold it: it ${reason}`)
  )

/** The node that the address falls to, and that is kept from it by somebody else. */
const conflictOf = (one: FloatingIpStatus, { status }: ExplainInput) => {
  if (one.state === "conflict") return { node: status.node, reason: one.reason }
  const remote = status.elsewhere.find(({ conflicts = [] }) => conflicts.some(({ address }) => address === one.address))
  const conflict = remote?.conflicts?.find(({ address }) => address === one.address)
  return remote === undefined || conflict === undefined ? undefined : { node: remote.node, reason: conflict.reason }
}

/** A node says of itself, through the store, that it has the address on its interface. */
const isHeld = (one: FloatingIpStatus, { status }: ExplainInput): boolean => {
  if (one.node === status.node) return one.state === "held" || one.state === "holdover"
  const holder = status.members.find(({ name }) => name === one.node)
  return holder?.report === undefined || holder.report.held.includes(one.address)
}

export const floatingIpLink = (one: FloatingIpStatus, input: ExplainInput): ExplainLink => {
  const subject = called(one)
  const links = judgementLinks(one)
  const conflict = conflictOf(one, input)
  if (conflict !== undefined)
    return link(subject, "broken", `address conflict: node ${conflict.node} is to hold it and ${conflict.reason}`, {
      links,
      hints: [
        "find the host with that MAC (switch table, ip neigh) and take the address off it, or give the cluster another one"
      ]
    })
  if (one.state === "unassigned" || one.node === undefined) {
    const settled = one.state !== "claiming" && one.state !== "probing"
    const text = settled ? `no node can hold it: ${one.reason}` : `is being taken: ${one.reason}`
    const hints = settled
      ? ["give a node an interface in its subnet, or take an address of a subnet that nodes are in"]
      : []
    return link(subject, settled ? "broken" : "warn", text, { links, hints })
  }
  if (!isHeld(one, input))
    return link(
      subject,
      "warn",
      `falls to node ${one.node}, which does not have it on its interface yet: ${one.reason}`,
      {
        links
      }
    )
  const over = one.state === "holdover" ? " without word from the store" : ""
  return link(subject, over === "" ? "ok" : "warn", `held by node ${one.node}${over}: ${one.reason}`)
}
