// What is simulated, drawn from the seed: a cluster of a few nodes in two racks with its routers, floating IPs, pools and services,
// as a value that changes (an operator at work) and is written as the documents that an operator would write.
import type { Address } from "../net/ip.ts"
import type { Chance } from "./World.ts"

export interface SimNode {
  readonly name: string
  readonly rack: number
  readonly ipv4: Address
  readonly ipv6?: Address
  /** How fast its clock runs. */
  readonly rate: number
  readonly offsetMs: number
  /** How far the store is, each way. */
  readonly storeMs: number
}

export interface SimPeer {
  readonly name: string
  readonly address: Address
  readonly asn: number
  readonly sessions: number
  readonly holdTime: number
  /** What the router can do. */
  readonly addPath: boolean
  readonly helper: boolean
}

export interface SimService {
  readonly name: string
  readonly family: "ipv4" | "ipv6" | "dual"
  readonly port: number
  readonly sharingKey?: string
  /** Names of nodes with an endpoint; absent: externalTrafficPolicy Cluster. */
  readonly endpoints?: ReadonlyArray<string>
}

/** What the documents say. */
export interface Model {
  readonly peers: ReadonlyArray<SimPeer>
  readonly floatingIps: ReadonlyArray<Address>
  readonly services: ReadonlyArray<SimService>
  /** Ends of the pool's IPv4 range, last octet. */
  readonly poolLast: number
}

export interface Scenario {
  readonly mode: "bgp" | "layer2"
  readonly nodes: ReadonlyArray<SimNode>
  readonly leaseSeconds: number
  readonly onStoreLoss: "hold" | "release"
  readonly addressRestSeconds: number
  /** Every router that there will ever be a document about. */
  readonly routers: ReadonlyArray<SimPeer>
  readonly start: Model
}

export const clusterAsn = 65_001
export const controlPlaneVip = "10.0.1.200" as Address
const poolPrefix = "10.0.1"
const poolFirst = 210

export const floatingIpsMax: ReadonlyArray<Address> = [
  "10.0.1.100",
  "10.0.2.100",
  "10.0.1.101",
  "10.0.2.101"
] as ReadonlyArray<string> as ReadonlyArray<Address>

const nodeOf = (index: number, chance: Chance): SimNode => {
  const rack = (index % 2) + 1
  const host = 10 + Math.floor(index / 2)
  return {
    name: `node-${index + 1}`,
    rack,
    ipv4: `10.0.${rack}.${host}` as Address,
    ...(chance.happens(0.9) ? { ipv6: `2001:db8:${rack}::${host}` as Address } : {}),
    rate: 0.98 + 0.04 * chance.next(),
    offsetMs: chance.between(-5_000, 5_000) + 1_000_000,
    storeMs: chance.between(2, 40) / 10
  }
}

const routerOf = (index: number, addPath: boolean, chance: Chance): SimPeer => ({
  name: `router-${index + 1}`,
  address: `10.8.0.${10 + index}` as Address,
  asn: 65_100 + index,
  sessions: chance.between(1, 3),
  holdTime: chance.pick([9, 12, 30]),
  addPath,
  helper: chance.happens(0.6)
})

const drawService = (number: number, nodes: ReadonlyArray<SimNode>, chance: Chance): SimService => {
  const local = chance.happens(0.3)
  // Services that share an address have one policy here, so that what is expected of it is plain.
  const shared = !local && chance.happens(0.3)
  return {
    name: `web-${number}`,
    family: chance.pick(["ipv4", "ipv4", "dual", "ipv6"] as const),
    port: 1_000 + number,
    ...(shared ? { sharingKey: `key-${chance.between(1, 2)}` } : {}),
    ...(local ? { endpoints: drawEndpoints(nodes, chance) } : {})
  }
}

const drawEndpoints = (nodes: ReadonlyArray<SimNode>, chance: Chance): ReadonlyArray<string> =>
  nodes.filter(() => chance.happens(0.6)).map(({ name }) => name)

export const drawScenario = (chance: Chance, nodeCount: number | undefined): Scenario => {
  const count = nodeCount ?? chance.pick([3, 4, 4, 5, 5])
  const nodes = Array.from({ length: count }, (_, index) => nodeOf(index, chance))
  const addPath = chance.happens(0.6)
  const routers = Array.from({ length: 3 }, (_, index) => routerOf(index, addPath || chance.happens(0.3), chance))
  const services = Array.from({ length: chance.between(4, 12) }, (_, index) => drawService(index + 1, nodes, chance))
  return {
    mode: chance.happens(0.15) ? "layer2" : "bgp",
    nodes,
    leaseSeconds: chance.between(2, 5),
    onStoreLoss: chance.happens(0.2) ? "release" : "hold",
    addressRestSeconds: chance.pick([0, 5, 20]),
    routers,
    start: {
      peers: routers.slice(0, 2),
      floatingIps: floatingIpsMax.slice(0, chance.between(2, 4)),
      services,
      poolLast: poolFirst + 19
    }
  }
}

