// The configs that a change goes through peer by peer: each whole and valid, new peers before old ones go (S20).
import { describe, expect, test } from "bun:test"
import { sameDocuments } from "../../src/config/documentsOf.ts"
import { type ConfigFile, loadCluster } from "../../src/config/load.ts"
import { stagesOf } from "../../src/config/stages.ts"

interface Parts {
  /** Entries of bgpPeers. */
  readonly peers?: ReadonlyArray<string>
  /** Name and address of BGPPeers. */
  readonly services?: Readonly<Record<string, string>>
  readonly pool?: string
  readonly nodes?: ReadonlyArray<string>
  /** Peers that are for one node only. */
  readonly pinned?: Readonly<Record<string, string>>
  /** The label that selects BGPPeers, and that they have. */
  readonly label?: string
}

const config = ({
  peers = [],
  services = {},
  pool = "10.9.0.0/24",
  nodes = ["10.0.1.11"],
  pinned = {},
  label = "edge"
}: Parts): ReadonlyArray<ConfigFile> => [
  {
    path: "cluster.yaml",
    text: `# The cluster of the first rack.
apiVersion: baremetal.cluster.gke.io/v1
kind: Cluster
metadata: { name: bm }
spec:
  type: hybrid
  clusterNetwork: { advancedNetworking: true }
  controlPlane:
    nodePoolSpec:
      nodes:
${nodes.map((address) => `        - address: ${address}`).join("\n")}
  loadBalancer:
    mode: bundled
    type: bgp
    localASN: 65001
    vips: { controlPlaneVIP: 10.0.9.8 }
    bgpPeers: # ask the network team first
${peers
  .map(
    (ip) => `      - { ip: ${ip}, asn: 65002${pinned[ip] === undefined ? "" : `, controlPlaneNodes: [${pinned[ip]}]`} }`
  )
  .join("\n")}
    addressPools:
      - name: pool1
        addresses: [${pool}]
---
apiVersion: networking.gke.io/v1
kind: NetworkGatewayGroup
metadata: { name: default }
spec: { floatingIPs: [10.0.1.100, 10.0.1.101] }
---
apiVersion: networking.gke.io/v1
kind: BGPLoadBalancer
metadata: { name: default }
spec: { peerSelector: { ${label}: "true" } }
`
  },
  ...Object.entries(services).map(([name, address]) => ({
    path: `${name}.yaml`,
    text: `apiVersion: networking.gke.io/v1
kind: BGPPeer
metadata: { name: ${name}, labels: { ${label}: "true" } }
spec: { localASN: 65001, peerASN: 65002, peerIP: ${address} }
`
  }))
]

const peersIn = (files: ReadonlyArray<ConfigFile>): string => {
  const { cluster, problems } = loadCluster(files)
  if (cluster === undefined) throw new Error(problems.map(({ message }) => message).join("\n"))
  const service = cluster.servicePeers.map(({ peerIp }) => `s${peerIp}`)
  return [...cluster.loadBalancer.controlPlanePeers.map(({ ip }) => ip), ...service].toSorted().join(" ")
}

const steps = (before: ReadonlyArray<ConfigFile>, after: ReadonlyArray<ConfigFile>): ReadonlyArray<string> => {
  const stages = stagesOf(before, after)
  const last = stages.at(-1)
  if (last !== undefined) expect(sameDocuments(last.files, after)).toBe(true)
  return stages.map(({ what, files, added }) => {
    expect(what.startsWith("add ")).toBe(added !== undefined)
    return `${what}: ${peersIn(files)}`
  })
}

const service = (name: string) => ({ [name]: "10.0.1.254" })

