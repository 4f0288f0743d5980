// The source's commands about the speaker's pods (S7, S24), with a stock kubectl: `get pods`, ready when the sessions are up, and
// `logs`, which are the daemon's own.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createApp } from "../../src/api/app.ts"
import { LogRing } from "../../src/observe/LogRing.ts"
import type { MemberStatus } from "../../src/resources/nodeStatus.ts"
import { NOW, nodeStatus, session } from "../resources/fixtures.ts"
import { kubectls } from "../run/kubectl.ts"
import { fakeNode } from "./fakeNode.ts"
import { type KubectlHarness, kubectlHarness, linesOf } from "./kubectlHarness.ts"

const member = (name: string, address: string, established: number): MemberStatus => ({
  name,
  address,
  version: "0.1.0",
  configHash: "9f2c",
  startedAt: "2021-06-14T21:59:38.250Z",
  nextHops: { ipv4: address },
  leaving: false,
  drained: false,
  report: {
    ready: established === 2,
    summary: `${established} of 2 sessions are Established`,
    sessions: { established, expected: 2 },
    held: []
  }
})

const status = nodeStatus([session("10.0.1.254-node-01")], {
  members: [member("node-01", "10.0.1.10", 2), member("node-02", "10.0.1.11", 1)]
})

describe.each(kubectls())("$name", (kubectl) => {
  describe.skipIf(kubectl.path === undefined)("pods", () => {
    const log = new LogRing(() => NOW - 1_000)
    let harness: KubectlHarness
    const run = (...args: ReadonlyArray<string>) => harness.run(...args, "-n", "kube-system")

    beforeAll(async () => {
      const control = { logs: log.read.bind(log) }
      harness = await kubectlHarness(kubectl, createApp(fakeNode(status), { now: () => NOW, control }).fetch)
      for (const line of ["one", "two", "three"]) log.push(line)
    })
    afterAll(() => harness[Symbol.asyncDispose]())

    test("get pods has one for each node whose daemon is alive, ready when its sessions are up", async () => {
      const { out, code } = await run("get", "pods")
      expect([
        code,
        out
          .trimEnd()
          .split("\n")
          .map((line) => line.trimEnd().split(/\s+/))
      ]).toEqual([
        0,
        [
          ["NAME", "READY", "STATUS", "RESTARTS", "AGE"],
          ["bgpadvertiser-node-01", "1/1", "Running", "0", "10m"],
          ["bgpadvertiser-node-02", "0/1", "Running", "0", "10m"]
        ]
      ])
    })

    test("describe pod and describe node read them as Kubernetes' own", async () => {
      const { out } = await run("describe", "pod", "bgpadvertiser-node-02")
      expect(out).toMatch(/Node: +node-02\/10\.0\.1\.11\n/)
      expect(out).toMatch(/Ready: +False\n/)
      const node = await run("describe", "node", "node-01")
      expect([node.err, node.code]).toEqual(["", 0])
      expect(node.out).toMatch(/ kube-system +bgpadvertiser-node-01 /)
      expect(node.out).not.toContain("bgpadvertiser-node-02")
    })

    test("logs has the lines, the last of them, and with -f those to come", async () => {
      expect((await run("logs", "bgpadvertiser-node-01")).out).toBe("one\ntwo\nthree\n")
      expect((await run("logs", "bgpadvertiser-node-01", "--tail", "1", "--timestamps")).out).toBe(
        `${new Date(NOW - 1_000).toISOString()} three\n`
      )
      const child = harness.start("logs", "bgpadvertiser-node-01", "-f", "--tail", "1", "-n", "kube-system")
      const lines = linesOf(child.stdout)
      expect((await lines.next()).value).toBe("three")
      log.push("four")
      expect((await lines.next()).value).toBe("four")
      child.kill()
      await child.exited
    })

    test("logs of another node says where they are; of one that is not there, that it is not", async () => {
      const other = await run("logs", "bgpadvertiser-node-02")
      expect(other.err).toContain("ask the node of bgpadvertiser-node-02 for its log")
      expect((await run("logs", "bgpadvertiser-nobody")).err).toContain('pods "bgpadvertiser-nobody" not found')
    })
  })
})
