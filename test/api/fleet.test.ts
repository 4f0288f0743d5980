// A console's fleet without a network: what several nodes say put together, clusters kept apart, nodes that are away, and where a change goes.
import { describe, expect, test } from "bun:test"
import type { ApplyOutcome } from "../../src/api/control.ts"
import { fleetControl, type RemoteControl } from "../../src/api/fleet/control.ts"
import { type AwayNode, clustersOf, type SeenNode } from "../../src/api/fleet/fleet.ts"
import { CLUSTER_LABEL, makeFleetObjects } from "../../src/api/fleet/objects.ts"
import { fleetReadiness, fleetStatus } from "../../src/api/fleet/status.ts"
import type { ApplyRequest } from "../../src/config/change.ts"
import type { ConfigObject, ConfigSnapshot } from "../../src/config/objects.ts"
import type { TraceRecord } from "../../src/observe/trace.ts"
import { bgpSession } from "../../src/resources/bgpSession.ts"
import { service } from "../../src/resources/documents/service.ts"
import { event } from "../../src/resources/event.ts"
import { floatingIp } from "../../src/resources/floatingIp.ts"
import { node } from "../../src/resources/node.ts"
import type { NodeStatus, RemoteNodeStatus } from "../../src/resources/nodeStatus.ts"
import { valueAt } from "../../src/resources/valueAt.ts"
import { clusterStatus, down, nodeStatus, session } from "../resources/fixtures.ts"