describe("the steps of", () => {
  test("nothing at all, also in other words: none", () => {
    const one = config({ peers: ["10.0.1.254"], services: service("tor-a") })
    expect(stagesOf(one, one)).toEqual([])
    expect(
      stagesOf(
        one,
        one.map(({ path, text }) => ({ path, text: `# said otherwise\n${text}` }))
      )
    ).toEqual([])
  })

  test("two peers of the control plane for two others: each added, then each removed", () => {
    const before = config({ peers: ["10.0.1.1", "10.0.1.2"] })
    const after = config({ peers: ["10.0.1.3", "10.0.1.4"] })
    expect(steps(before, after)).toEqual([
      "add peer 10.0.1.3: 10.0.1.1 10.0.1.2 10.0.1.3",
      "add peer 10.0.1.4: 10.0.1.1 10.0.1.2 10.0.1.3 10.0.1.4",
      "remove peer 10.0.1.1: 10.0.1.2 10.0.1.3 10.0.1.4",
      "remove peer 10.0.1.2: 10.0.1.3 10.0.1.4"
    ])
  })

  test("a peer that goes and something else besides: the rest comes while the old peer still stands", () => {
    const before = config({ peers: ["10.0.1.1", "10.0.1.2"] })
    const after = config({ peers: ["10.0.1.1"], pool: "10.8.0.0/24" })
    expect(steps(before, after)).toEqual(["everything else: 10.0.1.1 10.0.1.2", "remove peer 10.0.1.2: 10.0.1.1"])
    const pools = stagesOf(before, after).map(({ files }) => loadCluster(files).cluster?.loadBalancer.pools)
    expect(pools.map((list) => list?.[0]?.ranges[0]?.first as string | undefined)).toEqual(["10.8.0.0", "10.8.0.0"])
  })

  test("a BGPPeer that changes its address: both stand side by side, whatever they are called", () => {
    const before = config({ peers: ["10.0.1.1"], services: { "tor-a": "10.0.1.1" } })
    const after = config({ peers: ["10.0.1.1"], services: { "tor-a": "10.0.1.2" } })
    expect(steps(before, after)).toEqual([
      "add service peer 10.0.1.2: 10.0.1.1 s10.0.1.1 s10.0.1.2",
      "everything else: 10.0.1.1 s10.0.1.1 s10.0.1.2",
      "remove service peer 10.0.1.1: 10.0.1.1 s10.0.1.2"
    ])
    const [first] = stagesOf(before, after)
    expect(loadCluster(first?.files ?? []).cluster?.servicePeers.map(({ name }) => name)).toEqual([
      "tor-a",
      "tor-a-new"
    ])
  })

  test("a BGPPeer for another that another label selects: each is selected as long as it stands", () => {
    const before = config({ peers: ["10.0.1.1"], services: { "tor-a": "10.0.1.1" } })
    const after = config({ peers: ["10.0.1.1"], services: { "tor-b": "10.0.1.2" }, label: "rack" })
    expect(steps(before, after)).toEqual([
      "add service peer 10.0.1.2: 10.0.1.1 s10.0.1.1 s10.0.1.2",
      "everything else: 10.0.1.1 s10.0.1.1 s10.0.1.2",
      "remove service peer 10.0.1.1: 10.0.1.1 s10.0.1.2"
    ])
    const selected = stagesOf(before, after).map(({ files }) => {
      const { peerSelector = {}, servicePeers = [] } = loadCluster(files).cluster ?? {}
      const keys = Object.keys(peerSelector)
      const serving = servicePeers.filter(({ labels }) => keys.every((key) => labels[key] === "true"))
      return `${keys}: ${serving.map(({ name }) => name)}`
    })
    expect(selected).toEqual(["edge: tor-a,tor-b", "rack: tor-b,tor-a", "rack: tor-b"])
  })

  test("a BGPPeer that nothing selects stays so beside another config", () => {
    const services = { "tor-a": "10.0.1.1" }
    const peers = ["10.0.1.1"]
    const before = config({ peers, services })
    const more = { ...services, "tor-b": "10.0.1.2" }
    const after = config({ peers, services: more, pool: "10.8.0.0/24" }).map(({ path, text }) => ({
      path,
      text: path === "tor-b.yaml" ? text.replace("edge", "spare") : text
    }))
    const [first] = stagesOf(before, after)
    expect(loadCluster(first?.files ?? []).cluster?.servicePeers.map(({ labels }) => labels)).toEqual([
      { edge: "true" },
      { spare: "true" }
    ])
  })

  test("a BGPPeer that is renamed: one step, and no peer to wait for", () => {
    const peers = ["10.0.1.1"]
    const before = config({ peers, services: service("tor-a") })
    const after = config({ peers, services: service("tor-b") })
    expect(steps(before, after)).toEqual(["everything else: 10.0.1.1 s10.0.1.254"])
  })

  test("a new peer that is for a node which comes with the same change: it comes with the rest", () => {
    const before = config({ peers: ["10.0.1.1", "10.0.1.9"] })
    const nodes = ["10.0.1.11", "10.0.1.12"]
    const after = config({ peers: ["10.0.1.1", "10.0.1.2"], nodes, pinned: { "10.0.1.2": "10.0.1.12" } })
    expect(steps(before, after)).toEqual([
      "everything else: 10.0.1.1 10.0.1.2 10.0.1.9",
      "remove peer 10.0.1.9: 10.0.1.1 10.0.1.2"
    ])
  })
})

test("comments and the other documents stay as they are while a peer is added", () => {
  const before = config({ peers: ["10.0.1.1"] })
  const [first] = stagesOf(before, config({ peers: ["10.0.1.2"] }))
  const text = first?.files[0]?.text ?? ""
  expect(text).toContain("# The cluster of the first rack.")
  expect(text).toContain("# ask the network team first")
  expect(text.slice(text.indexOf("---"))).toBe((before[0]?.text ?? "").slice((before[0]?.text ?? "").indexOf("---")))
})
