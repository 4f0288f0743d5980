// The rows of the routes page: every address that is, or shall be, announced, with who takes its traffic, who does not
// and why, and the sessions that carry it. Pure.

import type { ExplainTarget } from "../../../explain/types.ts"
import { byName } from "./fleet.ts"
import type { Announced, Fleet } from "./fleetTypes.ts"

export interface AddressRow {
  readonly key: string
  /** The address, or nothing where a service has none yet. */
  readonly address: string
  /** `default/web`, `control plane`. */
  readonly of: string
  readonly pools: ReadonlyArray<string>
  readonly policy: string
  readonly nextHops: ReadonlyArray<{ readonly node: string; readonly nextHop: string }>
  readonly left: ReadonlyArray<{ readonly node: string; readonly reason: string }>
  readonly sessions: Announced["sessions"]
  readonly reason?: string
  readonly target: ExplainTarget
  /** `warn`: a node is left out; `bad`: nobody gets there; `off`: nothing is known here of who announces it. */
  readonly health: "good" | "warn" | "bad" | "off"
}

const addressOf = (prefix: string): string => prefix.replace(/\/(32|128)$/, "")

const healthOf = (hops: boolean, carried: boolean, gaps: boolean, partial: boolean): AddressRow["health"] => {
  if (!hops) return "bad"
  if (!carried) return partial ? "off" : "bad"
  return gaps ? "warn" : "good"
}

/** All rows; in trouble first, then by address. `layer2`: nothing is announced, addresses are held. */
export const addressRows = (fleet: Fleet): ReadonlyArray<AddressRow> => {
  const announced = new Map(fleet.announced.map((entry) => [addressOf(entry.prefix), entry]))
  const held = new Map(fleet.addresses.map((entry) => [entry.address, entry]))
  const served = new Set(fleet.services.flatMap(({ addresses }) => addresses))
  const nodeOf = new Map(
    fleet.nodes.flatMap(({ name, address }) => (address === undefined ? [] : [[address, name] as const]))
  )
  const ofServices = fleet.services.flatMap((service): ReadonlyArray<AddressRow> => {
    const name = `${service.namespace}/${service.name}`
    const common = { of: name, pools: service.pools, policy: service.externalTrafficPolicy }
    const because = service.reason === undefined ? {} : { reason: service.reason }
    if (service.addresses.length === 0)
      return [
        {
          ...common,
          ...because,
          key: name,
          address: "",
          nextHops: [],
          left: service.left,
          sessions: [],
          target: { type: "service", name },
          health: "bad"
        }
      ]
    // Nodes without an endpoint are left out by intent where the policy is Local.
    const isGap = ({ reason }: { readonly reason: string }) =>
      service.externalTrafficPolicy !== "Local" || !reason.includes("endpoint")
    return service.addresses.map((address) => {
      const nextHops = service.nextHops.filter((hop) => hop.address === address)
      const left = service.left.filter((node) => node.address === address)
      const sessions = announced.get(address)?.sessions ?? []
      // In layer 2 mode no session carries it: it is where its holder is.
      const carried = sessions.length > 0 || held.get(address)?.health === "held"
      const health = healthOf(nextHops.length > 0, carried, left.some(isGap), fleet.partial)
      return {
        ...common,
        ...because,
        key: `${name} ${address}`,
        address,
        nextHops,
        left,
        sessions,
        target: { type: "vip", name: address },
        health
      }
    })
  })
  const others = [...announced]
    .filter(([address]) => !served.has(address))
    .map(
      ([address, { name, nextHops, sessions }]): AddressRow => ({
        key: address,
        address,
        of: name,
        pools: [],
        policy: "",
        nextHops: nextHops.map((nextHop) => ({ node: nodeOf.get(nextHop) ?? nextHop, nextHop })),
        left: [],
        sessions,
        target: { type: "vip", name: address },
        health: "good"
      })
    )
  const order = { bad: 0, warn: 1, off: 2, good: 3 } as const
  return [...others, ...ofServices].sort((a, b) => order[a.health] - order[b.health] || byName(a.address, b.address))
}
