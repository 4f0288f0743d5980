// Everything that people do with a stock kubectl to the documents of a config, without extra flags, with each kubectl that there is:
// whole files, diff, edit, patches, labels, deletion, waiting, watching, explanations, what one may do. The config behind it is real
// text, really checked.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { actAs, type Role } from "../../src/api/access/actor.ts"
import { authorize } from "../../src/api/access/roles.ts"
import { createApp } from "../../src/api/app.ts"
import { down, NOW, nodeStatus, s22, session } from "../resources/fixtures.ts"
import { kubectls } from "../run/kubectl.ts"
import { type FakeConfig, fakeConfig } from "./fakeConfig.ts"
import { type FakeNode, fakeNode } from "./fakeNode.ts"
import { type KubectlHarness, kubectlHarness, linesOf } from "./kubectlHarness.ts"

const EXAMPLES = join(import.meta.dir, "../../config/examples")
const RACKS = "two-racks-services.yaml"
const read = (name: string): string => readFileSync(join(EXAMPLES, name), "utf8")

/** Less than any example: one node that somebody else's file names. */
const minimal = (name: string): string => `
apiVersion: baremetal.cluster.gke.io/v1
kind: Cluster
metadata: {name: ${name}, namespace: cluster-${name}}
spec:
  controlPlane: {nodePoolSpec: {nodes: [{address: 192.0.2.1}]}}
  loadBalancer: {type: layer2, vips: {controlPlaneVIP: 192.0.2.9}}
`
const event = {
  uid: "e1",
  type: "Warning",
  reason: "SessionDown",
  message: "hold timer expired",
  about: {
    apiVersion: "networking.gke.io/v1",
    kind: "BGPSession",
    namespace: "kube-system",
    name: "10.0.1.254-node-01"
  },
  count: 3,
  firstAt: "2021-06-14T22:00:00Z",
  lastAt: "2021-06-14T22:01:00Z"
} as const
const peer = (spec: object = {}) => ({
  apiVersion: "networking.gke.io/v1",
  kind: "BGPPeer",
  metadata: { name: "spine-c", namespace: "cluster-racks", labels: { "example.com/serves": "services" } },
  spec: { localASN: 65001, peerASN: 65008, peerIP: "10.8.0.12", ...spec }
})
const NS = ["-n", "cluster-racks"] as const

