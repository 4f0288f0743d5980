// Services, endpoints, pools and the daemon's own settings: exact problems, what arrives, and one hash for one meaning.
import { describe, expect, test } from "bun:test"
import { defaultDaemonSettings } from "../../src/config/daemonSettings.ts"
import { formatProblem } from "../../src/config/problem.ts"
import { type Edit, edited, load } from "./files.ts"
import { SERVICE_CASES, serviceText } from "./serviceCases.ts"

const loaded = (documents: string, ...edits: ReadonlyArray<Edit>) => load(`${edited(...edits)}---\n${documents}`)

describe("a wrong or doubtful document says exactly what and where", () => {
  for (const { name, documents, edits = [], problems } of SERVICE_CASES) {
    test(name, () => {
      const result = loaded(documents, ...edits)
      expect(result.problems.map(formatProblem)).toEqual(problems.map((problem) => `c.yaml:${problem}`))
      const valid = !result.problems.some((problem) => problem.severity === "error")
      expect([result.cluster !== undefined, result.daemon !== undefined]).toEqual([valid, valid])
    })
  }
})

const servicesOf = (documents: string, ...edits: ReadonlyArray<Edit>) => loaded(documents, ...edits).cluster?.services

test("everything that a service says arrives, the labels of its namespace with it", () => {
  const text = serviceText({
    metadata:
      "  namespace: shop\n  labels: {tier: gold}\n  annotations:\n    metallb.universe.tf/address-pool: pool1\n" +
      '    metallb.io/loadBalancerIPs: "2001:DB8::2, 10.0.0.2"\n    viaduct.dev/allow-shared-ip: key\n',
    spec:
      "  ports: [{port: 443}, {port: 53, protocol: UDP, targetPort: dns}, {port: 80}]\n  externalTrafficPolicy: Local\n" +
      "  ipFamilies: [IPv6, IPv4]\n  loadBalancerClass: viaduct.dev/load-balancer\n  selector: {app: web}\n"
  })
  const namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: red}}\n"
  const [service] =
    servicesOf(
      text + namespace,
      ["[10.96.0.0/16]", "[10.96.0.0/16, fd00::/112]"],
      ["[10.0.0.1-10.0.0.4]", '[10.0.0.1-10.0.0.4, "2001:db8::/64"]']
    ) ?? []
  expect(service as object).toEqual({
    namespace: "shop",
    name: "web",
    labels: { tier: "gold" },
    namespaceLabels: { "kubernetes.io/metadata.name": "shop", team: "red" },
    ports: [
      { protocol: "TCP", port: 80 },
      { protocol: "TCP", port: 443 },
      { protocol: "UDP", port: 53 }
    ],
    addresses: ["10.0.0.2", "2001:db8::2"],
    pool: "pool1",
    families: ["ipv6", "ipv4"],
    familyPolicy: "RequireDualStack",
    sharingKey: "key",
    externalTrafficPolicy: "Local"
  })
})

describe("the ingress VIP serves the ingress service", () => {
  const named = (documents: string) =>
    servicesOf(documents)?.map((one) => `${one.namespace}/${one.name} ${one.addresses}`)
  const ingress = serviceText({ name: "istio-ingress", metadata: "  namespace: gke-system\n" })

  test("one is made up where no document has it", () => {
    expect(named(serviceText())).toEqual(["default/web ", "gke-system/istio-ingress 10.0.0.1"])
    expect(load(edited()).cluster?.services.at(-1)?.ports as object).toEqual([
      { protocol: "TCP", port: 80 },
      { protocol: "TCP", port: 443 }
    ])
  })

  test("gke-system/istio-ingress gets it", () => {
    expect(named(`${serviceText()}---\n${ingress}`)).toEqual(["default/web ", "gke-system/istio-ingress 10.0.0.1"])
  })

  test("a service that asks for exactly that address is the ingress service", () => {
    const asks = serviceText({ spec: "  ports: [{port: 80}]\n  loadBalancerIP: 10.0.0.1\n" })
    expect(named(asks)).toEqual(["default/web 10.0.0.1"])
    expect(named(`${asks}---\n${ingress}`)).toEqual(["default/web 10.0.0.1", "gke-system/istio-ingress "])
  })

  test("without the VIP there is none", () => {
    expect(servicesOf(serviceText(), ["      ingressVIP: 10.0.0.1\n", ""])?.map((one) => one.name)).toEqual(["web"])
  })
})

