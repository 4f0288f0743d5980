// The daemon as a process and a stock kubectl over TLS with a token: what is written is in force, on the wire and in the file of revisions,
// before kubectl has its answer. With each kubectl that there is.
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { addToken, tokensPath } from "../../src/cli/tokensFile.ts"
import { kubectls } from "../run/kubectl.ts"
import { clusterYaml, Directory, type Router, Running, startRouter, until } from "./world.ts"

const NODE = "127.24.1.10"
const ROUTERS = ["127.24.1.253", "127.24.1.254"] as const
const ADMIN = "127.0.0.1:17931"
const NS = ["-n", "cluster-e2e"] as const

for (const [index, kubectl] of kubectls().entries()) {
  describe.skipIf(kubectl.path === undefined)(`${kubectl.name} and the daemon`, () => {
    const directory = new Directory()
    let routers: ReadonlyArray<Router> = []
    let daemon: Running | undefined
    let kubeconfig = ""
    let reader = ""

    const run = async (...args: ReadonlyArray<string>) => {
      const env = { ...process.env, HOME: directory.path, KUBECONFIG: kubeconfig }
      const child = Bun.spawn([kubectl.path ?? "", ...args], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
      const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
      return { out, err, code }
    }
    const ok = async (...args: ReadonlyArray<string>): Promise<string> => {
      const { out, err, code } = await run(...args)
      if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${code}\n${out}${err}`)
      return out
    }
    const config = (token: string) => ({
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        {
          name: "c",
          cluster: { server: `https://${ADMIN}`, "certificate-authority": directory.at("data/tls/ca.pem") }
        }
      ],
      users: [{ name: "u", user: { token } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x"
    })

    const start = () =>
      new Running([
        ...["run", "--config", directory.at("cluster.yaml"), "--node", "node-01", "--data-dir", directory.at("data")],
        ...["--admin-socket", directory.at("a.sock"), "--admin-listen", `127.0.0.1:${17921 + index}`],
        ...["--admin-tls-listen", ADMIN]
      ])
    beforeAll(async () => {
      routers = await Promise.all(ROUTERS.map((address) => startRouter(address, NODE)))
      directory.write("cluster.yaml", clusterYaml(NODE, [ROUTERS[1]]))
      const data = directory.at("data")
      const [writer, looker] = [
        await addToken(tokensPath(data), "alice", "write", 0),
        await addToken(tokensPath(data), "bob", "read", 0)
      ]
      daemon = start()
      await until(
        "the router has the VIP",
        () => (routers[1]?.routes().length ?? 0) > 0,
        () => daemon?.output ?? ""
      )
      kubeconfig = directory.write("kubeconfig.json", JSON.stringify(config(writer)))
      reader = directory.write("reader.json", JSON.stringify(config(looker)))
    }, 60_000)
    afterAll(async () => {
      await daemon?.end("SIGTERM")
      for (const router of routers) await router.stop()
      directory.remove()
    })

    test("the source's own commands (S22, S23)", async () => {
      const sessions = await ok("-n", "kube-system", "get", "bgpsessions")
      expect(sessions).toMatch(
        /^NAME +LOCAL ASN +PEER ASN +LOCAL IP +PEER IP +STATE +LAST REPORT\n127\.24\.1\.254-node-01 +65001 +65002 .*Established/
      )
      const described = await ok("-n", "kube-system", "describe", "bgpsession", "127.24.1.254-node-01")
      expect(described).toMatch(/Local IP: +127\.24\.1\.10\n[\s\S]*State: +Established\n/)
      expect(described).toMatch(/Events:\n[\s\S]*SessionEstablished/)
      expect(await ok("-n", "kube-system", "get", "bgpadvertisedroutes")).toMatch(/10\.0\.0\.8\/32/)
      expect(await ok("get", "cluster", ...NS)).toMatch(/e2e +bgp +10\.0\.0\.8 +1\/1 +1\/1 +True +\d/)
      expect(await ok("get", "nodes", "--no-headers")).toMatch(/^node-01 +Ready +control-plane,load-balancer/)
    })

    test("a patch of the Cluster adds a session, and is in force when kubectl has its answer", async () => {
      const peers = ROUTERS.map((ip) => ({ ip, asn: 65002, port: 17911, connectRetryTime: 1 }))
      const patch = { spec: { loadBalancer: { bgpPeers: peers } } }
      await ok("patch", "cluster", "e2e", ...NS, "--type=merge", "-p", JSON.stringify(patch))
      const names = await ok("-n", "kube-system", "get", "bgpsessions", "-o", "name")
      expect(names).toContain("127.24.1.253-node-01")
      const session = "bgpsession/127.24.1.253-node-01"
      await ok("-n", "kube-system", "wait", session, "--for=condition=Established", "--timeout=20s")
      await until("the new router has the VIP", () => (routers[0]?.routes().length ?? 0) > 0)
      const history = await ok("-n", "kube-system", "get", "configrevisions", "--no-headers")
      expect(history).toMatch(/^\d+ +InForce +api +alice +node-01 /)
    })

    test("apply, diff and edit of the whole file; what is the same changes nothing", async () => {
      const exported = JSON.parse(await ok("get", "cluster", "e2e", ...NS, "-o", "json"))
      const {
        status: _,
        metadata: { name, namespace },
        ...rest
      } = exported
      const file = directory.write("new.json", JSON.stringify({ ...rest, metadata: { name, namespace } }))
      await ok("apply", "-f", file)
      expect(await ok("apply", "-f", file)).toContain("unchanged")
      const peers = rest.spec.loadBalancer.bgpPeers.map((one: object) => ({ ...one, med: 50 }))
      const loadBalancer = { ...rest.spec.loadBalancer, bgpPeers: peers }
      const changed = { ...rest, metadata: { name, namespace }, spec: { ...rest.spec, loadBalancer } }
      const next = directory.write("next.json", JSON.stringify(changed))
      const diff = await run("diff", "-f", next)
      expect([diff.code, diff.out]).toEqual([1, expect.stringMatching(/\+ +med: 50/)])
      const routes = () => ok("-n", "kube-system", "get", "bgpadvertisedroutes", "--no-headers")
      expect(await routes()).not.toMatch(/ 50\n/)
      await ok("apply", "-f", next)
      expect(await routes()).toMatch(/10\.0\.0\.8\/32 +50\n/)
    })

    test("what is wrong, held back or forbidden changes nothing and says why; the annotation insists", async () => {
      const before = await ok("get", "cluster", "e2e", ...NS, "-o", "jsonpath={.metadata.generation}")
      const patch = (loadBalancer: object, more: object = {}, ...flags: ReadonlyArray<string>) => {
        const body = JSON.stringify({ ...more, spec: { loadBalancer } })
        return run("patch", "cluster", "e2e", ...NS, "--type=merge", "-p", body, ...flags)
      }
      const wrong = (await patch({ localASN: 0 })).err
      expect(wrong).toContain("spec.loadBalancer.localASN: AS number 0 is reserved")
      const vips = { controlPlaneVIP: "10.0.0.9" }
      const held = await patch({ vips })
      expect(held.err).toMatch(/\(Forbidden\).*10\.0\.0\.8.*viaduct\.dev\/force=true/)
      const lookers = await patch({ localASN: 65009 }, {}, `--kubeconfig=${reader}`)
      expect([lookers.code, lookers.err]).toEqual([1, expect.stringMatching(/\(Forbidden\).*bob may read only/)])
      expect((await run("auth", "can-i", "patch", "clusters", ...NS, `--kubeconfig=${reader}`)).out).toMatch(/^no/)
      expect(await ok("get", "cluster", "e2e", ...NS, "-o", "jsonpath={.metadata.generation}")).toBe(before)
      expect(routers[1]?.routes()).toEqual([`10.0.0.8/32 via ${NODE}`])
      const insisted = await patch({ vips }, { metadata: { annotations: { "viaduct.dev/force": "true" } } })
      expect([insisted.code, insisted.err]).toEqual([0, expect.stringContaining("Warning: ")])
      await until("the VIP moved", () => routers[1]?.routes().join() === `10.0.0.9/32 via ${NODE}`)
      const notes = await ok("get", "cluster", "e2e", ...NS, "-o", "jsonpath={.metadata.annotations}")
      expect(notes).not.toContain("viaduct.dev/force")
    })

    test("a Service comes and goes, with what becomes of it", async () => {
      const service = {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "web", namespace: "default" },
        spec: { type: "LoadBalancer", ports: [{ port: 80 }] }
      }
      await ok("apply", "-f", directory.write("svc.json", JSON.stringify(service)))
      expect(await ok("get", "svc", "web", "--no-headers")).toMatch(/^web +LoadBalancer +<pending> +80\/TCP +0 .*\S/)
      await ok("delete", "svc", "web")
      expect((await run("get", "svc", "web")).err).toContain("NotFound")
    })

    test("a daemon that starts again has what kubectl wrote", async () => {
      await daemon?.end()
      daemon = start()
      await until("the VIP is there again", () => routers[1]?.routes().join() === `10.0.0.9/32 via ${NODE}`)
      const vip = await ok("get", "cluster", "e2e", ...NS, "-o", "jsonpath={.spec.loadBalancer.vips.controlPlaneVIP}")
      expect(vip).toBe("10.0.0.9")
    })
  })
}
