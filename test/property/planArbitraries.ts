// Random clusters and views for properties of plans: nodes of both families, some not members, some not named, some leaving.
import fc from "fast-check"
import type { DesiredCluster } from "../../src/plan/desired.ts"
import type { ClusterView, Member } from "../../src/plan/view.ts"
import { claim, cluster, ip, member, node, peer, service } from "../plan/world.ts"

const NODES = ["a", "b", "c", "d", "e"]
/** What the file calls node `i`: odd ones have an IPv6 address there. */
const fileAddress = (i: number): string => (i % 4 === 3 ? `2001:db8:${i % 2}::${i + 1}` : `10.0.${i % 2}.${i + 1}`)
export const FLOATING = [
  "10.0.0.100",
  "10.0.0.101",
  "10.0.1.100",
  "10.0.1.101",
  "10.7.7.7",
  "2001:db8:0::100",
  "2001:db8:1::100"
]
const VIPS = ["10.1.1.1", "10.1.1.2", "10.0.0.200", "10.0.1.200", "2001:db8:f::1", "2001:db8:1::200"]
const SERVICES = ["web", "db", "mail"]

const memberArbitrary = (i: number): fc.Arbitrary<Member> =>
  fc
    .record({ v4: fc.boolean(), v6: fc.boolean(), leaving: fc.integer({ min: 0, max: 6 }), named: fc.boolean() })
    .map(({ v4, v6, leaving, named }) => {
      const own = fileAddress(i)
      const family = own.includes(":") ? "v6" : "v4"
      const addresses = [
        own.includes(":") ? `${own}/64` : `${own}/24`,
        ...(v4 && family === "v6" ? [`10.0.${i % 2}.${i + 1}/24`] : []),
        ...(v6 && family === "v4" ? [`2001:db8:${i % 2}::${i + 1}/64`] : [])
      ]
      return member(named ? (NODES[i] ?? "") : `host-${i}`, addresses, leaving === 0 ? { leaving: true } : {})
    })

export const some = <T>(items: ReadonlyArray<T>) => fc.subarray([...items])
/** All of them as often as some of them. */
export const most = <T>(items: ReadonlyArray<T>): fc.Arbitrary<ReadonlyArray<T>> =>
  fc.oneof(fc.constant([...items]), some(items))

export const clusterArbitrary: fc.Arbitrary<DesiredCluster> = fc
  .record({
    type: fc.constantFrom("bgp" as const, "bgp" as const, "layer2" as const),
    kind: fc.constantFrom("hybrid" as const, "user" as const, "hybrid" as const, "user" as const, "admin" as const),
    localAsn: fc.option(fc.constant(65001), { nil: undefined, freq: 5 }),
    controlPlane: most([0, 1, 3]),
    lb: most([0, 1, 2, 3]),
    floatingIps: most(FLOATING),
    peers: most(["10.0.0.254", "10.0.1.254", "2001:db8::fe"]),
    controlPlanePeers: some(["10.0.0.254", "2001:db8::fe"]),
    sessions: fc.integer({ min: 1, max: 4 }),
    addPaths: fc.option(fc.boolean(), { nil: undefined }),
    selector: fc.constantFrom(undefined, { edge: "true" }, { edge: "no" }),
    services: fc.tuple(
      ...SERVICES.map((name) => fc.record({ name: fc.constant(name), local: fc.boolean(), there: fc.boolean() }))
    ),
    endpoints: fc.array(
      fc.record({ name: fc.constantFrom(...SERVICES), nodes: some([...NODES, "host-0", "10.0.1.2"]) }),
      { maxLength: 3 }
    ),
    vipInterface: fc.constantFrom("lo", "none")
  })
  .map((x) => {
    const nodes = (indexes: ReadonlyArray<number>) => indexes.map((i) => node(NODES[i] ?? "", fileAddress(i)))
    const base = cluster(
      {
        type: x.kind,
        controlPlaneNodes: nodes(x.controlPlane),
        workerNodes: nodes([4]),
        serviceFamilies: ["ipv4", "ipv6"],
        floatingIps: x.floatingIps.map(ip),
        servicePeers: x.peers.map((address, i) =>
          peer(`p${i}`, address, {
            sessions: x.sessions,
            ...(x.addPaths === undefined ? {} : { addPaths: x.addPaths })
          })
        ),
        services: x.services
          .filter(({ there }) => there)
          .map(({ name, local }) => service(name, { externalTrafficPolicy: local ? "Local" : "Cluster" })),
        endpoints: x.endpoints.map((e) => ({ service: `default/${e.name}`, nodes: e.nodes }))
      },
      {
        type: x.type,
        nodes: nodes(x.lb),
        controlPlanePeers: x.controlPlanePeers.map((address) => ({ ip: ip(address), asn: 65002 })),
        controlPlaneVips: [ip("10.0.0.8")],
        vipInterface: x.vipInterface
      }
    )
    const { localAsn: _asn, ...loadBalancer } = base.loadBalancer
    const { peerSelector: _selector, ...rest } = base
    return {
      ...rest,
      loadBalancer: x.localAsn === undefined ? loadBalancer : { ...loadBalancer, localAsn: x.localAsn },
      ...(x.selector === undefined ? {} : { peerSelector: x.selector })
    }
  })

const membersArbitrary = most([0, 1, 2, 3, 4]).chain((indexes) => fc.tuple(...indexes.map(memberArbitrary)))

export const viewArbitrary: fc.Arbitrary<ClusterView> = membersArbitrary.chain((members) =>
  fc.record({
    members: fc.constant(members),
    claims: fc
      .array(
        fc.record({
          address: fc.constantFrom(...FLOATING, ...VIPS),
          holder: fc.constantFrom("a", "b", "host-2", "gone"),
          generation: fc.nat(9)
        }),
        { maxLength: 6 }
      )
      .map((claims) => claims.map((c) => claim(c.address, c.holder, c.generation))),
    bindings: fc
      .uniqueArray(
        fc.record({
          address: fc.constantFrom(...VIPS),
          owners: fc.oneof(
            fc.constantFrom(...SERVICES).map((name) => [name]),
            fc.uniqueArray(fc.constantFrom(...SERVICES, "gone"), { minLength: 1 })
          )
        }),
        {
          selector: (x) => x.address
        }
      )
      .map((list) =>
        list.map(({ address, owners }) => ({
          address: ip(address),
          pool: "pool1",
          owners: owners.map((name) => ({ service: `default/${name}`, ports: [] }))
        }))
      ),
    resting: fc.constant([]),
    drained: fc.oneof(fc.constant([]), some(["a", "b", "host-1", "10.0.0.3"]))
  })
)