describe("endpoints (L4)", () => {
  const slice = (name: string, endpoints: ReadonlyArray<readonly [node: string, conditions?: string]>) =>
    `---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: ${name}\n  labels: {kubernetes.io/service-name: web}\n` +
    `endpoints:\n${endpoints.map(([node, conditions]) => `  - nodeName: ${node}\n${conditions === undefined ? "" : `    conditions: {${conditions}}\n`}`).join("")}`
  const endpointsOf = (...slices: ReadonlyArray<string>) => loaded(serviceText() + slices.join("")).cluster?.endpoints

  test("nodes with a ready endpoint, from all slices; what says nothing is ready", () => {
    expect(
      endpointsOf(
        slice("a", [["cp1"], ["10.0.1.11", "ready: false"]]),
        slice("b", [
          ["10.0.1.10", "ready: true"],
          ["cp1", "ready: null"]
        ])
      )
    ).toEqual([{ service: "default/web", nodes: ["10.0.1.10", "cp1"] }])
  })

  test("without a ready one those that end and still serve; else none", () => {
    const ending = "ready: false, serving: true, terminating: true"
    expect(
      endpointsOf(
        slice("a", [
          ["cp1", ending],
          ["10.0.1.11", "ready: false, serving: false, terminating: true"]
        ])
      )
    ).toEqual([{ service: "default/web", nodes: ["cp1"] }])
    expect(endpointsOf(slice("a", [["cp1", ending], ["10.0.1.11"]]))).toEqual([
      { service: "default/web", nodes: ["10.0.1.11"] }
    ])
    expect(endpointsOf(slice("a", [["cp1", "ready: false"]]))).toEqual([{ service: "default/web", nodes: [] }])
    expect(endpointsOf()).toEqual([])
  })
})

test("pools arrive with who may use them", () => {
  const rest =
    "        priority: 5\n        namespaces: [a]\n        namespaceSelector: {matchLabels: {x: y}}\n" +
    "        serviceSelector: {matchExpressions: [{key: k, operator: In, values: [v]}, {key: l, operator: Exists}]}\n"
  const { cluster } = loaded(serviceText(), ["[10.0.0.1-10.0.0.4]\n", `[10.0.0.1-10.0.0.4]\n${rest}`])
  expect(cluster?.loadBalancer.pools[0] as object).toEqual({
    name: "pool1",
    ranges: [{ first: "10.0.0.1", last: "10.0.0.4" }],
    avoidBuggyIps: false,
    manualAssign: false,
    priority: 5,
    namespaces: ["a"],
    namespaceSelector: { matchLabels: { x: "y" } },
    serviceSelector: {
      matchExpressions: [
        { key: "k", operator: "In", values: ["v"] },
        { key: "l", operator: "Exists" }
      ]
    }
  })
})

describe("DaemonConfig", () => {
  const text = (spec: string) => `apiVersion: viaduct.dev/v1\nkind: DaemonConfig\nspec: ${spec}\n`

  test("its settings arrive, with defaults for the rest", () => {
    expect(load(edited()).daemon).toEqual(defaultDaemonSettings)
    expect(loaded(text("{}")).daemon).toEqual(defaultDaemonSettings)
    const etcd =
      "{endpoints: ['https://a:2379', 'https://[fd00::1]'], caFile: /ca, certFile: /c, keyFile: /k, username: u, passwordFile: /p}"
    expect(
      loaded(text(`{etcd: ${etcd}, leaseSeconds: 10, onStoreLoss: release, addressRestSeconds: 0}`)).daemon
    ).toEqual({
      etcd: {
        endpoints: ["https://a:2379", "https://[fd00::1]"],
        caFile: "/ca",
        certFile: "/c",
        keyFile: "/k",
        username: "u",
        passwordFile: "/p"
      },
      leaseSeconds: 10,
      onStoreLoss: "release",
      addressRestSeconds: 0
    })
  })

  test("it does not change the hash of the cluster", () => {
    expect(loaded(text("{leaseSeconds: 10}")).hash).toBe(load(edited()).hash as string)
  })
})

