// The kinds of patches, held against the examples of their RFCs (7386 appendix A, 6902 appendix A) and what they must never do:
// change their input, or touch what they do not name.
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { sameJson } from "../../src/resources/patch/json.ts"
import { jsonPatch } from "../../src/resources/patch/jsonPatch.ts"
import { mergePatch } from "../../src/resources/patch/mergePatch.ts"
import { strategicMerge } from "../../src/resources/patch/strategicMerge.ts"

describe("merge patch", () => {
  test.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', "{}"],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', "null", "null"],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
    ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}']
  ])("RFC 7386: %s with %s is %s", (target, patch, result) => {
    expect(mergePatch(JSON.parse(target), JSON.parse(patch))).toEqual(JSON.parse(result))
  })

  test("a key named __proto__ is a key like any other", () => {
    const patched = mergePatch({}, JSON.parse('{"__proto__":{"polluted":1}}'))
    expect(Object.keys(patched as object)).toEqual(["__proto__"])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

describe("JSON patch", () => {
  const op = (op: string, path: string, more: object = {}) => ({ op, path, ...more })
  test.each([
    [{ foo: "bar" }, [op("add", "/baz", { value: "qux" })], { baz: "qux", foo: "bar" }],
    [{ foo: ["bar", "baz"] }, [op("add", "/foo/1", { value: "qux" })], { foo: ["bar", "qux", "baz"] }],
    [{ baz: "qux", foo: "bar" }, [op("remove", "/baz")], { foo: "bar" }],
    [{ foo: ["bar", "qux", "baz"] }, [op("remove", "/foo/1")], { foo: ["bar", "baz"] }],
    [{ baz: "qux", foo: "bar" }, [op("replace", "/baz", { value: "boo" })], { baz: "boo", foo: "bar" }],
    [
      { foo: { bar: "baz", waldo: "fred" }, qux: { corge: "grault" } },
      [op("move", "/qux/thud", { from: "/foo/waldo" })],
      { foo: { bar: "baz" }, qux: { corge: "grault", thud: "fred" } }
    ],
    [
      { foo: ["all", "grass", "cows", "eat"] },
      [op("move", "/foo/3", { from: "/foo/1" })],
      { foo: ["all", "cows", "eat", "grass"] }
    ],
    [{ baz: "qux" }, [op("test", "/baz", { value: "qux" })], { baz: "qux" }],
    [{ foo: "bar" }, [op("add", "/child", { value: { grandchild: {} } })], { foo: "bar", child: { grandchild: {} } }],
    [{ "/": 9, "~1": 10 }, [op("test", "/~01", { value: 10 })], { "/": 9, "~1": 10 }],
    [{ foo: ["bar"] }, [op("add", "/foo/-", { value: ["abc", "def"] })], { foo: ["bar", ["abc", "def"]] }],
    [{ a: 1 }, [op("replace", "", { value: { b: 2 } })], { b: 2 }],
    [
      { a: { b: 1 } },
      [op("copy", "/c", { from: "/a" }), op("replace", "/c/b", { value: 2 })],
      { a: { b: 1 }, c: { b: 2 } }
    ]
  ])("RFC 6902: %p with %p is %p", (document, patch, result) => {
    const before = structuredClone(document)
    expect(jsonPatch(document, patch)).toEqual(result)
    expect(document).toEqual(before)
  })

  test.each([
    [[op("test", "/baz", { value: "bar" })], "/baz: the test failed: another value stands there"],
    [[op("add", "/baz/bat", { value: 1 })], "/baz/bat: what should hold it is no object and no list"],
    [[op("remove", "/none")], "/none: there is nothing"],
    [[op("replace", "/list/7", { value: 1 })], "/list/7: the list has no element 7"],
    [[op("add", "/list/01", { value: 1 })], "/list/01: the list has no element 01"],
    [[op("test", "/~01", { value: "10" })], "/~01: there is nothing"],
    [[op("move", "/list/0", { from: "/list" })], "/list cannot be moved into itself"],
    [[op("add", "baz", { value: 1 })], "path has to be a JSON pointer like /spec/ports/0"],
    [[op("add", "/a")], "the operation has no value"],
    [{ op: "add" }, "a JSON patch is a list of operations"]
  ])("%p is refused: %s", (patch, message) => {
    expect(() => jsonPatch({ baz: "qux", list: [1] }, patch)).toThrow(message)
  })

  test("removing what was added gives back what was there", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), fc.jsonValue(), (object, key, value) => {
        fc.pre(!Object.hasOwn(object, key))
        const pointer = `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`
        const added = jsonPatch(object, [op("add", pointer, { value })])
        expect(sameJson(jsonPatch(added, [op("test", pointer, { value }), op("remove", pointer)]), object)).toBe(true)
      }),
      { seed: 6902, numRuns: 300 }
    )
  })
})

describe("strategic merge patch", () => {
  const service = (ports: ReadonlyArray<object>) => ({ kind: "Service", spec: { type: "LoadBalancer", ports } })
  const ports = [
    { port: 80, name: "http" },
    { port: 443, name: "https" }
  ]
  const merged = (patch: object): unknown => {
    const { spec } = strategicMerge("v1 Service", service(ports), { spec: patch })
    return (spec as { readonly ports?: unknown }).ports
  }

  test("merges ports by their number, appends new ones, deletes by directive", () => {
    expect(merged({ ports: [{ port: 443, name: "tls" }, { port: 53 }, { port: 80, $patch: "delete" }] })).toEqual([
      { port: 443, name: "tls" },
      { port: 53 }
    ])
    expect(merged({ ports: [{ $patch: "replace" }, { port: 1 }] })).toEqual([{ port: 1 }])
    expect(merged({ ports: null })).toBeUndefined()
  })

  test("puts them into the wanted order; what the order does not name stays behind what it was behind", () => {
    expect(merged({ "$setElementOrder/ports": [{ port: 443 }, { port: 80 }] })).toEqual(ports.toReversed())
    const added = { "$setElementOrder/ports": [{ port: 443 }], ports: [{ port: 9 }] }
    expect(merged(added)).toEqual([{ port: 80, name: "http" }, { port: 443, name: "https" }, { port: 9 }])
  })

  test("knows the directives for maps and plain lists, and refuses others", () => {
    const target = { spec: { a: 1, b: 2 }, metadata: { finalizers: ["x", "y"] } }
    const merge = (patch: object) => strategicMerge("v1 Namespace", target, patch)
    expect(merge({ spec: { $retainKeys: ["b"], b: 3 } }).spec).toEqual({ b: 3 })
    expect(merge({ spec: { $patch: "replace", c: 1 } }).spec).toEqual({ c: 1 })
    expect(merge({ metadata: { finalizers: ["z"], "$deleteFromPrimitiveList/finalizers": ["x"] } }).metadata).toEqual({
      finalizers: ["y", "z"]
    })
    expect(() => merge({ $unknown: 1 })).toThrow("$unknown is no directive")
    expect(() => merged({ ports: [{ name: "x" }] })).toThrow("an element has no port")
  })

  test("is a merge patch where there are neither keyed lists nor directives", () => {
    const plain = fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), fc.jsonValue({ maxDepth: 2 }))
    fc.assert(
      fc.property(plain, plain, (target, patch) => {
        fc.pre(!JSON.stringify(patch).includes("$"))
        expect(strategicMerge("v1 Namespace", target, patch)).toEqual(mergePatch(target, patch) as never)
      }),
      { seed: 7386, numRuns: 300 }
    )
  })
})