const document = (kind: string, namespace: string, name: string, generation = 1): ConfigObject => ({
  apiVersion: kind === "Service" ? "v1" : "networking.gke.io/v1",
  kind,
  metadata: { name, namespace, uid: `${kind}-${name}`, generation, creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: {}
})

const snapshot = (revision: number, ...objects: ReadonlyArray<ConfigObject>): ConfigSnapshot => ({
  revision,
  hash: String(revision),
  objects,
  history: []
})

const told = (name: string, of: string): RemoteNodeStatus => ({
  node: of,
  reportedAt: "2021-06-14T22:09:36Z",
  sessions: [{ ...down(name, "by hearsay"), advertised: 1, received: 0 }],
  routes: [],
  routesMore: 0
})

const seen = (
  url: string,
  cluster: string,
  name: string,
  more: Partial<NodeStatus> = {},
  config = snapshot(1)
): SeenNode => ({
  url,
  config,
  status: nodeStatus(more.sessions ?? [], { ...more, cluster, node: name })
})

const away = (url: string, last?: NodeStatus): AwayNode => ({
  url,
  why: "connection refused",
  since: "2021-06-14T22:05:00.250Z",
  ...(last === undefined ? {} : { last })
})

const names = (objects: ReadonlyArray<{ readonly metadata: { readonly name: string } }>) =>
  objects.map(({ metadata }) => metadata.name)

describe("a cluster's objects", () => {
  const a = seen("http://a", "east", "a", {
    sessions: [session("10.0.1.254-a")],
    elsewhere: [told("10.0.1.254-b", "b")]
  })
  const b = seen("http://b", "east", "b", {
    sessions: [session("10.0.1.254-b")],
    elsewhere: [told("10.0.1.254-a", "a")]
  })

  test("are each there once, in the words of the node that they are of", () => {
    const sessions = makeFleetObjects()(clustersOf([a, b], []), bgpSession)
    expect(names(sessions)).toEqual(["10.0.1.254-a", "10.0.1.254-b"])
    expect(sessions.map((one) => valueAt(one, "status.state"))).toEqual(["Established", "Established"])
    expect(sessions[0]?.metadata.labels).toBeUndefined()
  })

  test("have an identity that stays, whichever node answers", () => {
    const objects = makeFleetObjects()
    const both = objects(clustersOf([a, b], []), bgpSession).map(({ metadata }) => metadata.uid)
    const one = objects(clustersOf([b], [away("http://a", a.status)]), bgpSession)
    expect(one.map(({ metadata }) => metadata.uid).sort()).toEqual(both.sort())
    expect(one.map((object) => valueAt(object, "status.state")).sort()).toEqual(["Connect", "Established"])
  })

  test("an address that moves is shown by its holder", () => {
    const [held] = clusterStatus.floatingIps
    const other = { ...clusterStatus.floatingIps[0], state: "other" as const, reason: "b has it", node: "b" }
    const floatingIps = [{ ...held, ...other, state: "held" as const, reason: "mine" }]
    const fleet = clustersOf(
      [
        seen("http://a", "east", "a", { floatingIps: [other as never] }),
        seen("http://b", "east", "b", { floatingIps: floatingIps as never })
      ],
      []
    )
    expect(makeFleetObjects()(fleet, floatingIp).map((one) => valueAt(one, "status.state"))).toEqual(["held"])
  })

  test("documents are those of the newest revision", () => {
    const old = seen("http://a", "east", "a", {}, snapshot(3, document("Service", "default", "web")))
    const young = seen("http://b", "east", "b", {}, snapshot(4, document("Service", "default", "web", 2)))
    const services = makeFleetObjects()(clustersOf([old, young], []), service)
    expect(services.map(({ metadata }) => [metadata.name, metadata.generation])).toEqual([["web", 2]])
  })
})

describe("several clusters", () => {
  const east = seen("http://a", "east", "a", { sessions: [session("10.0.1.254-a"), session("10.0.2.254-a")] })
  const west = seen("http://c", "west", "c", { sessions: [session("10.0.1.254-a")] })

  test("are told apart by a label, and by a suffix where they have the same name", () => {
    const sessions = makeFleetObjects()(clustersOf([east, west], []), bgpSession)
    expect(sessions.map(({ metadata }) => [metadata.name, metadata.labels?.[CLUSTER_LABEL]])).toEqual([
      ["10.0.1.254-a.east", "east"],
      ["10.0.2.254-a", "east"],
      ["10.0.1.254-a.west", "west"]
    ])
    expect(new Set(sessions.map(({ metadata }) => metadata.uid)).size).toBe(3)
  })

  test("a name that was shared never comes to mean the other cluster's object", () => {
    const objects = makeFleetObjects()
    objects(clustersOf([east, west], []), bgpSession)
    const left = objects(clustersOf([west], [away("http://a", east.status)]), bgpSession)
    expect(names(left)).toEqual(["10.0.1.254-a.west"])
  })
})

describe("a node that does not answer", () => {
  const a = seen("http://a:1", "east", "a", {
    members: [...clusterStatus.members].map((one, at) => ({ ...one, name: at === 0 ? "a" : "b" })),
    sessions: [session("10.0.1.254-a")]
  })

  test("is a Node of unknown condition beside the others, with what they say of it, and an Event", () => {
    const fleet = clustersOf(
      [a],
      [away("http://b:1", nodeStatus([], { cluster: "east", node: "b" })), away("http://10.0.0.9:7179")]
    )
    const objects = makeFleetObjects()
    const nodes = objects(fleet, node)
    expect(nodes.map((one) => [one.metadata.name, valueAt(one, "status.conditions.0.status")])).toEqual([
      ["a", expect.stringMatching(/True|False/)],
      ["b", "Unknown"],
      ["10.0.0.9-7179", "Unknown"]
    ])
    expect(valueAt(nodes[1], "status.conditions.0.message")).toMatch(
      /^the console cannot ask it at http:\/\/b:1: connection refused; by the other nodes it is /
    )
    const events = objects(fleet, event)
    expect(events.map((one) => [valueAt(one, "reason"), valueAt(one, "involvedObject.name")])).toEqual([
      ["NodeUnreachable", "b"],
      ["NodeUnreachable", "10.0.0.9-7179"]
    ])
    expect(valueAt(events[0], "involvedObject.uid")).toBe(nodes[1]?.metadata.uid as string)
    expect(names(objects(fleet, bgpSession))).toEqual(["10.0.1.254-a"])
  })

  test("is in the one status as a member that is not ready, and makes the fleet unready", () => {
    const fleet = clustersOf([a], [away("http://z:1")])
    const status = fleetStatus(fleet)
    expect(status?.members.find(({ name }) => name === "z-1")?.report?.summary).toContain("connection refused")
    expect(status?.events.at(-1)?.reason).toBe("NodeUnreachable")
    expect(fleetReadiness(fleet)).toMatchObject({
      ready: false,
      nodes: 2,
      missing: ["z-1 does not answer: connection refused"]
    })
    expect(fleetStatus(clustersOf([], [away("http://z:1")]))).toBeUndefined()
  })
})

test("one status for all: the leader's, with the others as it would know them", () => {
  const a = seen("http://a", "east", "a", {
    sessions: [session("10.0.1.254-a")],
    elsewhere: [told("10.0.1.254-b", "b"), told("x-q", "q")]
  })
  const b = seen("http://b", "east", "b", { sessions: [session("10.0.1.254-b")] }, snapshot(2))
  const status = fleetStatus(clustersOf([a, b], []))
  expect([status?.node, status?.cluster]).toEqual(["b", "east"])
  expect(status?.sessions.map(({ name }) => name)).toEqual(["10.0.1.254-b"])
  expect(status?.elsewhere.map(({ node: of, sessions }) => [of, sessions[0]?.state])).toEqual([
    ["a", "Established"],
    ["q", "Connect"]
  ])
})

describe("a change", () => {
  const east = seen(
    "http://a",
    "east",
    "a",
    {},
    snapshot(5, document("Service", "default", "web", 3), document("BGPPeer", "cluster-east", "p1"))
  )
  const old = seen("http://b", "east", "b", {}, snapshot(4, document("Service", "default", "web", 2)))
  const west = seen(
    "http://c",
    "west",
    "c",
    {},
    snapshot(1, document("Service", "default", "web"), document("Service", "shop", "till"))
  )

  const asking = (nodes: ReadonlyArray<SeenNode>, gone: ReadonlyArray<AwayNode> = []) => {
    const asked: Array<readonly [url: string, request: ApplyRequest]> = []
    const planned = { outcome: "unchanged", revision: 5 } as ApplyOutcome
    const controlOf = (url: string) =>
      ({
        config: {
          apply: async (request: ApplyRequest) => {
            asked.push([url, request])
            return planned
          }
        },
        drain: async (name: string, _on: boolean, _by: string, force?: boolean) => ({
          done: true,
          reason: `${url} ${name}${force === true ? " by force" : ""}`
        }),
        trace: async function* () {
          yield { at: url === "http://a" ? "2" : "1", session: url } as TraceRecord
        }
      }) as unknown as RemoteControl
    const control = fleetControl({ clusters: () => clustersOf(nodes, gone), controlOf })
    return { control, asked }
  }
  const put = (object: Record<string, unknown>, more: object = {}) => ({
    change: { type: "put" as const, object, ...more },
    by: "x"
  })
  const web = (name: string, labels?: Record<string, string>) => ({
    ...{ apiVersion: "v1", kind: "Service", spec: { type: "LoadBalancer" } },
    metadata: { name, namespace: "default", ...(labels === undefined ? {} : { labels }) }
  })

  test("goes to the node that leads, with its precondition, and in one cluster as it is", async () => {
    const { control, asked } = asking([old, east])
    await control.config.apply(put(web("web.east", { [CLUSTER_LABEL]: "mine" }), { ifGeneration: 3 }))
    expect(asked).toEqual([["http://a", put(web("web.east", { [CLUSTER_LABEL]: "mine" }), { ifGeneration: 3 })]])
  })

  test("goes to the cluster that its label names, under the name that it has there, and without the label", async () => {
    const { control, asked } = asking([east, west])
    await control.config.apply(put(web("web.west", { [CLUSTER_LABEL]: "west", app: "web" })))
    await control.config.apply(put(web("web.east", { [CLUSTER_LABEL]: "east" })))
    expect(asked).toEqual([
      ["http://c", put(web("web", { app: "web" }))],
      ["http://a", put(web("web"))]
    ])
  })

  test("goes to the cluster that has the document or its namespace, and otherwise asks which is meant", async () => {
    const { control, asked } = asking([east, west])
    await control.config.apply(put({ ...web("till"), metadata: { name: "till", namespace: "shop" } }))
    await control.config.apply(
      put({ apiVersion: "networking.gke.io/v1", kind: "BGPPeer", metadata: { name: "p2", namespace: "cluster-west" } })
    )
    const ref = { apiVersion: "v1", kind: "Service", namespace: "default", name: "web.west" }
    await control.config.apply({ change: { type: "delete", ref, ifGeneration: 1 }, by: "x" })
    expect(asked.map(([url]) => url)).toEqual(["http://c", "http://c", "http://c"])
    expect(asked[2]?.[1].change).toEqual({ type: "delete", ref: { ...ref, name: "web" }, ifGeneration: 1 })
    const refused = {
      outcome: "refused",
      reason: `say which cluster is meant, with the label ${CLUSTER_LABEL} (east, west)`
    }
    expect(await control.config.apply(put(web("web")))).toEqual(refused as ApplyOutcome)
    expect(await control.config.apply(put(web("new")))).toEqual(refused as ApplyOutcome)
    expect(await control.config.apply(put(web("new", { [CLUSTER_LABEL]: "north" })))).toMatchObject({
      outcome: "refused",
      reason: "there is no cluster north here, only east, west"
    })
    expect(asked).toHaveLength(3)
  })

  test("of a cluster that is away is refused, with the reason", async () => {
    const { control } = asking([west], [away("http://a", east.status)])
    expect(await control.config.apply(put(web("x", { [CLUSTER_LABEL]: "east" })))).toEqual({
      outcome: "refused",
      reason: "the node at http://a cannot be asked: connection refused"
    })
  })

  test("files go to the cluster whose they are", async () => {
    const { control, asked } = asking([east, west])
    const files = (text: string) => ({ change: { type: "files" as const, files: [{ path: "f", text }] }, by: "x" })
    await control.config.apply(files("kind: Cluster\nmetadata:\n  name: west\n  namespace: cluster-west\n"))
    expect(asked.map(([url]) => url)).toEqual(["http://c"])
    expect(await control.config.apply(files("kind: Service"))).toMatchObject({ outcome: "refused" })
    expect(await control.config.apply({ change: { type: "rollback", to: 1 }, by: "x" })).toMatchObject({
      outcome: "refused"
    })
  })

  test("a node is drained by its own cluster, and messages of all come in order of time", async () => {
    const { control } = asking([east, west])
    expect((await control.drain("c", true, "x")).reason).toBe("http://c c")
    expect((await control.drain("c", true, "x", true)).reason).toBe("http://c c by force")
    expect((await control.drain("nobody", true, "x")).done).toBe(false)
    const records = await Array.fromAsync(control.trace({ follow: false }, new AbortController().signal))
    expect(records.map(({ session }) => session)).toEqual(["http://c", "http://a"])
  })
})
