// Events as they are read off two statuses of a node, and how they are kept: counted, bounded, oldest first.
import { describe, expect, test } from "bun:test"
import { type EventDraft, emptyLog, eventsMax, record } from "../../src/resources/eventLog.ts"
import type {
  FloatingIpStatus,
  MemberStatus,
  NodeStatus,
  ServiceStatus,
  SessionStatus
} from "../../src/resources/nodeStatus.ts"
import { eventsBetween } from "../../src/resources/statusEvents.ts"
import { down, NOW, nodeStatus, session } from "./fixtures.ts"

const said = (before: NodeStatus, after: NodeStatus): ReadonlyArray<string> =>
  eventsBetween(before, after).map(({ reason, about, message }) => `${reason} ${about.kind} ${about.name}: ${message}`)

const failure = (at: string): NonNullable<SessionStatus["lastFailure"]> => ({
  type: "refused",
  in: "Connect",
  at,
  text: "connection refused"
})

const floatingIp = (more: Partial<FloatingIpStatus>): FloatingIpStatus => ({
  address: "10.0.1.100",
  purpose: "floating-ip",
  of: "default",
  state: "other",
  since: "2021-06-14T22:00:00.000Z",
  reason: "it has it",
  judgements: [],
  ...more
})

const service = (name: string, more: Partial<ServiceStatus> = {}): ServiceStatus => ({
  namespace: "default",
  name,
  addresses: [],
  pools: [],
  externalTrafficPolicy: "Cluster",
  nextHops: [],
  left: [],
  ...more
})

const member = (name: string, more: Partial<MemberStatus> = {}): MemberStatus => ({
  name,
  address: "10.0.1.11",
  version: "0.5.0",
  configHash: "9f2c",
  startedAt: "2021-06-14T21:59:00.250Z",
  nextHops: {},
  leaving: false,
  drained: false,
  ...more
})

