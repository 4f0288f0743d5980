// The chain from the config to the router over statuses of a node: what is whole, what is broken, what is named first (I9).
import { describe, expect, test } from "bun:test"
import { explain } from "../../src/explain/explain.ts"
import type { ExplainInput } from "../../src/explain/input.ts"
import { printExplanation } from "../../src/explain/print.ts"
import type { SessionProbe } from "../../src/explain/types.ts"
import { ABSENT } from "../../src/plan/lbNodes.ts"
import type { NodeStatus, SessionStatus } from "../../src/resources/nodeStatus.ts"
import { cluster, controlPlane, failed, floatingIp, input, other, service, status, VIP } from "./world.ts"

const NAME = "10.0.1.254-node-01-10.0.1.100"

/** State, and what is named first. */
const said = (name: string, of: ExplainInput, type?: "vip" | "service" | "peer" | "floatingip" | "node"): string => {
  const { state, broken } = explain(type === undefined ? { name } : { type, name }, of)
  return broken === undefined ? state : `${state} ${broken.subject}: ${broken.text}`
}

/** With one peer and one session alone, so that what is wrong with it breaks the VIP. */
const alone = (session: SessionStatus, probe?: SessionProbe, more: Partial<NodeStatus> = {}): ExplainInput =>
  input(status([session], { elsewhere: [], floatingIps: [floatingIp("10.0.1.100", "node-01")], ...more }), {
    cluster: cluster({ peers: [{ sessions: 1 }] }),
    ...(probe === undefined ? {} : { probes: new Map([[session.name, probe]]) })
  })

describe("a cluster in which all is well", () => {
  const well = input(status([service()]))

  test("explains as ok, whatever is asked, also without saying what it is", () => {
    const types = [
      VIP,
      "default/web",
      "web",
      "10.0.0.8",
      "10.0.1.254",
      "peer-1",
      NAME,
      "10.0.1.101",
      "node-02",
      "10.0.1.10"
    ]
    expect(types.map((name) => said(name, well))).toEqual(types.map(() => "ok"))
    expect(types.map((name) => explain({ name }, well).target.type)).toEqual([
      "vip",
      "service",
      "service",
      "vip",
      "peer",
      "peer",
      "peer",
      "floatingip",
      "node",
      "node"
    ])
  })

  test("the verdict counts what there is, and the chain goes from the document to the router", () => {
    const { verdict, chain } = explain({ name: VIP }, well)
    expect(verdict).toBe("10.64.0.1 of service default/web is announced with 2 next hops over 2 sessions to 10.0.1.254")
    expect(chain.map(({ subject }) => subject)).toEqual([
      "service default/web",
      "pool lan",
      `next hops of ${VIP}`,
      "floating IPs",
      "peer 10.0.1.254"
    ])
    const peer = chain.at(-1)
    expect(peer?.links.map(({ subject, state }) => `${subject} ${state}`)).toEqual([
      `session ${NAME} ok`,
      "session 10.0.1.254-node-02-10.0.1.101 ok",
      "router 10.0.1.254 unknown"
    ])
    expect(explain({ name: "10.0.0.8" }, well).verdict).toBe(
      "10.0.0.8, the control-plane VIP, is announced by 2 nodes over 2 sessions to 10.0.1.254"
    )
  })

  test("prints as a tree with marks, and with colours only where asked", () => {
    const lines = printExplanation(explain({ name: VIP }, well), { colours: false })
    expect(lines[0]).toBe("✓ service default/web: is in the config")
    expect(lines.some((line) => line.startsWith(`  ✓ session ${NAME}: Established for 60s to 10.0.1.254`))).toBe(true)
    expect(
      lines.some((line) =>
        line.includes(`    ✓ route ${VIP}/32: announced with 2 next hops, 10.0.1.10 and 10.0.1.11; last UPDATE 60s ago`)
      )
    ).toBe(true)
    expect(lines.join("\n")).not.toContain("\u001b")
    expect(printExplanation(explain({ name: VIP }, well), { colours: true })[0]).toContain("\u001b[32m✓")
  })
})

