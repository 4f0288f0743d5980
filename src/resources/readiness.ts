// Whether a node is ready (S7): every session that is expected is Established, no address that the node shall
// have failed, and no address that moves is somebody else's. A store that is lost is told and makes no node unready: what the
// node does goes on (I11), and a probe that takes it out would do the harm. The answer always carries what is missing and why (I9), for a probe, a log line and the service
// manager alike.
import type { NodeStatus, StoreStatus } from "./nodeStatus.ts"

interface Check {
  /** `session 10.0.1.254-node-01`, `address 10.0.0.8 on lo`, `floating IP 10.0.3.100`, `store etcd http://…`. */
  readonly subject: string
  readonly ok: boolean
  /** The state, and where it is not the wanted one, the reason. */
  readonly detail: string
}

export interface Readiness {
  readonly ready: boolean
  readonly node: string
  /** One line: what is up, or what is missing. */
  readonly summary: string
  readonly checks: ReadonlyArray<Check>
}

const storeCheck = ({ kind, name, state, reason }: StoreStatus): Check => {
  const why = reason === undefined ? "" : `: ${reason}`
  const detail = state === "connected" ? state : `${state}${why}; what was decided goes on, nothing new is decided`
  return { subject: `store ${kind} ${name}`, ok: true, detail }
}

/** What is expected of the node, checked point by point. A node of which nothing is expected is ready. */
export const readiness = (status: Omit<NodeStatus, "process">): Readiness => {
  const sessions = status.sessions.map(({ name, state, reason }): Check => {
    const ok = state === "Established"
    return { subject: `session ${name}`, ok, detail: ok || reason === undefined ? state : `${state}: ${reason}` }
  })
  const addresses = status.addresses.map(
    (address): Check => ({
      subject: `address ${address.address} on ${address.interface}`,
      ok: address.state !== "failed",
      detail: `${address.state}: ${address.reason}`
    })
  )
  const floatingIps = status.floatingIps
    .filter(({ state }) => state !== "other" && state !== "unassigned")
    .map(({ address, purpose, state, reason }): Check => {
      const subject = `${purpose === "floating-ip" ? "floating IP" : "VIP"} ${address}`
      return { subject, ok: state !== "conflict", detail: state === "held" ? state : `${state}: ${reason}` }
    })
  const stores = status.store === undefined ? [] : [storeCheck(status.store)]
  const up = sessions.filter(({ ok }) => ok).length
  const failed = addresses.filter(({ ok }) => !ok).length
  const conflicts = floatingIps.filter(({ ok }) => !ok).length
  const ready = up === sessions.length && failed === 0 && conflicts === 0
  const counted = `${up} of ${sessions.length} sessions are Established`
  const lost = [
    ...(failed === 0 ? [] : [`, ${failed} of ${addresses.length} addresses failed`]),
    ...(conflicts === 0 ? [] : [`, ${conflicts} of ${floatingIps.length} moving addresses are in conflict`]),
    ...(status.store?.state === "lost" ? [", the store is lost"] : [])
  ].join("")
  return {
    ready,
    node: status.node,
    summary: `${ready ? "ready" : "not ready"}: ${counted}${lost}`,
    checks: [...sessions, ...addresses, ...floatingIps, ...stores]
  }
}

/** One line per check, `[+]` or `[-]`, and the summary. */
export const readinessText = ({ checks, summary }: Readiness): string =>
  [...checks.map(({ ok, subject, detail }) => `[${ok ? "+" : "-"}]${subject}: ${detail}`), summary, ""].join("\n")
