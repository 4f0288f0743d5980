// The loader: exact problems of wrong files, no exception for any text, and one hash for one meaning.
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { isMap, isSeq, parseAllDocuments, stringify } from "yaml"
import { loadCluster } from "../../src/config/load.ts"
import { formatProblem } from "../../src/config/problem.ts"
import { CASES } from "./cases.ts"
import { BASE, edited, load } from "./files.ts"
import { serviceText } from "./serviceCases.ts"

const SERVICES = `${serviceText({
  metadata: "  labels: {a: b}\n  annotations: {viaduct.dev/load-balancer-ips: 10.0.0.2}\n",
  spec: "  ports: [{port: 80}]\n  ipFamilies: [IPv4]\n"
})}---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
endpoints: [{nodeName: cp1, conditions: {ready: true}}]
---
apiVersion: viaduct.dev/v1
kind: DaemonConfig
spec: {etcd: {endpoints: ["http://10.0.1.10:2379"]}, leaseSeconds: 3}
`

test("the file that the cases change is valid and has no warning", () => {
  const result = load(BASE)
  expect(result.problems).toEqual([])
  expect(result.cluster?.name).toBe("bm")
  expect(result.hash).toMatch(/^[0-9a-f]{16}$/)
})

describe("a wrong or doubtful file says exactly what and where", () => {
  for (const { name, edits, problems } of CASES) {
    test(name, () => {
      const result = load(edited(...edits))
      expect(result.problems.map(formatProblem)).toEqual(problems.map((problem) => `c.yaml:${problem}`))
      const valid = !result.problems.some((problem) => problem.severity === "error")
      expect(result.cluster !== undefined).toBe(valid)
      expect(result.hash !== undefined).toBe(valid)
    })
  }
})

test("all mistakes of a file show at once, decoded and cross-checked alike", () => {
  const text = edited(
    ["    type: bgp\n", "    type: bgp\n    vipInterfaze: lo\n"],
    ["[10.0.1.100, 10.0.1.101]", "[10.0.1.100, 10.0.1.10]"],
    ["  peerIP: 10.9.0.1\n", "  peerIP: nowhere\n"]
  )
  expect(load(text).problems.map((p) => `${p.line}:${p.column} ${p.path}`)).toEqual([
    "21:5 spec.loadBalancer.vipInterfaze",
    "41:29 spec.floatingIPs[1]",
    "60:11 spec.peerIP"
  ])
})

test("a problem carries its parts for machines", () => {
  const [problem] = load(
    edited(["- ip: 10.8.0.10\n        asn: 65002", "- ip: 10.8.0.10\n        ans: 65002"])
  ).problems.filter((p) => p.message === "unknown field")
  expect(problem).toEqual({
    severity: "error",
    file: "c.yaml",
    line: 24,
    column: 9,
    path: "spec.loadBalancer.bgpPeers[0].ans",
    message: "unknown field",
    found: "ans",
    hint: "asn"
  })
})

test("two Clusters in two files: the error names both places", () => {
  const cluster = BASE.split("---\n")[0] ?? ""
  const { problems } = loadCluster([
    { path: "a.yaml", text: BASE },
    { path: "b.yaml", text: cluster }
  ])
  expect(problems.map(formatProblem)).toEqual([
    "b.yaml:1:1: error: Cluster is there twice: first in a.yaml:1, again in line 1"
  ])
})

test("no Cluster document is an error of its own", () => {
  expect(load("").problems.map((p) => p.message)).toEqual(["there is no Cluster document"])
  expect(loadCluster([]).problems.map((p) => p.message)).toEqual(["there is no Cluster document"])
})

test("documents of other groups pass whatever they hold; key paths pass as the first document only (S18)", () => {
  const other = "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nspec: {anything: [1, {x: y}]}\n---\n"
  expect(load(`sshPrivateKeyPath: /home/operator/key\n---\n${other}${BASE}`).problems).toEqual([])
  expect(
    load(`${BASE}---\nsshPrivateKeyPath: /home/operator/key\n`).problems.map((p) => `${p.line} ${p.path}`)
  ).toEqual(["74 kind"])
})

test("mode manual is valid and asks for no peers (S18)", () => {
  const result = load(edited(["mode: bundled", "mode: manual"], ["    localASN: 65001\n", ""]))
  expect(result.problems.filter((p) => p.severity === "error")).toEqual([])
  expect(result.cluster?.loadBalancer.mode).toBe("manual")
})