const clusterDocument = ({ mode, nodes }: Scenario, { peers, poolLast }: Model) => ({
  apiVersion: "baremetal.cluster.gke.io/v1",
  kind: "Cluster",
  metadata: { name: "sim", namespace: "cluster-sim" },
  spec: {
    type: "hybrid",
    controlPlane: { nodePoolSpec: { nodes: nodes.map(({ name, ipv4 }) => ({ name, address: ipv4 })) } },
    clusterNetwork: { advancedNetworking: true, services: { cidrBlocks: ["10.96.0.0/16", "fd00::/112"] } },
    loadBalancer: {
      mode: "bundled",
      type: mode,
      ...(mode === "bgp"
        ? {
            localASN: clusterAsn,
            bgpPeers: peers.map(({ address, asn, holdTime }) => ({ ip: address, asn, holdTime }))
          }
        : {}),
      vips: { controlPlaneVIP: controlPlaneVip },
      addressPools: [
        {
          name: "pool",
          addresses: [`${poolPrefix}.${poolFirst}-${poolPrefix}.${poolLast}`, "2001:db8:1::1000-2001:db8:1::10ff"]
        }
      ]
    }
  }
})

const serviceDocuments = ({ name, family, port, sharingKey, endpoints }: SimService) => [
  {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace: "default",
      ...(sharingKey === undefined ? {} : { annotations: { "viaduct.dev/allow-shared-ip": sharingKey } })
    },
    spec: {
      type: "LoadBalancer",
      ports: [{ port, protocol: "TCP" }],
      ipFamilies: family === "dual" ? ["IPv4", "IPv6"] : [family === "ipv4" ? "IPv4" : "IPv6"],
      ipFamilyPolicy: family === "dual" ? "RequireDualStack" : "SingleStack",
      externalTrafficPolicy: endpoints === undefined ? "Cluster" : "Local"
    }
  },
  ...(endpoints === undefined
    ? []
    : [
        {
          apiVersion: "discovery.k8s.io/v1",
          kind: "EndpointSlice",
          metadata: { name: `${name}-1`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
          addressType: "IPv4",
          endpoints: endpoints.map((nodeName) => ({ nodeName, conditions: { ready: true } }))
        }
      ])
]

const gatewayDocuments = (model: Model) => [
  {
    apiVersion: "networking.gke.io/v1",
    kind: "NetworkGatewayGroup",
    metadata: { name: "default", namespace: "cluster-sim" },
    spec: { floatingIPs: model.floatingIps }
  },
  {
    apiVersion: "networking.gke.io/v1",
    kind: "BGPLoadBalancer",
    metadata: { name: "default", namespace: "cluster-sim" },
    spec: { peerSelector: { peer: "yes" } }
  },
  ...model.peers.map(({ name, address, asn, sessions, holdTime }) => ({
    apiVersion: "networking.gke.io/v1",
    kind: "BGPPeer",
    metadata: { name, namespace: "cluster-sim", labels: { peer: "yes" } },
    spec: { localASN: clusterAsn, peerASN: asn, peerIP: address, sessions, holdTime, connectRetryTime: 2 }
  }))
]

/** As one file; JSON is YAML. */
export const documentsOf = (scenario: Scenario, model: Model): string =>
  [
    clusterDocument(scenario, model),
    ...(scenario.mode === "bgp" ? gatewayDocuments(model) : []),
    ...model.services.flatMap(serviceDocuments)
  ]
    .map((document) => JSON.stringify(document))
    .join("\n---\n")

/** One thing that an operator changes. */
export const drawChange = (
  scenario: Scenario,
  model: Model,
  chance: Chance,
  number: number
): { readonly what: string; readonly model: Model } => {
  const { peers, floatingIps, services } = model
  const kinds = ["add service", "remove service", "endpoints", "pool"]
  if (scenario.mode === "bgp") kinds.push("peer", "floating IP")
  const kind = chance.pick(kinds)
  const keeping = services.length > 2
  switch (kind) {
    case "peer": {
      const [, , spare] = scenario.routers
      const with3 = peers.length === 3
      if (with3) return { what: `remove peer ${spare?.name}`, model: { ...model, peers: peers.slice(0, 2) } }
      return { what: `add peer ${spare?.name}`, model: { ...model, peers: scenario.routers } }
    }
    case "floating IP": {
      const next = floatingIpsMax[floatingIps.length]
      if (next !== undefined && (floatingIps.length < 2 || chance.happens(0.5)))
        return { what: `add floating IP ${next}`, model: { ...model, floatingIps: [...floatingIps, next] } }
      const gone = floatingIps.at(-1)
      return { what: `remove floating IP ${gone}`, model: { ...model, floatingIps: floatingIps.slice(0, -1) } }
    }
    case "pool":
      return {
        what: `pool up to ${model.poolLast + 1}`,
        model: { ...model, poolLast: Math.min(249, model.poolLast + 1) }
      }
    case "endpoints": {
      const local = services.filter(({ endpoints }) => endpoints !== undefined)
      if (local.length === 0) break
      const one = chance.pick(local)
      const changed = { ...one, endpoints: drawEndpoints(scenario.nodes, chance) }
      return {
        what: `endpoints of ${one.name}: ${changed.endpoints.join(" ") || "none"}`,
        model: { ...model, services: services.map((service) => (service === one ? changed : service)) }
      }
    }
    case "remove service": {
      if (!keeping) break
      const one = chance.pick(services)
      return {
        what: `remove service ${one.name}`,
        model: { ...model, services: services.filter((service) => service !== one) }
      }
    }
  }
  if (services.length >= 12) {
    const one = services[0] as SimService
    return { what: `remove service ${one.name}`, model: { ...model, services: services.slice(1) } }
  }
  const service = drawService(100 + number, scenario.nodes, chance)
  return { what: `add service ${service.name}`, model: { ...model, services: [...services, service] } }
}