describe("a session that is down names the likely cause", () => {
  const key = { passwordFile: "/etc/viaduct/key" }
  const answer: SessionProbe = { ping: { type: "answer", hops: 1 } }
  const told = (type: "sent" | "received", code: number, subcode: number) => ({
    type,
    in: "OpenSent" as const,
    text: "Bad",
    notification: { code, subcode }
  })
  const open = { at: "", asn: 65_099, holdTime: 9, routerId: "10.0.1.254", capabilities: [] }
  const cases: ReadonlyArray<readonly [string, SessionStatus, SessionProbe | undefined, RegExp]> = [
    ["refused", failed({ type: "refused" }), undefined, /refuses connections to port 179: no BGP speaker listens/],
    [
      "no answer to ping",
      failed({}),
      { ping: { type: "silence" } },
      /none to ping either: it is down, or there is no way/
    ],
    ["no way", failed({ type: "unreachable", text: "no route to host" }), undefined, /no route to host: it is down/],
    ["MD5", failed({}, key), { ...answer, tcp: "silence" }, /MD5 mismatch suspected: .*the key in \/etc\/viaduct\/key/],
    ["no key there", failed({}, key), { ...answer, tcp: "open" }, /it has no password for 10\.0\.1\.100/],
    ["no key here", failed({}), answer, /it wants an MD5 key, or a filter drops the port/],
    ["further than it lets in", failed({}), { ping: { type: "answer", hops: 2 } }, /from 2 hops away .*nearer \(TTL\)/],
    [
      "further than we let in",
      failed({}, { ttlSecurity: 1 }),
      { ping: { type: "answer", hops: 3 } },
      /3 hops away, and ttlSecurity/
    ],
    ["no GTSM", failed({}, { ttlSecurity: 1 }), answer, /has no ttl-security \(GTSM\) for us/],
    [
      "no GTSM, connected",
      failed({}, { ttlSecurity: 1, state: "OpenSent" }),
      answer,
      /has no ttl-security \(GTSM\) for us/
    ],
    [
      "its AS",
      failed(told("sent", 2, 2), { lastOpen: open }),
      undefined,
      /says that it is AS 65099, and the config has AS 65010/
    ],
    [
      "our AS",
      failed(told("received", 2, 2)),
      undefined,
      /refuses AS 65001: it has another AS number configured for 10\.0\.1\.100/
    ],
    ["hold time", failed(told("received", 2, 6)), undefined, /does not accept our hold time/],
    ["shut down", failed(told("received", 6, 2)), undefined, /an operator has shut the neighbor down/],
    [
      "no neighbor",
      failed({ type: "closed", in: "OpenSent" }),
      undefined,
      /closes it without a word: it has no neighbor 10\.0\.1\.100/
    ],
    [
      "this node",
      failed({ type: "local", text: "password file /k: there is no such file" }),
      undefined,
      /there is no such file/
    ]
  ]
  for (const [name, session, probe, words] of cases)
    test(name, () => {
      const { state, broken } = explain({ name: VIP }, alone(session, probe))
      expect(state).toBe("broken")
      expect(broken?.subject).toBe(`session ${session.name}`)
      expect(broken?.text).toMatch(words)
    })

  test("what one end explained is worth more than the bare closes since", () => {
    const lastNotification = { direction: "received" as const, at: "", text: "Bad Peer AS", code: 2, subcode: 2 }
    expect(said(VIP, alone(failed({ type: "closed", in: "OpenSent" }, { lastNotification })))).toMatch(
      /refuses AS 65001/
    )
  })

  test("one of another node has its cause too, and says where to look at the peer", () => {
    const remote = other()
    const [first, ...rest] = remote.sessions
    const { lastFailure } = failed({ type: "refused" })
    if (first === undefined || lastFailure === undefined) throw new Error("no session")
    const sessions = [{ ...first, state: "Idle" as const, lastFailure }, ...rest]
    const { state, broken } = explain({ name: VIP }, input(status([service()], { elsewhere: [other({ sessions })] })))
    expect(state).toBe("warn")
    expect(broken?.subject).toBe("session 10.0.1.254-node-02-10.0.1.101")
    expect(broken?.text).toContain("no BGP speaker listens there")
    expect(broken?.hints.at(-1)).toContain("node node-02 can look at the peer")
  })
})