test("iBGP, 4-octet, private and documentation AS numbers are accepted (L5, S26)", () => {
  for (const asn of ["65001", "4273481989", "4200000000", "64496", "4294967294", "1"]) {
    expect(load(edited(["        asn: 65002\n", `        asn: ${asn}\n`])).problems).toEqual([])
  }
})

test("the options of a peer arrive; ttlSecurity: true is one hop", () => {
  const options =
    "        asn: 65002\n        port: 1790\n        holdTime: 9\n        keepaliveTime: 3\n        connectRetryTime: 7\n" +
    "        passive: true\n        passwordFile: /k\n        ttlSecurity: true\n        med: 5\n" +
    '        communities: ["65001:100"]\n        largeCommunities: ["65001:1:2"]\n'
  const [peer] = load(edited(["        asn: 65002\n", options])).cluster?.loadBalancer.controlPlanePeers ?? []
  expect(peer as object).toEqual({
    ip: "10.8.0.10",
    asn: 65002,
    port: 1790,
    holdTime: 9,
    keepaliveTime: 3,
    connectRetryTime: 7,
    passive: true,
    passwordFile: "/k",
    ttlSecurity: 1,
    med: 5,
    communities: ["65001:100"],
    largeCommunities: ["65001:1:2"]
  })
})

test("property: no text makes the loader throw", () => {
  const snippet = fc.constantFrom(
    "apiVersion: v1\n",
    "kind: Cluster\n",
    "---\n",
    "spec:\n",
    "  loadBalancer:\n",
    "- ",
    "&a ",
    "*a",
    "<<: ",
    "!!set ",
    "{",
    "}",
    "[",
    "]",
    "? ",
    ": ",
    "\t",
    "|\n",
    "%YAML 1.1\n",
    "__proto__: 1\n",
    "constructor: {}\n",
    "null",
    "\u0000",
    "\ufeff"
  )
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.oneof(snippet, fc.string())).map((parts) => parts.join(""))
  )
  fc.assert(fc.property(text, (t) => Array.isArray(load(t).problems)))
  const whole = `${BASE}---\n${SERVICES}`
  const damaged = fc.tuple(fc.nat(whole.length), fc.nat(40), fc.oneof(snippet, fc.string()))
  fc.assert(
    fc.property(damaged, ([at, length, put]) => {
      const result = load(whole.slice(0, at) + put + whole.slice(at + length))
      for (const p of result.problems)
        expect([p.line >= 1, p.column >= 1, p.message !== ""]).toEqual([true, true, true])
    })
  )
}, 60_000)

test("nesting beyond the stack and alias bombs are problems, not exceptions", () => {
  expect(load("[".repeat(20_000)).problems.length).toBeGreaterThan(0)
  const bomb = Array.from(
    { length: 12 },
    (_, i) =>
      `a${i}: &a${i} [${Array(9)
        .fill(i === 0 ? "x" : `*a${i - 1}`)
        .join(", ")}]`
  )
  expect(load(bomb.join("\n")).problems.map((p) => p.severity)).toContain("error")
})

/** The same documents with their order, the order of all keys and of the lists that are sets drawn from `seed`. */
const shuffled = (text: string, seed: number): string => {
  let state = seed
  const order = <T>(items: ReadonlyArray<T>): Array<T> => {
    const left = [...items]
    const drawn: Array<T> = []
    while (left.length > 0) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      drawn.push(...left.splice((state >>> 16) % left.length, 1))
    }
    return drawn
  }
  const sets = ["nodes", "bgpPeers", "floatingIPs", "cidrBlocks", "controlPlaneNodes", "ports", "endpoints"]
  const walk = (node: unknown, key = ""): unknown => {
    if (isMap(node))
      return Object.fromEntries(order(node.items).map((pair) => [String(pair.key), walk(pair.value, String(pair.key))]))
    if (isSeq(node)) return (sets.includes(key) ? order(node.items) : node.items).map((item) => walk(item))
    return (node as { readonly value?: unknown } | null)?.value
  }
  const documents = parseAllDocuments(text)
  if (!Array.isArray(documents)) throw new Error("no documents")
  return order(documents)
    .map((document) => stringify(walk(document.contents), { indent: 2 + (seed % 3) }))
    .join("---\n# a comment\n")
}