describe("hash (I5)", () => {
  const slice = (nodes: string) =>
    "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s, labels: {kubernetes.io/service-name: web}}\n" +
    `endpoints: ${nodes}\n`
  const POOL = "[10.0.0.1-10.0.0.4]\n"
  const poolEdit = (rest: string): Edit => [POOL, `${POOL}        ${rest}\n`]

  test("equal meaning, equal hash", () => {
    const a = serviceText({ name: "a" })
    const b = serviceText({ name: "b", spec: "  ports: [{port: 80}, {port: 53, protocol: UDP}]\n" })
    const again = serviceText({
      name: "b",
      metadata: "  namespace: default\n",
      spec: "  ports: [{port: 53, protocol: UDP}, {port: 80, protocol: TCP}]\n  externalTrafficPolicy: Cluster\n  ipFamilyPolicy: SingleStack\n"
    })
    expect(loaded(`${a}---\n${b}`).hash).toBe(loaded(`${again}---\n${a}`).hash as string)
    const web = serviceText()
    expect(loaded(web + slice("[{nodeName: cp1}, {nodeName: 10.0.1.11}]")).hash).toBe(
      loaded(web + slice("[{nodeName: 10.0.1.11}, {nodeName: cp1}, {nodeName: cp1}]")).hash as string
    )
    expect(loaded(web, poolEdit("namespaces: [a, b]")).hash).toBe(
      loaded(web, poolEdit("namespaces: [b, a]")).hash as string
    )
    const expressions = ["{key: k, operator: In, values: [v, w]}", "{key: l, operator: Exists}"]
    expect(loaded(web, poolEdit(`serviceSelector: {matchExpressions: [${expressions.join(", ")}]}`)).hash).toBe(
      loaded(
        web,
        poolEdit(
          `serviceSelector: {matchExpressions: [${expressions.toReversed().join(", ").replace("v, w", "w, v")}]}`
        )
      ).hash as string
    )
    const peer: Edit = ["  peerIP: 10.9.0.1\n", "  peerIP: 10.9.0.1\n  gracefulRestartTime: 120\n  addPaths: true\n"]
    expect(loaded(web, peer).hash).toBe(loaded(web).hash as string)
  })

  test("another meaning, another hash", () => {
    const web = serviceText()
    const hashes = [
      load(edited()).hash,
      loaded(web).hash,
      loaded(serviceText({ metadata: "  annotations: {viaduct.dev/address-pool: pool1}\n" })).hash,
      loaded(serviceText({ metadata: "  annotations: {metallb.io/allow-shared-ip: x}\n" })).hash,
      loaded(serviceText({ spec: "  ports: [{port: 81}]\n" })).hash,
      loaded(serviceText({ spec: "  ports: [{port: 80}]\n  externalTrafficPolicy: Local\n" })).hash,
      loaded(serviceText({ spec: "  ports: [{port: 80}]\n  loadBalancerIP: 10.0.0.3\n" })).hash,
      loaded(web + slice("[{nodeName: cp1}]")).hash,
      loaded(web + slice("[]")).hash,
      loaded(web, poolEdit("priority: 1")).hash,
      loaded(web, poolEdit("namespaces: [a]")).hash,
      loaded(web, poolEdit("serviceSelector: {matchLabels: {a: b}}")).hash,
      loaded(web, ["  peerIP: 10.9.0.1\n", "  peerIP: 10.9.0.1\n  addPaths: false\n"]).hash,
      loaded(web, ["  peerIP: 10.9.0.1\n", "  peerIP: 10.9.0.1\n  gracefulRestartTime: 0\n"]).hash,
      loaded(web, ["        asn: 65002\n", "        asn: 65002\n        gracefulRestartTime: 9\n"]).hash
    ]
    expect(hashes).not.toContain(undefined)
    expect(new Set(hashes).size).toBe(hashes.length)
  })
})
