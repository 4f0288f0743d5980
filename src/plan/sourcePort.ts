// The port that a service session dials from (D7): the same on every node, so that a floating IP that moves meets the peer's
// old socket, which then gives way at once instead of after its hold time. Above the range from which Linux gives ports
// by itself (32768 to 60999), and none that the daemon listens on, since it listens on the ports that it dials.
import { hash32 } from "../net/hash.ts"
import type { Address } from "../net/ip.ts"
import type { DesiredCluster } from "./desired.ts"
import { resolvePeerOptions } from "./peerDefaults.ts"

const FIRST = 61_000
const COUNT = 65_535 - FIRST + 1

/** The ports of all peers. */
export const listeningPorts = ({ servicePeers, loadBalancer }: DesiredCluster): ReadonlySet<number> =>
  new Set([...servicePeers, ...loadBalancer.controlPlanePeers].map((peer) => resolvePeerOptions(peer).port))

/** `peer`: its address and port. */
export const sourcePort = (floatingIp: Address, peer: string, listening: ReadonlySet<number>): number => {
  const first = hash32(`${floatingIp} ${peer}`) % COUNT
  for (let step = 0; step < COUNT; step++) {
    const port = FIRST + ((first + step) % COUNT)
    if (!listening.has(port)) return port
  }
  return FIRST + first
}
