// Revisions of the config as values in the store: what is written is read again, big ones fit, damaged ones are told apart.
import { describe, expect, test } from "bun:test"
import {
  infoOf,
  outdated,
  type RevisionRecord,
  readRevision,
  readRevisionInfo,
  readTakenFile,
  revisionKey,
  revisionLengthMax,
  revisionOfKey,
  revisionValue,
  takenFileValue
} from "../../src/cluster/revisions.ts"

const record = (text: string): RevisionRecord => ({
  info: {
    revision: 12,
    hash: "0123456789abcdef",
    at: "2026-01-01T00:00:00.000Z",
    by: "root",
    node: "node-1",
    origin: "apply",
    message: "für Rack 2",
    summary: "1 session added"
  },
  files: [{ path: "cluster.yaml", text }],
  metas: new Map([["BGPPeer/cluster-bm/tor-a", { generation: 3, created: "2026-01-01T00:00:00.000Z", since: 1 }]])
})

const service = (n: number) =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: web-${n}\n  namespace: shop-${n % 7}\nspec:\n  type: LoadBalancer\n` +
  `  loadBalancerIP: 10.${n >> 8}.${n & 255}.7\n  ports:\n    - port: ${1000 + n}\n      protocol: TCP\n`

describe("a revision in the store", () => {
  test("is read as it was written, short or long, in any script", () => {
    for (const text of ["a: 1\n", "# Übersicht: 雲 🌩\n".repeat(1_000)]) {
      expect(readRevision(revisionValue(record(text)))).toEqual(record(text))
      expect(readRevisionInfo(revisionValue(record(text)))).toEqual(record(text).info)
      expect(readTakenFile(takenFileValue(record(text).files))).toEqual(record(text).files)
    }
  })

  test("with 5,000 services fits into one request to etcd", () => {
    const text = Array.from({ length: 5_000 }, (_, n) => service(n)).join("---\n")
    const metas = new Map(
      Array.from({ length: 5_000 }, (_, n) => [
        `Service/shop-${n % 7}/web-${n}`,
        { generation: 1, created: "2026-01-01T00:00:00.000Z", since: n }
      ])
    )
    expect(text.length).toBeGreaterThan(900_000)
    expect(revisionValue({ ...record(text), metas }).length).toBeLessThan(revisionLengthMax / 5)
  })

  test("that is damaged is unreadable and nothing worse", () => {
    const value = revisionValue(record("x: 1\n".repeat(2_000)))
    expect(readRevision(value.replace(/"deflated":"...../, '"deflated":"AAAAA'))).toBeUndefined()
    expect(readRevision("{")).toBeUndefined()
    expect(readRevision("{}")).toBeUndefined()
  })

  test("does not say whether it waits to be confirmed: the pointer does", () => {
    const { info } = record("")
    const unconfirmed = { until: "2026-01-01T00:02:00.000Z", rollbackTo: 11 }
    expect(readRevisionInfo(revisionValue({ ...record(""), info: { ...info, unconfirmed } }))).toEqual(info)
    expect(infoOf({ ...info, unconfirmed })).toEqual({ ...info, unconfirmed })
  })

  test("has a key in the order of the numbers", () => {
    expect([9, 10, 100].map(revisionKey)).toEqual([9, 10, 100].map(revisionKey).sort())
    expect(revisionOfKey(revisionKey(42))).toBe(42)
    expect(revisionOfKey("config/current")).toBeUndefined()
  })
})

describe("old revisions", () => {
  const some = (count: number, length: number) => Array.from({ length: count }, (_, i) => ({ revision: i + 1, length }))

  test("are forgotten beyond the newest fifty", () => {
    expect(outdated(some(53, 10), new Set())).toEqual([3, 2, 1])
    expect(outdated(some(53, 10), new Set([2]))).toEqual([3, 1])
    expect(outdated(some(50, 10), new Set())).toEqual([])
  })

  test("are forgotten beyond a few megabytes in all", () => {
    expect(outdated(some(6, 900_000), new Set([6]))).toEqual([2, 1])
  })
})

test("what an older version wrote of the config in force is understood", () => {
  expect(infoOf({ revision: 3, hash: "h", node: "node-2", at: "t" })).toEqual({
    revision: 3,
    hash: "h",
    node: "node-2",
    at: "t",
    by: "node-2",
    origin: "file"
  })
})