describe("the rest of the chain", () => {
  test("a session that is up and does not carry the VIP says why", () => {
    const one = { ...service(), advertised: [], withheld: [{ prefix: `${VIP}/32`, reason: "too long" }] }
    expect(said(VIP, alone(one))).toBe(`broken route ${VIP}/32: is not announced on ${NAME}: too long`)
  })

  test("one next hop where several could go: the peer does not receive additional paths, or we do not offer them", () => {
    const [first] = service().advertised
    const single = (note: string) => service({ advertised: first === undefined ? [] : [first], notes: [note] })
    expect(said(VIP, alone(single("ipv4: the peer does not receive additional paths")))).toBe(
      `warn route ${VIP}/32: the peer does not receive additional paths (ADD-PATH, RFC 7911): ` +
        "it was told of 10.0.1.10 only, one of 2 next hops; last UPDATE 60s ago"
    )
    expect(said(VIP, alone(single("ipv4: this session does not offer additional paths")))).toContain("addPaths: false")
  })

  test("a family that the peer did not agree on", () => {
    const negotiated = { ...service().negotiated, families: ["ipv6-unicast"] } as NonNullable<
      SessionStatus["negotiated"]
    >
    expect(said(VIP, alone(service({ negotiated, advertised: [] })))).toMatch(
      /^broken negotiated: the peer did not agree on ipv4-unicast/
    )
  })

  test("a pool that is full, a service that has no address for another reason", () => {
    const [web] = status([]).services
    if (web === undefined) throw new Error("no service")
    const without = (used: number) =>
      input(
        status([service()], {
          services: [
            { ...web, addresses: [], pools: [], nextHops: [], reason: "the one IPv4 address of pool lan is taken" }
          ],
          pools: [{ name: "lan", addresses: [], total: "1", used, resting: 0, manualAssign: false }]
        })
      )
    expect(said("default/web", without(1))).toMatch(
      /^broken pool lan: is full, so service default\/web has no address: the one IPv4/
    )
    expect(said("default/web", without(0))).toMatch(/^broken address: service default\/web has no address/)
  })

  test("no LB node, one that is missing, one that is drained", () => {
    const [web] = status([]).services
    if (web === undefined) throw new Error("no service")
    const left = (node: string, reason: string) => ({ address: VIP, node, reason })
    const of = (nextHops: typeof web.nextHops, ...out: ReadonlyArray<ReturnType<typeof left>>) =>
      input(status([service()], { services: [{ ...web, nextHops, left: out }] }))
    expect(said(VIP, of([], left("node-01", "is drained"), left("node-02", ABSENT)))).toBe(
      `broken next hops of ${VIP}: no LB node takes the traffic of default/web: node-01 is drained; node-02 ${ABSENT}`
    )
    const [first] = web.nextHops
    if (first === undefined) throw new Error("no next hop")
    expect(said(VIP, of([first], left("node-02", ABSENT)))).toMatch(
      /^warn next hops .*1 of 2 LB nodes .* node-02 is not there/
    )
    expect(said(VIP, of([first], left("node-02", "is drained")))).toBe("ok")
  })

  test("floating IPs: on no node, in conflict here or on another node", () => {
    const nobody = floatingIp("10.99.0.1", "", { state: "unassigned", reason: "nobody may" })
    const { node: _, ...unassigned } = nobody
    const none = input(status([], { floatingIps: [unassigned], elsewhere: [] }))
    expect(said(VIP, none)).toBe("broken floating IP 10.99.0.1: no node can hold it: nobody may")
    expect(said("10.99.0.1", none)).toBe("broken floating IP 10.99.0.1: no node can hold it: nobody may")
    const reason = "another host, MAC 02:00:00:00:00:01, has the address"
    const here = [floatingIp("10.0.1.100", "node-01", { state: "conflict", reason })]
    expect(said(VIP, input(status([], { floatingIps: here, elsewhere: [] })))).toBe(
      `broken floating IP 10.0.1.100: address conflict: node node-01 is to hold it and ${reason}`
    )
    const there = other({ sessions: [], conflicts: [{ address: "10.0.1.101", reason }] })
    expect(said("10.0.1.101", input(status([service()], { elsewhere: [there] })))).toBe(
      `broken floating IP 10.0.1.101: address conflict: node node-02 is to hold it and ${reason}`
    )
  })

  test("a router that announces on what it was told of just so, and this not, filters it", () => {
    const OTHER = "10.64.0.2/32"
    const both = (prefix: string) => ["10.0.1.11"].map((nextHop) => ({ name: "x", prefix, nextHop }))
    const one = service({ advertised: [...both(`${VIP}/32`), ...both(OTHER)] })
    const [web] = status([]).services
    if (web === undefined) throw new Error("no service")
    const services = [{ ...web, nextHops: web.nextHops.slice(1) }]
    const hearing = (heard: ReadonlyArray<string>, more: Partial<SessionStatus> = {}): ExplainInput => {
      const of = alone({ ...one, ...more }, undefined, { services })
      return { ...of, heardBack: new Map([["10.0.1.254-node-01", heard]]) }
    }
    expect(said(VIP, hearing([OTHER]))).toMatch(
      /^warn router 10\.0\.1\.254: was told of 10\.64\.0\.1\/32 .* 10\.64\.0\.2\/32/
    )
    expect(said(VIP, hearing([]))).toBe("ok")
    expect(said(VIP, hearing([OTHER, `${VIP}/32`]))).toBe("ok")
    // Told in another way: the router may have preferred something else.
    expect(
      said(
        VIP,
        hearing([OTHER], { advertised: [...both(`${VIP}/32`), { name: "x", prefix: OTHER, nextHop: "10.0.1.12" }] })
      )
    ).toBe("ok")
    expect(said(VIP, hearing(["10.0.0.8/32"]))).toBe("ok")
  })

  test("a node whose store is its own knows itself by its address, and says nothing of the others", () => {
    const lonely = input(
      status([], {
        node: "host-7",
        address: "10.0.1.10",
        members: [],
        elsewhere: [],
        floatingIps: [],
        store: {
          kind: "embedded",
          name: "store.sqlite",
          state: "connected",
          since: "2021-06-14T22:09:00Z",
          lease: { seconds: 3, state: "none" }
        }
      })
    )
    expect(said("10.0.0.8", lonely)).toBe("ok")
    expect(explain({ name: "10.0.0.8" }, lonely).chain.find(({ state }) => state === "unknown")?.text).toBe(
      "nothing is known of it here: ask the daemon of that node"
    )
    expect(said("10.0.1.10", lonely)).toBe("ok")
    const { chain, state, verdict } = explain({ name: "10.0.1.11" }, lonely)
    expect(chain.map((one) => one.state)).toEqual(["ok", "unknown"])
    expect([state, verdict]).toEqual(["unknown", "10.0.1.11: nothing is known of it here: ask the daemon of that node"])
  })

  test("the control plane: a node that is gone is a worry, a session that is down too, all of them break it", () => {
    const gone = { elsewhere: [], members: status([]).members.slice(0, 1) }
    expect(said("10.0.0.8", input(status([], gone)))).toMatch(
      /^warn node node-02: announces nothing that is known of: its daemon is down/
    )
    const down = { ...failed({ type: "refused" }), purpose: "control-plane" as const, name: "10.0.1.254-node-01" }
    const all = status([], gone)
    expect(said("10.0.0.8", input({ ...all, sessions: [down] }))).toMatch(
      /^broken session 10\.0\.1\.254-node-01: Idle, not once up so far: .*no BGP speaker/
    )
    const failing = {
      address: "10.0.0.8",
      interface: "lo",
      state: "failed" as const,
      reason: "operation not permitted"
    }
    const refused = status([], { addresses: [failing] })
    expect(said("10.0.0.8", input({ ...refused, sessions: [controlPlane({ advertised: [] })] }))).toMatch(
      /^warn address 10\.0\.0\.8: the kernel refused it on lo/
    )
  })

  test("layer 2 mode: who holds the address answers for it", () => {
    const layer2 = cluster({ type: "layer2", peers: [], floatingIps: [], vip: "10.0.1.200" })
    const held = floatingIp("10.0.1.200", "node-02", { purpose: "control-plane-vip", of: "cluster bm" })
    const of = (more: Partial<typeof held>) =>
      input(status([], { floatingIps: [{ ...held, ...more }], members: [] }), { cluster: layer2 })
    expect(explain({ name: "10.0.1.200" }, of({})).verdict).toBe("10.0.1.200 is answered for by node node-02")
    expect(said("10.0.1.200", of({ state: "conflict", reason: "another host, MAC 02:…, has the address" }))).toMatch(
      /^broken VIP 10\.0\.1\.200: address conflict: .*MAC/
    )
  })

  test("what is unknown says so", () => {
    const well = input(status([service()]))
    expect(said("192.0.2.1", well)).toBe(
      "broken vip 192.0.2.1: is no VIP: neither the control plane's, nor a service's, nor in any pool"
    )
    expect(said("nonsense", well)).toContain("is no service of type LoadBalancer in the config")
    expect(said("192.0.2.1", well, "peer")).toContain("is in no config")
    expect(said("192.0.2.1", well, "floatingip")).toContain("is in no NetworkGatewayGroup")
    expect(said("node-09", well, "node")).toContain("is in no document of the config")
  })
})