describe("events between two statuses", () => {
  test("nothing happened: no event", () => {
    const status = nodeStatus([session("10.0.1.254-node-01")], {
      floatingIps: [floatingIp({ state: "held", node: "node-01" })],
      services: [service("web", { addresses: ["10.0.4.1"] })],
      members: [member("node-01"), member("node-02")]
    })
    expect(said(status, structuredClone(status))).toEqual([])
  })

  test("the first look: the daemon, its config and itself, and not what was there before it", () => {
    const status = nodeStatus([], {
      services: [service("web", { addresses: ["10.0.4.1"] })],
      floatingIps: [floatingIp({ node: "node-02" })],
      members: [member("node-01"), member("node-02")]
    })
    expect(eventsBetween(undefined, status).map(({ reason }) => reason)).toEqual(["Started", "NodeJoined"])
  })

  test("a session: refused, established, lost and back between two looks, ended", () => {
    const name = "10.0.1.254-node-01"
    const [idle, up] = [nodeStatus([down(name, "starting")]), nodeStatus([session(name)])]
    const refused = nodeStatus([down(name, "connection refused", { lastFailure: failure("2021-06-14T22:00:01.000Z") })])
    const with254 = "BGPSession 10.0.1.254-node-01: with 10.0.1.254 (AS 65000) from 10.0.1.178"
    expect(said(idle, refused)).toEqual([`SessionRefused ${with254}: connection refused`])
    expect(said(refused, up)).toEqual([`SessionEstablished ${with254}`])
    expect(said(up, nodeStatus([down(name, "hold timer expired", { flaps: 1 })]))).toEqual([
      `SessionLost ${with254}: hold timer expired`
    ])
    expect(eventsBetween(up, nodeStatus([session(name, { flaps: 1 })])).map(({ reason }) => reason)).toEqual([
      "SessionLost",
      "SessionEstablished"
    ])
    expect(said(up, nodeStatus([]))).toEqual([`SessionEnded ${with254}: it is not wanted on this node any more`])
  })

  test("a floating IP: conflict with its MAC, held, moved, on no node", () => {
    const at = (more: Partial<FloatingIpStatus>) => nodeStatus([], { floatingIps: [floatingIp(more)] })
    const start = "FloatingIP 10.0.1.100: floating IP 10.0.1.100 "
    const conflict = at({ state: "conflict", node: "node-01", reason: "another host, MAC 02:…, has the address" })
    const held = at({ state: "held", node: "node-01" })
    expect(said(at({ state: "probing", node: "node-01" }), conflict)).toEqual([
      `AddressConflict ${start}is not taken: another host, MAC 02:…, has the address`
    ])
    expect(said(conflict, held)).toEqual([`AddressHeld ${start}is held by this node`])
    expect(said(at({ node: "node-02" }), held)).toEqual([
      `AddressHeld ${start}is held by this node, it was with node node-02`
    ])
    expect(said(held, at({ state: "other", node: "node-02" }))).toEqual([
      `AddressMoved ${start}is held by node node-02, no longer by this one`
    ])
    expect(said(held, at({ state: "unassigned", reason: "nobody may" }))).toEqual([
      `AddressLost ${start}is not on this node any more: nobody may`,
      `NoNodeForAddress ${start}is on no node: nobody may`
    ])
  })

  test("services: few one by one, a thousand at once in one event; a next hop that goes says why", () => {
    const hop = (address: string, node: string) => ({ address, node, nextHop: "10.0.1.11" })
    const members = [member("node-01"), member("node-02")]
    const before = nodeStatus([], { services: [service("web")], members })
    const web = service("web", {
      addresses: ["10.0.4.1"],
      pools: ["lan"],
      nextHops: [hop("10.0.4.1", "node-01"), hop("10.0.4.1", "node-02")]
    })
    const after = nodeStatus([], { services: [web], members })
    expect(said(before, after)).toEqual(["AddressAllocated Service web: has 10.0.4.1 from pool lan"])
    const drained = service("web", {
      ...web,
      nextHops: [hop("10.0.4.1", "node-01")],
      left: [{ address: "10.0.4.1", node: "node-02", reason: "is drained" }]
    })
    expect(said(after, nodeStatus([], { services: [drained], members }))).toEqual([
      "NextHopRemoved Node node-02: takes the traffic of default/web no more: is drained"
    ])
    const many = Array.from({ length: 1_000 }, (_, i) =>
      service(`s${i}`, { reason: "all 4 IPv4 addresses of pool lan are taken" })
    )
    expect(said(before, nodeStatus([], { services: [service("web"), ...many], members }))).toEqual([
      "ServiceRefused Cluster cluster1: 1000 services: all 4 IPv4 addresses of pool lan are taken " +
        "(default/s0, default/s1, default/s2, default/s3, default/s4 and 995 more)"
    ])
  })

  test("a pool is exhausted once, also one that has more addresses than a number holds", () => {
    const pool = (used: number, total = "4") => ({
      name: "lan",
      addresses: ["10.0.4.0/30"],
      total,
      used,
      resting: 1,
      manualAssign: false
    })
    const at = (used: number, total?: string) => nodeStatus([], { pools: [pool(used, total)] })
    expect(said(at(2), at(3))).toEqual([
      "PoolExhausted Cluster cluster1: pool lan: all 4 addresses are taken, 1 of them rest and are free soon"
    ])
    expect(said(at(3), at(3))).toEqual([])
    expect(said(at(2), at(3, "18446744073709551616"))).toEqual([])
  })

  test("the config: accepted, refused, waits to be confirmed, taken back, overruled", () => {
    const at = (config: Partial<NodeStatus["config"]>): NodeStatus => {
      const status = nodeStatus([])
      return { ...status, config: { ...status.config, mode: "store", ...config } }
    }
    const unconfirmed = { until: "2021-06-14T22:12:00Z", rollbackTo: 3 }
    const reasons = (a: NodeStatus, b: NodeStatus) => eventsBetween(a, b).map(({ reason }) => reason)
    expect(reasons(at({ revision: 3 }), at({ revision: 4, hash: "b", unconfirmed }))).toEqual([
      "ConfigAccepted",
      "ConfigUnconfirmed"
    ])
    expect(reasons(at({ revision: 4, hash: "b", unconfirmed }), at({ revision: 4, hash: "b" }))).toEqual([
      "ConfigConfirmed"
    ])
    expect(reasons(at({ revision: 4, hash: "b", unconfirmed }), at({ revision: 5, hash: "a" }))).toEqual([
      "ConfigRolledBack",
      "ConfigAccepted"
    ])
    expect(said(at({}), at({ lastError: "cluster.yaml:3: no" }))).toEqual([
      "ConfigRefused Cluster cluster1: cluster.yaml:3: no"
    ])
    expect(reasons(at({}), at({ note: "the file says something else" }))).toEqual(["LocalEditOverruled"])
    expect(reasons(at({}), at({ note: "this node holds nothing" }))).toEqual(["ConfigNote"])
    expect(reasons(at({}), at({ mode: "local" }))).toEqual(["RecoveryMode"])
  })

  test("nodes and the store", () => {
    const store = (state: "connected" | "lost"): NonNullable<NodeStatus["store"]> => ({
      kind: "etcd",
      name: "http://10.0.1.10:2379",
      state,
      since: "2021-06-14T22:00:00.000Z",
      ...(state === "lost" ? { reason: "no answer" } : {}),
      lease: { seconds: 3, state: "held" }
    })
    const at = (members: ReadonlyArray<MemberStatus>, state: "connected" | "lost" = "connected") =>
      nodeStatus([], { members, store: store(state) })
    const both = [member("node-01"), member("node-02")]
    expect(said(at(both), at([member("node-01")]))).toEqual([
      "NodeLeft Node node-02: node node-02 is gone: its daemon is down, or it cannot reach the store"
    ])
    expect(said(at([member("node-01")]), at([member("node-01"), member("node-02", { configHash: "b" })]))).toEqual([
      "NodeJoined Node node-02: node node-02 (10.0.1.11) is in the cluster, viaduct 0.5.0",
      "ConfigDiffers Cluster cluster1: nodes run different configs: 9f2c on node-01; b on node-02"
    ])
    const drained = [member("node-01"), member("node-02", { drained: true })]
    expect(eventsBetween(at(both), at(drained)).map(({ reason }) => reason)).toEqual(["NodeDrained"])
    expect(eventsBetween(at(drained), at(both)).map(({ reason }) => reason)).toEqual(["NodeReturned"])
    expect(said(at(both), at(both, "lost"))).toEqual([
      "StoreLost Node node-01: no word from http://10.0.1.10:2379: no answer; what is announced stays"
    ])
    expect(eventsBetween(at(both, "lost"), at(both)).map(({ reason }) => reason)).toEqual(["StoreBack"])
    // From the start: not heard of yet, then a reason, then the store.
    const { reason: _, ...silent } = store("lost")
    const starting = nodeStatus([], { store: silent })
    const reasons = (before: NodeStatus | undefined, after: NodeStatus) =>
      eventsBetween(before, after).map(({ reason }) => reason)
    expect(reasons(undefined, starting)).toEqual(["Started"])
    expect(reasons(undefined, at([], "lost"))).toEqual(["Started", "StoreLost"])
    expect(reasons(starting, at([], "lost"))).toEqual(["StoreLost"])
    expect(reasons(at([], "lost"), at([], "lost"))).toEqual([])
    expect(reasons(at([], "lost"), at([]))).toEqual(["StoreBack"])
    expect(reasons(starting, at([]))).toEqual([])
  })
})