test("property: order of documents, keys and sets, comments and formatting do not change the hash (I5)", () => {
  const { hash } = load(BASE)
  fc.assert(
    fc.property(fc.nat(2_000_000), (seed) => {
      const again = load(shuffled(BASE, seed))
      expect(again.problems).toEqual([])
      expect(again.hash).toBe(hash as string)
    }),
    { numRuns: 40 }
  )
}, 60_000)

test("property: nor do they where services, slices and a DaemonConfig stand beside the cluster (I5)", async () => {
  const text = await Bun.file(`${import.meta.dir}/../../config/examples/two-racks-services.yaml`).text()
  const { hash } = load(text)
  fc.assert(
    fc.property(fc.nat(2_000_000), (seed) => {
      const again = load(shuffled(text, seed))
      expect(again.problems).toEqual([])
      expect(again.hash).toBe(hash as string)
    }),
    { numRuns: 20 }
  )
}, 60_000)

test("a default written out is no change, another value is (I5)", () => {
  const { hash } = load(BASE)
  const same: ReadonlyArray<[string, string]> = [
    [
      "        asn: 65002\n",
      "        asn: 65002\n        port: 179\n        holdTime: 90\n        keepaliveTime: 30\n        connectRetryTime: 5\n        passive: false\n"
    ],
    ["    vips:\n", "    vipInterface: lo\n    ports: {controlPlaneLBPort: 443}\n    vips:\n"],
    ["        - address: 10.0.1.11\n", "        - address: 10.0.1.11\n          name: 10.0.1.11\n"]
  ]
  for (const edit of same) expect(load(edited(edit)).hash).toBe(hash as string)
  const other: ReadonlyArray<[string, string]> = [
    ["        asn: 65002\n", "        asn: 65002\n        port: 1790\n"],
    ["        asn: 65002\n", "        asn: 65003\n"],
    ["    vips:\n", "    vipInterface: none\n    vips:\n"],
    ["controlPlaneVIP: 10.0.0.8", "controlPlaneVIP: 10.0.0.9"],
    ["          name: cp1\n", "          name: cp9\n"]
  ]
  const hashes = [hash, ...other.map((edit) => load(edited(edit)).hash)]
  expect(new Set(hashes).size).toBe(other.length + 1)
})

describe("what would hold the parser up for long is refused before it is parsed", () => {
  const HOSTILE: Readonly<Record<string, readonly [text: string, message: string]>> = {
    "brackets in brackets": ["a: ".concat("[".repeat(100_000)), "the document is nested more than 100 deep"],
    "lists in lists": ["- ".repeat(100_000), "the document is nested more than 100 deep"],
    "a document of a megabyte": [
      "x: y z: :\n".repeat(100_000),
      "the document has 977 KiB: one of more than 256 is not read"
    ],
    "a file of twenty": ["x: y z: :\n".repeat(2_000_000), "the file has 20 MiB: one of more than 8 is not read"],
    "a million documents": [
      "---\na: 1\n".repeat(900_000),
      "the document has 7911 KiB: one of more than 256 is not read"
    ],
    zeros: ["\0".repeat(1 << 20), "the document has 1024 KiB: one of more than 256 is not read"]
  }
  for (const [name, [text, message]] of Object.entries(HOSTILE))
    test(name, () => {
      const started = performance.now()
      const { cluster, problems } = load(text)
      expect([cluster, problems.map((problem) => problem.message)]).toEqual([undefined, [message]])
      // The parser takes minutes for the worst of them.
      expect(performance.now() - started).toBeLessThan(2_000)
    })

  test("a file with mistakes everywhere is not told to its end", () => {
    const { problems } = load("---\nkind: [\n".repeat(20_000))
    expect(problems.length).toBe(100)
  })

  test("places count from the beginning of the file, in every document of it", () => {
    const lead = `# one\n---\n${BASE}---\n`
    const n = lead.split("\n").length
    const broken = `${lead}# two\nkind: BGPPeer\nkind: BGPPeer\n---\n\n  "a\n`
    const told = load(broken).problems.map(({ line, column, message }) => `${line}:${column} ${message}`)
    expect(told).toContain(`${n + 2}:1 YAML: the key kind is there twice, first in line ${n + 1}`)
    expect(told.at(-1)).toBe(`${n + 6}:1 YAML: Missing closing "quote`)
  })
})