for (const kubectl of kubectls()) {
  describe.skipIf(kubectl.path === undefined)(kubectl.name, () => {
    let node: FakeNode
    let config: FakeConfig
    let role: Role = "write"
    let k: KubectlHarness
    let app: ReturnType<typeof createApp>

    const restart = (text = read(RACKS)) => {
      node = fakeNode(nodeStatus(s22.sessions, { events: [event] }))
      config = fakeConfig(node, [{ path: "cluster.yaml", text }])
      role = "write"
      const as = (now: Role) => actAs({ name: "alice", role: now, via: "token" })
      app = createApp(node, {
        now: () => NOW,
        timeout: AbortSignal.timeout,
        control: { config, drain: async () => ({ done: true, reason: "" }) },
        access: [(context, next) => as(role)(context, next), authorize()]
      })
    }
    beforeAll(async () => {
      k = await kubectlHarness(kubectl, (request) => app.fetch(request))
    })
    afterAll(() => k[Symbol.asyncDispose]())
    beforeEach(() => restart())

    // Those with key paths in front, or with a document without metadata, kubectl itself does not take.
    const files = readdirSync(EXAMPLES).filter(
      (name) => !read(name).startsWith("# A file as clusters really") && !/^name: default$/m.test(read(name))
    )
    test.each(files)("apply -f %s: the whole file, and a second time nothing", async (name) => {
      const cluster = /kind: Cluster\nmetadata:\n {2}name: (\S+)/.exec(read(name))?.[1] ?? "?"
      restart(minimal(cluster))
      const path = join(EXAMPLES, name)
      const documents = read(name).match(/^kind: /gm)?.length ?? 0
      const first = await k.ok("apply", "-f", path)
      expect(first.match(/ (created|configured)$/gm)).toHaveLength(documents)
      expect((await k.ok("apply", "-f", path)).match(/ unchanged$/gm)).toHaveLength(documents)
      const diff = await k.run("diff", "-f", path)
      expect([diff.code, diff.out]).toEqual([0, ""])
    })

    test("diff shows what an apply would change, and changes nothing", async () => {
      await k.ok("apply", "-f", await k.file("peer.json", peer()))
      const { out, code } = await k.run("diff", "-f", await k.file("peer.json", peer({ sessions: 4 })))
      expect([code, out]).toEqual([1, expect.stringContaining("\n+  sessions: 4\n")])
      expect(await k.ok("get", "bgppeer", "spine-c", ...NS, "-o", "jsonpath={.spec.sessions}")).toBe("")
      const dry = await k.ok("apply", "--dry-run=server", "-f", await k.file("peer.json", peer({ sessions: 5 })))
      expect(dry).toBe("bgppeer.networking.gke.io/spine-c configured (server dry run)\n")
      expect(config.asked.at(-1)?.dryRun).toBe(true)
    })

    test("create, replace, and what stands in their way", async () => {
      const file = await k.file("peer.json", peer())
      await k.ok("create", "-f", file)
      expect(await k.run("create", "-f", file)).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^Error from server \(AlreadyExists\): .*"spine-c" already exists\n$/)
      })
      const live = JSON.parse(await k.ok("get", "bgppeer", "spine-c", ...NS, "-o", "json"))
      await k.ok("patch", "bgppeer", "spine-c", ...NS, "--type=merge", "-p", '{"spec":{"sessions":3}}')
      const stale = await k.run("replace", "-f", await k.file("stale.json", live))
      expect([stale.code, stale.err]).toEqual([1, expect.stringContaining("(Conflict)")])
      await k.ok("replace", "-f", file)
      await k.ok("replace", "--force", "-f", file)
    })

    test("what is invalid is printed field by field", async () => {
      const bad = peer({ peerASN: 0, holdTime: 2 })
      const { err, code } = await k.run("create", "-f", await k.file("bad.json", bad))
      expect(code).toBe(1)
      expect(err).toContain("spec.peerASN: AS number 0 is reserved (RFC 7607)")
      expect(err).toContain("spec.holdTime: is not valid (found 2, expected 0, or 3 to 65535 seconds)")
      const typo = await k.run("create", "-f", await k.file("typo.json", peer({ peerIp: "10.8.0.12" })))
      expect([typo.code, typo.err]).toEqual([1, expect.stringMatching(/peerIp/)])
    })

    test("edit sends a patch, and comes back with the causes where it is invalid", async () => {
      await k.editor("s/sessions: 2/sessions: 6/")
      expect(await k.ok("edit", "bgppeer", "spine-a", ...NS)).toContain("spine-a edited")
      expect(await k.ok("get", "bgppeer", "spine-a", ...NS, "-o", "jsonpath={.spec.sessions}")).toBe("6")
      const seen = await k.editor("s/sessions: 6$/sessions: 6000/")
      expect((await k.run("edit", "bgppeer", "spine-a", ...NS)).code).toBe(1)
      expect(await seen()).toContain("spec.sessions: is not valid (found 6000, expected an integer from 1 to 1000)")
      await k.editor("s/controlPlaneLBPort: .*//; s/ingressVIP: 203.0.113.1/ingressVIP: 203.0.113.2/")
      expect(await k.ok("edit", "cluster", "racks", ...NS)).toContain("racks edited")
    })

    test("patch of each type; the one that a kind of ours does not have is refused as Kubernetes refuses it", async () => {
      const patch = (...args: ReadonlyArray<string>) => k.ok("patch", ...args)
      await patch("bgppeer", "spine-a", ...NS, "--type=merge", "-p", '{"spec":{"holdTime":30}}')
      await patch("bgppeer", "spine-a", ...NS, "--type=json", "-p", '[{"op":"remove","path":"/spec/holdTime"}]')
      await patch(
        "svc",
        "mail",
        "-p",
        '{"spec":{"ports":[{"port":25,"name":"smtp"},{"port":587,"name":"submission"}]}}'
      )
      expect(await k.ok("get", "svc", "mail", "-o", "jsonpath={.spec.ports[*].name}")).toMatch(
        /smtp.*submission|submission.*smtp/
      )
      const { err, code } = await k.run("patch", "bgppeer", "spine-a", ...NS, "-p", "{}")
      expect([code, err]).toEqual([1, expect.stringMatching(/UnsupportedMediaType|is not supported by/)])
    })

    test("label, annotate, and selectors", async () => {
      await k.ok("label", "bgppeer", "spine-a", ...NS, "rack=a")
      await k.ok("annotate", "bgppeer", "spine-a", ...NS, "example.com/why=maintenance")
      await k.ok("label", "svc", "mail", "tier=edge")
      expect(await k.ok("get", "bgppeers", "-A", "-l", "rack=a", "-o", "name")).toBe(
        "bgppeer.networking.gke.io/spine-a\n"
      )
      const byField = ["--field-selector", "spec.peerIP=10.8.0.11", "-o", "name"]
      expect(await k.ok("get", "bgppeers", "-A", ...byField)).toBe("bgppeer.networking.gke.io/spine-b\n")
      expect(await k.ok("get", "bgppeers", ...NS, "--show-labels")).toMatch(/LABELS\n.*rack=a/)
      expect(await k.ok("get", "bgppeers", ...NS, "--sort-by=.spec.peerIP", "-o", "name")).toMatch(/spine-a\n.*spine-b/)
    })

    test("delete by name, by file, by label and all, and waiting until it is gone", async () => {
      await k.ok("delete", "svc", "mail")
      expect(await k.run("get", "svc", "mail")).toMatchObject({
        code: 1,
        err: 'Error from server (NotFound): services "mail" not found\n'
      })
      const file = await k.file("peer.json", peer())
      await k.ok("create", "-f", file)
      const waiting = k.start("wait", "--for=delete", "bgppeer/spine-c", ...NS, "--timeout=20s")
      await node.untilFollowers(1)
      await k.ok("delete", "-f", file)
      expect(await waiting.exited).toBe(0)
      await k.ok("label", "svc", "dns-udp", "dns-tcp", "gone=soon")
      expect((await k.ok("delete", "svc", "-l", "gone=soon")).match(/deleted/g)).toHaveLength(2)
      expect((await k.ok("delete", "endpointslices", "--all")).match(/deleted/g)).toHaveLength(1)
      const stays = (await k.run("delete", "clusters", "--all", ...NS)).err
      expect(stays).toMatch(
        /^Error from server \(Forbidden\): \S+ "\S+" is forbidden: it cannot be deleted by itself, /
      )
    })

    test("server-side apply, and a conflict with another manager", async () => {
      const file = await k.file("peer.json", peer({ sessions: 2 }))
      const apply = (...more: ReadonlyArray<string>) => k.run("apply", "--server-side", "-f", file, ...more)
      expect((await apply()).out).toContain("spine-c serverside-applied")
      await k.ok("patch", "bgppeer", "spine-c", ...NS, "--type=merge", "-p", '{"spec":{"sessions":3}}')
      const { code, err } = await apply()
      expect([code, err]).toEqual([1, expect.stringMatching(/conflict.*\n?.*\.spec\.sessions/)])
      expect((await apply("--force-conflicts")).code).toBe(0)
    })

    test("-w and --watch-only print each change, wait returns when a condition holds", async () => {
      const [first, ...others] = s22.sessions
      const watching = k.start("get", "bgppeers", ...NS, "--watch-only", "--no-headers")
      await node.untilFollowers(1)
      const lines = linesOf(watching.stdout)
      await k.ok("annotate", "bgppeer", "spine-b", ...NS, "a=b")
      expect((await lines.next()).value).toMatch(/^spine-b /)
      watching.kill()
      await watching.exited
      node.set({ ...(await node.status()), sessions: [down(first?.name ?? "", "refused"), ...others] })
      const wait = ["wait", "bgpsession/10.0.1.254-node-01", "-n", "kube-system", "--for=condition=Established"]
      const waiting = k.start(...wait, "--timeout=20s")
      await node.untilFollowers(1)
      node.set({ ...(await node.status()), sessions: [session(first?.name ?? ""), ...others] })
      expect(await waiting.exited).toBe(0)
    })

    test("describe shows status and events, also of Kubernetes' own kinds", async () => {
      const described = await k.ok("describe", "bgpsession", "10.0.1.254-node-01", "-n", "kube-system")
      expect(described).toMatch(/Warning +SessionDown .*\(x3 over .*hold timer expired/)
      const about = ["--field-selector", "involvedObject.kind=BGPSession,involvedObject.name=10.0.1.254-node-01"]
      expect(await k.ok("get", "events", "-A", "--no-headers", ...about)).toMatch(
        /SessionDown +bgpsession\/10\.0\.1\.254/
      )
      expect(await k.ok("describe", "svc", "shop")).toContain("IP Family Policy:")
      expect(await k.ok("describe", "ns", "billing")).toContain("example.com/reach=internal")
      expect(await k.ok("describe", "cluster", "racks", ...NS)).toMatch(/Conditions:\n/)
      const node1 = await k.ok("describe", "node", "node-01")
      expect(node1).toMatch(/Ready +True .* 4 of 4 sessions are Established/)
    })

    test("what there is: api-resources, explain, version, categories, cluster-info", async () => {
      const resources = await k.ok("api-resources", "--no-headers")
      for (const kind of [
        "BGPSession",
        "BGPPeer",
        "Cluster",
        "Service",
        "Node",
        "Event",
        "ConfigRevision",
        "EndpointSlice"
      ])
        expect(resources).toMatch(new RegExp(` ${kind}\n`))
      expect(await k.ok("explain", "bgpsession.status.negotiated.holdTime")).toContain("Seconds")
      expect(await k.ok("explain", "bgppeer.spec", "--recursive")).toContain("keepaliveTime")
      expect(await k.ok("explain", "svc.spec.ports")).toContain("Port number")
      if (kubectl.minor >= 27)
        expect(await k.ok("explain", "cluster.spec.loadBalancer.addressPools")).toContain("avoidBuggyIPs")
      else expect(await k.ok("explain", "cluster.spec")).toContain("not looked at")
      expect(await k.ok("version")).toContain("v0.1.0")
      expect(await k.ok("get", "viaduct", ...NS, "-o", "name")).toContain("bgppeer.networking.gke.io/spine-a\n")
      expect(await k.ok("get", "configrevisions", "-n", "kube-system", "--no-headers")).toMatch(/^1 +InForce +file/)
      expect(await k.ok("get", "nodes", "--no-headers")).toMatch(
        /^node-01 +Ready .*\nr1-a +Unknown +control-plane,load-balancer/
      )
      await k.ok("cluster-info")
    })

    test("what one may do, by role", async () => {
      const canI = async (...args: ReadonlyArray<string>) => (await k.run("auth", "can-i", ...args)).out
      expect(await canI("patch", "bgppeers", ...NS)).toBe("yes\n")
      expect(await canI("delete", "bgpsessions")).toMatch(/^no/)
      role = "read"
      expect(await canI("list", "bgppeers", ...NS)).toBe("yes\n")
      expect(await canI("patch", "bgppeers", ...NS)).toMatch(/^no - alice may read only/)
      expect(await canI("--list")).toMatch(/bgppeers\.networking\.gke\.io .*\[get list watch\]/)
      const { code, err } = await k.run("delete", "bgppeer", "spine-a", ...NS)
      expect([code, err]).toEqual([1, expect.stringContaining("(Forbidden)")])
      const dry = await k.run("apply", "--dry-run=server", "-f", await k.file("peer.json", peer()))
      expect([dry.code, dry.out]).toEqual([0, expect.stringContaining("created (server dry run)")])
    })

    test("kinds that it has built in: create namespace and service, cordon, drain", async () => {
      await k.ok("create", "namespace", "team-a")
      await k.ok("create", "service", "loadbalancer", "kiosk", "--tcp=8080:80")
      expect(await k.ok("get", "svc", "kiosk", "-o", "jsonpath={.spec.ports[0].port} {.spec.type}")).toBe(
        "8080 LoadBalancer"
      )
      await k.ok("delete", "namespace", "team-a")
      expect(await k.ok("cordon", "node-01")).toContain("node-01 cordoned")
      expect(await k.ok("drain", "node-01")).toContain("drained")
    })

    test("a guard is told, and the annotation insists", async () => {
      const guards = [
        { type: "last-session", subject: "node r1-a", reason: "node r1-a would have no session left" }
      ] as const
      config.guard(guards)
      const refused = await k.run("delete", "bgppeer", "spine-a", ...NS)
      expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("node r1-a would have no session left")])
      await k.ok("annotate", "--overwrite", "bgppeer", "spine-b", ...NS, "viaduct.dev/force=true")
      config.guard(guards)
      await k.ok("delete", "bgppeer", "spine-b", ...NS)
    })

    test("types that are not here are said not to be", async () => {
      const { code, err } = await k.run("get", "deployments")
      expect([code, err]).toEqual([1, 'error: the server doesn\'t have a resource type "deployments"\n'])
    })
  })
}
