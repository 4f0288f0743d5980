// Checks of the segments and the ways, before any session: whether an address is somebody else's (RFC 5227, duplicate address
// detection), whether floating IPs fit into a subnet of a node (S8), how large packets to a peer may be.
import { type Address, addressToBigInt } from "../net/ip.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import { homeInterface, isWithin, type ReachedNode, segmentsOf, subnetsOf } from "./nodes.ts"
import type { PlannedNode } from "./planSessions.ts"
import { type Check, type Finding, failed, ok, warning } from "./types.ts"

export const conflictId = (node: string, address: string): string => `conflict ${node} ${address}`

/** How many addresses of each pool are looked for: the first ones are given out first. */
const POOL_SAMPLE = 4

const poolSample = (cluster: DesiredCluster): ReadonlyArray<Address> =>
  cluster.loadBalancer.pools.flatMap(({ ranges }) => {
    const ends = ranges.flatMap(({ first, last }) => (first === last ? [first] : [first, last]))
    return ends.sort((a, b) => (addressToBigInt(a) < addressToBigInt(b) ? -1 : 1)).slice(0, POOL_SAMPLE)
  })

const check = (node: string, subject: string, device: string, addresses: ReadonlyArray<Address>): Check => ({
  id: conflictId(node, addresses.length === 1 ? (addresses[0] ?? "") : subject),
  kind: "conflict",
  node,
  subject,
  after: [],
  needs: [`node ${node}`],
  locks: [],
  task: { type: "conflict", interface: device, addresses }
})

/** The node's own addresses, the VIPs and floating IPs one by one, and of the pools what could be on a segment of the node. */
export const conflictChecks = (
  cluster: DesiredCluster,
  planned: ReadonlyArray<PlannedNode>,
  tested: ReadonlyArray<ReachedNode>
): ReadonlyArray<Check> => {
  const reserved = new Set(planned.flatMap(({ facts }) => facts.live?.reserved ?? []))
  const free = (address: Address): boolean => !reserved.has(address)
  const segments = segmentsOf(planned)
  return tested.flatMap((one): ReadonlyArray<Check> => {
    const subnets = segments(one)
    const name = one.node.name
    const home = homeInterface(one)
    const where = (address: Address) => subnets.find((subnet) => isWithin(address, subnet))?.interface
    const own = subnets
      .filter((subnet) => free(subnet.own))
      .map((subnet) => check(name, subnet.own, subnet.interface, [subnet.own]))
    // A VIP is in no subnet as a rule; a stranger who has it all the same is on the segment of the node's own address.
    const vips = cluster.loadBalancer.controlPlaneVips.filter(free).flatMap((vip) => {
      const device = where(vip) ?? home
      return device === undefined ? [] : [check(name, vip, device, [vip])]
    })
    const floating = cluster.floatingIps.filter(free).flatMap((address) => {
      const device = where(address)
      return device === undefined ? [] : [check(name, address, device, [address])]
    })
    const pools = poolSample(cluster).filter(free)
    const devices = [...new Set(pools.map((address) => where(address) ?? home))].flatMap((device) => device ?? [])
    const sampled = devices.map((device) => {
      const addresses = pools.filter((address) => (where(address) ?? home) === device)
      return check(name, `pools on ${device}`, device, addresses)
    })
    return [...own, ...vips, ...floating, ...sampled]
  })
}

const floatingFindings = (
  cluster: DesiredCluster,
  assignment: PlannedNode["plan"]["assignments"][number]
): ReadonlyArray<Finding> => {
  const able = assignment.judgements.filter(({ ok }) => ok)
  const nodes = able.map(({ node, reason }) => `${node} (${reason})`).join(", ")
  const hint =
    "a floating IP has to be in the subnet of an interface of a node: correct the address, or a node's prefix length"
  if (able.length === 0) return [failed(`no node can hold it: ${assignment.reason}`, hint)]
  const all = cluster.controlPlaneNodes.length + cluster.workerNodes.length
  if (able.length === 1 && all > 1)
    return [
      warning(
        `only ${nodes} can hold it: nobody takes it over when that node fails`,
        "add a node to this subnet, or a floating IP to another"
      )
    ]
  return [ok(`can be on ${nodes}`)]
}

/** In BGP mode a VIP within a subnet of the nodes is asked for by ARP there, and the neighbours never see the route. */
const vipFindings = (vip: Address, nodes: ReadonlyArray<ReachedNode>): ReadonlyArray<Finding> => {
  const within = nodes.flatMap((one) =>
    subnetsOf(one)
      .filter((subnet) => isWithin(vip, subnet))
      .map(({ prefix }) => prefix)
  )
  const first = within[0]
  if (first === undefined) return []
  return [
    warning(
      `${vip} is within ${first}, the subnet of nodes: machines there ask for it by ARP and do not follow the route`,
      "take an address outside of all subnets of the nodes, or use loadBalancer.type layer2"
    )
  ]
}

export const subnetChecks = (cluster: DesiredCluster, planned: ReadonlyArray<PlannedNode>): ReadonlyArray<Check> => {
  const base = { kind: "subnet", after: [], needs: [], locks: [] } as const
  const assigned = (planned[0]?.plan.assignments ?? []).map(
    (assignment): Check => ({
      ...base,
      id: `subnet ${assignment.address}`,
      subject: assignment.address,
      task: { type: "judged", findings: floatingFindings(cluster, assignment) }
    })
  )
  const vips = cluster.loadBalancer.type === "bgp" ? cluster.loadBalancer.controlPlaneVips : []
  const inside = vips.flatMap((vip): Array<Check> => {
    const findings = vipFindings(vip, planned)
    if (findings.length === 0) return []
    return [{ ...base, id: `subnet ${vip}`, subject: vip, task: { type: "judged", findings } }]
  })
  return [...assigned, ...inside]
}

/** Octets of a packet on an Ethernet, where the interface does not say. */
const ETHERNET = 1500
const LARGEST = 9216

export const mtuChecks = (
  sessions: ReadonlyArray<{ readonly node: string; readonly source: Address; readonly peer: Address }>,
  nodes: ReadonlyArray<ReachedNode>
): ReadonlyArray<Check> =>
  sessions.map(({ node, source, peer }) => {
    const facts = nodes.find((one) => one.node.name === node)?.facts
    const device = facts?.addresses.find(({ address }) => address === source)?.interface
    const mtu = facts?.interfaces.find(({ name }) => name === device)?.mtuOctets ?? 0
    return {
      id: `mtu ${node} ${source} ${peer}`,
      kind: "mtu",
      node,
      peer,
      subject: "",
      after: [],
      needs: [`node ${node}`],
      locks: [],
      task: { type: "mtu", source, target: peer, octetsMax: mtu === 0 ? ETHERNET : Math.min(mtu, LARGEST) }
    }
  })
