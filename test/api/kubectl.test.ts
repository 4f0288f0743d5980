// A stock kubectl on the admin API over loopback: the source's own commands (S22, S23) and what people add to them. Skipped,
// with its reason in the name, where there is no kubectl. What is written with one stands in kubectlWrites.test.ts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createApp } from "../../src/api/app.ts"
import { bgpSession } from "../../src/resources/bgpSession.ts"
import { describe as describeObject } from "../../src/resources/describe.ts"
import { listResources } from "../../src/resources/kinds.ts"
import { alignColumns, tableLines, toTable } from "../../src/resources/table.ts"
import { down, NOW, nodeStatus, s22, s23, session } from "../resources/fixtures.ts"
import { kubectls } from "../run/kubectl.ts"
import { fakeNode } from "./fakeNode.ts"
import { type KubectlHarness, kubectlHarness, linesOf } from "./kubectlHarness.ts"

describe.each(kubectls())("$name", (kubectl) => {
  const { path } = kubectl
  describe.skipIf(path === undefined)("reads", () => {
    const node = fakeNode(s22)
    let harness: KubectlHarness

    beforeAll(async () => {
      harness = await kubectlHarness(kubectl, createApp(node, { now: () => NOW }).fetch)
    })
    afterAll(() => harness[Symbol.asyncDispose]())

    const start = (...args: ReadonlyArray<string>) => harness.start(...args, "-n", "kube-system")
    const run = (...args: ReadonlyArray<string>) => harness.run(...args, "-n", "kube-system")
    const table = (wide: boolean) => {
      const lines = tableLines(toTable(bgpSession, listResources(bgpSession, s22), NOW), { wide, headers: true })
      return `${alignColumns(lines).text.join("\n")}\n`
    }

    test("get bgpsessions prints S22's table as our own printer does, plain and wide", async () => {
      expect(await run("get", "bgpsessions")).toEqual({ out: table(false), err: "", code: 0 })
      expect(await run("get", "bgps", "-o", "wide")).toEqual({ out: table(true), err: "", code: 0 })
    })

    test("get -o name, -o jsonpath and -o yaml have the objects", async () => {
      const { out } = await run("get", "bgpsession", "10.0.3.254-node-02", "-o", "name")
      expect(out).toBe("bgpsession.networking.gke.io/10.0.3.254-node-02\n")
      const path = "jsonpath={.items[*].status.state}"
      expect((await run("get", "bgpsessions", "-o", path)).out).toBe("Established Established Established Established")
      expect((await run("get", "bgpsession", "10.0.3.254-node-02", "-o", "yaml")).out).toContain("peerIP: 10.0.3.254\n")
    })

    test("get by field selector, and of a name that is not there", async () => {
      const { out } = await run("get", "bgpsessions", "--no-headers", "--field-selector", "spec.peerIP=10.0.1.254")
      expect(out.trim().split("\n")).toHaveLength(2)
      expect(await run("get", "bgpsession", "nope")).toEqual({
        out: "",
        err: 'Error from server (NotFound): bgpsessions.networking.gke.io "nope" not found\n',
        code: 1
      })
    })

    test("describe prints what our own describe prints, and that there are no events", async () => {
      const { out, code } = await run("describe", "bgpsession", "10.0.1.254-node-01")
      const [object] = listResources(bgpSession, s22)
      if (object === undefined) throw new Error("the fixture has no session")
      const ours = describeObject({ ...object, metadata: { ...object.metadata, resourceVersion: String(NOW + 1) } })
      expect([out.replace(/Events: +<none>\n$/, ""), code]).toEqual([ours, 0])
      expect(out).toMatch(/\nEvents: +<none>\n$/)
    })

    test("get -w prints a row when a session changes", async () => {
      const child = start("get", "bgpsessions", "-w", "--no-headers")
      const lines = linesOf(child.stdout)
      try {
        for (let i = 0; i < s22.sessions.length; i++) await lines.next()
        await node.untilFollowers(1)
        const [, ...others] = s22.sessions
        node.set(nodeStatus([down("10.0.1.254-node-01", "hold timer expired"), ...others]))
        expect((await lines.next()).value).toMatch(/^10\.0\.1\.254-node-01 .* Connect /)
      } finally {
        child.kill()
        await child.exited
        node.set(s22)
      }
    })

    test("S23: get and describe bgpadvertisedroutes", async () => {
      node.set(s23)
      const { out } = await run("get", "bgpadvertisedroutes")
      expect(out.split("\n").map((line) => line.trimEnd())).toEqual([
        "NAME                                    PREFIX          METRIC",
        "default-default-load-balancer-example   10.1.1.34/32",
        "default-gke-system-istio-ingress        10.1.1.107/32",
        ""
      ])
      const described = await run("describe", "bgpadvertisedroute", "default-gke-system-istio-ingress")
      expect(described.out).toContain(
        "  Next Hops:\n    Address:  10.0.1.11\n    Sessions:\n      10.0.1.254-node-01\n"
      )
      node.set(s22)
    })

    test("wait returns once a session is Established", async () => {
      const others = s22.sessions.slice(1)
      node.set(nodeStatus([down("10.0.1.254-node-01", "connection refused"), ...others]))
      const child = start("wait", "bgpsession/10.0.1.254-node-01", "--for=condition=Established", "--timeout=20s")
      await node.untilFollowers(1)
      node.set(nodeStatus([session("10.0.1.254-node-01"), ...others]))
      expect(await child.exited).toBe(0)
      node.set(s22)
    })

    test("delete is refused: sessions show what there is", async () => {
      const { err, code } = await run("delete", "bgpsession", "10.0.1.254-node-01")
      expect(code).toBe(1)
      expect(err).toContain("MethodNotAllowed")
    })
  })
})
