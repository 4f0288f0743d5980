// What a lab is made of, as values: hosts with interfaces on named segments, addresses and static routes. `Lab.create`
// builds them. The two-rack plan is the one that the example clusters are written for:
//
//   rack1 10.0.1.0/24 2001:db8:1::/64   nodes .10 .11   tor-1 .254     core 10.8.0.0/24 2001:db8:8::/64
//   rack2 10.0.2.0/24 2001:db8:2::/64   nodes .10 .11   tor-2 .254       tor-N .N   ext-1 .10   ext-2 .11
//   rack3 10.0.3.0/24 2001:db8:3::/64   nodes .10 .11   tor-3 .254     edge 172.30.0.0/24: ext-1 .1  ext-2 .3  client .2
//   mgmt  10.9.0.0/24 (`managed`): etcd-N .N   relay .9   node-NN .1NN, a cable of its own (eth1) on every node

export type Role = "node" | "router" | "client"

export interface InterfacePlan {
  readonly name: string
  readonly segment: string
  readonly addresses: ReadonlyArray<string>
}

export interface HostPlan {
  readonly name: string
  readonly role: Role
  readonly interfaces: ReadonlyArray<InterfacePlan>
  /** As `ip route add` takes them; a family is told by the destination or the gateway. */
  readonly routes: ReadonlyArray<string>
}

export type Topology = ReadonlyArray<HostPlan>

const rackNode = (name: string, rack: number, last: number): HostPlan => ({
  name,
  role: "node",
  interfaces: [
    { name: "eth0", segment: `rack${rack}`, addresses: [`10.0.${rack}.${last}/24`, `2001:db8:${rack}::${last}/64`] }
  ],
  routes: [`default via 10.0.${rack}.254`, `default via 2001:db8:${rack}::254`]
})

/** One node (10.0.1.10) and one router (10.0.1.254) on one wire. */
export const pair = (): Topology => star("router")

/** One node (10.0.1.10) and several routers, the first at 10.0.1.254, the next at .253 and so on, on one segment. */
export const star = (...routers: ReadonlyArray<string>): Topology => [
  rackNode("node", 1, 10),
  ...routers.map(
    (name, index): HostPlan => ({
      name,
      role: "router",
      interfaces: [
        { name: "eth0", segment: "rack1", addresses: [`10.0.1.${254 - index}/24`, `2001:db8:1::${254 - index}/64`] }
      ],
      routes: []
    })
  )
]

const client = (gateway: string): HostPlan => ({
  name: "client",
  role: "client",
  interfaces: [{ name: "eth0", segment: "edge", addresses: ["172.30.0.2/24", "2001:db8:30::2/64"] }],
  routes: [`default via 172.30.0.${gateway}`, `default via 2001:db8:30::${gateway}`]
})

/** Nodes of one rack behind tor-1, and a client on the other side of it. */
export const oneRack = (nodes = 2): Topology => [
  ...Array.from({ length: nodes }, (_, index) => rackNode(`node-0${index + 1}`, 1, 10 + index)),
  {
    name: "tor-1",
    role: "router",
    interfaces: [
      { name: "eth0", segment: "rack1", addresses: ["10.0.1.254/24", "2001:db8:1::254/64"] },
      { name: "eth1", segment: "edge", addresses: ["172.30.0.1/24", "2001:db8:30::1/64"] }
    ],
    routes: []
  },
  client("1")
]

const tor = (rack: number, racks: ReadonlyArray<number>): HostPlan => ({
  name: `tor-${rack}`,
  role: "router",
  interfaces: [
    { name: "eth0", segment: `rack${rack}`, addresses: [`10.0.${rack}.254/24`, `2001:db8:${rack}::254/64`] },
    { name: "eth1", segment: "core", addresses: [`10.8.0.${rack}/24`, `2001:db8:8::${rack}/64`] }
  ],
  routes: [
    ...racks
      .filter((other) => other !== rack)
      .flatMap((other) => [
        `10.0.${other}.0/24 via 10.8.0.${other}`,
        `2001:db8:${other}::/64 via 2001:db8:8::${other}`
      ]),
    "172.30.0.0/24 via 10.8.0.10",
    "2001:db8:30::/64 via 2001:db8:8::10"
  ]
})

const ext = (name: string, core: number, edge: number, racks: ReadonlyArray<number>): HostPlan => ({
  name,
  role: "router",
  interfaces: [
    { name: "eth0", segment: "core", addresses: [`10.8.0.${core}/24`, `2001:db8:8::${core}/64`] },
    { name: "eth1", segment: "edge", addresses: [`172.30.0.${edge}/24`, `2001:db8:30::${edge}/64`] }
  ],
  routes: racks.flatMap((rack) => [
    `10.0.${rack}.0/24 via 10.8.0.${rack}`,
    `2001:db8:${rack}::/64 via 2001:db8:8::${rack}`
  ])
})

/**
 * Racks with a ToR each, two external routers on the core, a client behind them. `nodes` are addresses in the racks'
 * subnets ("10.0.2.11"); they are called node-01, node-02, … in that order.
 */
export const racks = (nodes: ReadonlyArray<string>): Topology => {
  const numbers = [...new Set(nodes.map((address) => Number(address.split(".")[2])))].sort()
  return [
    ...nodes.map((address, index) => {
      const [, , rack, last] = address.split(".")
      return rackNode(`node-0${index + 1}`, Number(rack), Number(last))
    }),
    ...numbers.map((rack) => tor(rack, numbers)),
    ext("ext-1", 10, 1, numbers),
    ext("ext-2", 11, 3, numbers),
    client("1")
  ]
}

/** Two racks with two nodes each. */
export const twoRacks = (): Topology => racks(["10.0.1.10", "10.0.1.11", "10.0.2.10", "10.0.2.11"])

/** Two racks with two nodes each, and a third external router (10.8.0.12). */
export const threeExternals = (): Topology => {
  const all = twoRacks()
  return [...all.slice(0, -1), ext("ext-3", 12, 4, [1, 2]), ...all.slice(-1)]
}

export const RELAY = "relay"

/**
 * Adds a management network: hosts for etcd (etcd-1, …), one between them and the nodes (relay), and a second cable (eth1)
 * from each node, so that a node's way to etcd and its way to everything else are cut one without the other.
 */
export const managed = (topology: Topology, members: 1 | 3 = 1): Topology => {
  const cable = (name: string, last: number): InterfacePlan => ({
    name,
    segment: "mgmt",
    addresses: [`10.9.0.${last}/24`]
  })
  const extra = (name: string, last: number): HostPlan => ({
    name,
    role: "node",
    interfaces: [cable("eth0", last)],
    routes: []
  })
  let nodes = 100
  return [
    ...topology.map((plan) => {
      if (plan.role !== "node") return plan
      nodes += 1
      return { ...plan, interfaces: [...plan.interfaces, cable("eth1", nodes)] }
    }),
    ...Array.from({ length: members }, (_, index) => extra(`etcd-${index + 1}`, index + 1)),
    extra(RELAY, 9)
  ]
}