describe("the log of events", () => {
  const draft = (message: string): EventDraft => ({
    reason: "SessionRefused",
    message,
    about: { apiVersion: "v1", kind: "Node", namespace: "", name: "node-01" }
  })

  test("equal ones are counted and come last; after an hour it is another one", () => {
    const all = ["a", "b", "a"].reduce((log, text, i) => record(log, draft(text), "node-01", NOW + i * 1_000), emptyLog)
    expect(all.events.map(({ message, count }) => `${message} ${count}`)).toEqual(["b 1", "a 2"])
    const [, a] = all.events
    expect(a?.firstAt).toBe(new Date(NOW).toISOString())
    expect(a?.lastAt).toBe(new Date(NOW + 2_000).toISOString())
    const later = record(all, draft("a"), "node-01", NOW + 2_000 + 3_600_000)
    expect(later.events.map(({ message, count }) => `${message} ${count}`)).toEqual(["b 1", "a 2", "a 1"])
    expect(new Set(later.events.map(({ uid }) => uid)).size).toBe(3)
  })

  test("is bounded, and so are its messages", () => {
    let log = emptyLog
    for (let i = 0; i < eventsMax + 50; i++) log = record(log, draft(`${i}`), "node-01", NOW + i)
    expect(log.events.length).toBe(eventsMax)
    expect(log.events[0]?.message).toBe("50")
    expect(record(log, draft("x".repeat(5_000)), "node-01", NOW).events.at(-1)?.message.length).toBe(1_000)
  })
})
