// What to type on a router to see what cannot be seen from here, for the ones that people have: whether it takes our routes, and how
// many next hops it installs.
import { familyOf, parseAddress } from "../net/ip.ts"
import type { Seen } from "./input.ts"

const isV6 = (prefix: string): boolean => {
  const address = parseAddress(prefix.replace(/\/.*/, ""))
  return address !== undefined && familyOf(address) === "ipv6"
}

/** The neighbor as the router has to have it. */
export const neighborSetup = ({ localAddress, localAsn }: Pick<Seen, "localAddress" | "localAsn">): string =>
  `neighbor ${localAddress} remote-as ${localAsn}`

/** Whether the router has the route, from which neighbor and why not. */
export const routeCommands = (prefix: string, neighbor: string): ReadonlyArray<string> => {
  const family = isV6(prefix) ? "ipv6" : "ipv4"
  const table = family === "ipv6" ? "inet6.0 " : ""
  return [
    `FRR: show bgp ${family} unicast ${prefix}; show bgp ${family} unicast neighbors ${neighbor} received-routes; show ${family === "ipv6" ? "ipv6" : "ip"} route ${prefix}`,
    `BIRD: show route all for ${prefix}; show route filtered (with "import keep filtered"); show protocols all`,
    `Junos: show route receive-protocol bgp ${neighbor} ${table}${prefix} hidden extensive; show route ${prefix} extensive`,
    `EOS: show ${family === "ipv6" ? "ipv6" : "ip"} bgp ${prefix}; show ${family === "ipv6" ? "ipv6" : "ip"} bgp neighbors ${neighbor} received-routes`
  ]
}

/** How to make a router take several paths for a prefix. */
export const addPathCommands = (neighbor: string): ReadonlyArray<string> => [
  `let the router receive additional paths from ${neighbor}: FRR does unless disable-addpath-rx is set; ` +
    "BIRD: add paths rx; Junos: family inet unicast add-path receive; EOS: bgp additional-paths receive"
]
