// Selectors and readiness: pure tests of objects and of a node.
import { expect, describe as group, test } from "bun:test"
import { Result } from "effect"
import { bgpSession } from "../../src/resources/bgpSession.ts"
import type { ResourceObject } from "../../src/resources/kind.ts"
import { listResources } from "../../src/resources/kinds.ts"
import { readiness, readinessText } from "../../src/resources/readiness.ts"
import { fieldSelector, labelSelector } from "../../src/resources/selectors.ts"
import { clusterStatus, down, nodeStatus, s22, session } from "./fixtures.ts"

const [first] = listResources(bgpSession, s22)
if (first === undefined) throw new Error("the fixture has no session")
const labelled = (labels: Record<string, string>): ResourceObject => ({
  ...first,
  metadata: { ...first.metadata, labels }
})
const object = labelled({ tier: "edge", "viaduct.dev/rack": "a" })

group("label selectors", () => {
  test.each([
    ["", true],
    ["tier", true],
    ["!tier", false],
    ["!absent", true],
    ["tier=edge", true],
    ["tier==core", false],
    ["tier!=core", true],
    ["absent!=x", true],
    ["tier in (core, edge)", true],
    ["tier notin (core,edge)", false],
    ["absent notin (x)", true],
    ["viaduct.dev/rack=a,tier in (edge)", true],
    ["viaduct.dev/rack=b,tier in (edge,core)", false]
  ])("%p selects: %p", (text, expected) => {
    expect(Result.getOrThrow(labelSelector(text))(object)).toBe(expected)
  })

  test.each(["tier in edge", "=x", "tier in (a", "a b", "tier>1"])("%p is refused", (text) => {
    expect(Result.isFailure(labelSelector(text))).toBe(true)
  })
})

group("field selectors", () => {
  test.each([
    ["", true],
    ["metadata.name=10.0.1.254-node-01", true],
    ["metadata.name!=10.0.1.254-node-01", false],
    ["metadata.namespace==kube-system,status.state=Established", true],
    ["status.state=Idle", false],
    ["spec.peerIP=10.0.1.254", true]
  ])("%p selects: %p", (text, expected) => {
    expect(Result.getOrThrow(fieldSelector(bgpSession, text))(first)).toBe(expected)
  })

  test("a field that the kind does not offer is refused, with those that it does", () => {
    const refused = fieldSelector(bgpSession, "spec.localASN=65500")
    expect(Result.isFailure(refused) ? refused.failure : "").toMatch(/"spec.localASN" \(supported: metadata.name, /)
    expect(Result.isFailure(fieldSelector(bgpSession, "metadata.name"))).toBe(true)
  })
})

group("readiness (S7)", () => {
  const address = { address: "10.0.0.8", interface: "lo", reason: "operation not permitted" }

  test("all sessions Established and no address failed: ready", () => {
    const found = readiness({ ...s22, addresses: [{ ...address, state: "present" }] })
    expect(found.ready).toBe(true)
    expect(readinessText(found)).toEndWith("ready: 4 of 4 sessions are Established\n")
  })

  test("a session that is down is named with its state and reason", () => {
    const found = readiness(nodeStatus([session("10.0.1.254-n"), down("10.0.3.254-n", "connection refused")]))
    expect(found.ready).toBe(false)
    expect(readinessText(found).split("\n")).toEqual([
      "[+]session 10.0.1.254-n: Established",
      "[-]session 10.0.3.254-n: Connect: connection refused",
      "not ready: 1 of 2 sessions are Established",
      ""
    ])
  })

  test("an address that failed is not ready, with its reason", () => {
    const found = readiness({ ...s22, addresses: [{ ...address, state: "failed" }] })
    expect(found.ready).toBe(false)
    expect(readinessText(found)).toContain("[-]address 10.0.0.8 on lo: failed: operation not permitted\n")
    expect(found.summary).toEndWith("1 of 1 addresses failed")
  })

  test("an address that another host has is not ready; those of other nodes do not count; a lost store is only told", () => {
    const found = readiness(clusterStatus)
    expect(readinessText(found).split("\n")).toEqual([
      "[+]floating IP 10.0.3.100: held",
      "[-]floating IP 10.0.3.101: conflict: 02:00:00:00:00:09 answers for it",
      "[+]store etcd http://10.0.1.10:2379: lost: nobody answers; what was decided goes on, nothing new is decided",
      "not ready: 0 of 0 sessions are Established, 1 of 2 moving addresses are in conflict, the store is lost",
      ""
    ])
    const floatingIps = clusterStatus.floatingIps.filter(({ state }) => state !== "conflict")
    expect(readiness({ ...clusterStatus, floatingIps }).ready).toBe(true)
  })

  test("nothing expected is ready", () => expect(readiness(nodeStatus([])).ready).toBe(true))
})
