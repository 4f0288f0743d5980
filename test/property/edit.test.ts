// Changes of single documents over random files: what is put is there, what was not touched is there to the octet, whatever comments,
// markers, directives and text blocks stand around it. VIADUCT_SEED repeats a failing run.
import { expect, test } from "bun:test"
import fc from "fast-check"
import { stringify } from "yaml"
import { configObjects, documentsOf, nextMetas } from "../../src/config/documentsOf.ts"
import { editFiles, mergeFiles } from "../../src/config/edit.ts"
import type { ConfigFile } from "../../src/config/load.ts"
import type { ObjectRef } from "../../src/config/objects.ts"
import { contentOf, splitPieces } from "../../src/config/pieces.ts"

const seed = Number(process.env.VIADUCT_SEED ?? 20260)
const runs = (numRuns: number) => ({ numRuns, seed })
const never = { generation: 1, created: "2026-01-01T00:00:00.000Z", since: 1 }

const word = fc.constantFrom("a", "b", "tor-a", "web", "x1")
const text = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "---",
    "...",
    "# no comment",
    "a\n--- b\n# c\n",
    "%YAML 1.2",
    "yes",
    "1.10",
    "null",
    "- x",
    "a: b",
    "\ttab",
    " "
  )
)
const scalar = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null))
const spec = fc.dictionary(
  fc.string({ minLength: 1 }).filter((key) => key !== "__proto__"),
  fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.dictionary(fc.constantFrom("k", "key two", "#"), scalar)),
  { maxKeys: 4 }
)
const kinds = [
  ["networking.gke.io/v1", "BGPPeer"],
  ["v1", "Service"],
  ["networking.gke.io/v1", "NetworkGatewayGroup"]
] as const

const object = fc
  .record({
    kind: fc.constantFrom(...kinds),
    name: word,
    namespace: fc.option(word, { nil: undefined }),
    annotations: fc.option(fc.dictionary(fc.constantFrom("a/b", "c"), text, { minKeys: 1 }), { nil: undefined }),
    spec
  })
  .map(({ kind: [apiVersion, kind], name, namespace, annotations, spec }) => ({
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(annotations === undefined ? {} : { annotations })
    },
    spec
  }))

const comment = fc.constantFrom("", "# a comment\n", "\n", "# one\n\n  # two\n")
const style = fc.constantFrom("block", "json", "flow")
const written = fc
  .record({ object, before: comment, after: comment, style })
  .map(({ object: one, before, after, style: how }) => {
    const body =
      how === "block"
        ? stringify(one)
        : how === "json"
          ? `${JSON.stringify(one, undefined, 2)}\n`
          : `${JSON.stringify(one)}\n`
    return { one, text: `${before}${body}${after}` }
  })
const marker = fc.constantFrom("---\n", "--- # next\n", "...\n---\n", "...\n%YAML 1.2\n---\n")

const identity = ({ kind, metadata }: { kind: string; metadata: { name: string; namespace?: string } }) =>
  `${kind}/${metadata.namespace ?? "default"}/${metadata.name}`

/** Files of a few documents, each object once. */
const config = fc
  .uniqueArray(written, { selector: ({ one }) => identity(one), maxLength: 6 })
  .chain((documents) =>
    fc.record({
      documents: fc.constant(documents),
      markers: fc.array(marker, { minLength: documents.length, maxLength: documents.length }),
      leading: fc.boolean(),
      cut: fc.nat(documents.length)
    })
  )
  .map(({ documents, markers, leading, cut }) => {
    const file = (path: string, from: number, to: number): ReadonlyArray<ConfigFile> => {
      const own = documents.slice(from, to)
      const joined = own.map(({ text: one }, i) => `${i === 0 ? (leading ? "---\n" : "") : markers[from + i]}${one}`)
      return own.length === 0 ? [] : [{ path, text: joined.join("") }]
    }
    return [...file("one.yaml", 0, cut), ...file("two.yaml", cut, documents.length)]
  })

const objectsOf = (files: ReadonlyArray<ConfigFile>) => configObjects(files, new Map(), never)
const keyOf = ({ kind, namespace, name }: ObjectRef) => `${kind}/${namespace}/${name}`
const without = (contents: ReadonlyMap<string, string>, key: string) => [...contents].filter(([one]) => one !== key)
const contentsOf = (files: ReadonlyArray<ConfigFile>) =>
  new Map(documentsOf(files).map(({ key, content }) => [key, content]))
/** The text of each document with its comments inside it. */
const textsOf = (files: ReadonlyArray<ConfigFile>) =>
  new Map(
    documentsOf(files).map(({ key, file, piece }) => [key, splitPieces(files[file]?.text ?? "")[piece]?.text ?? ""])
  )

test("the pieces of any text are the text", () => {
  const lines = fc.array(fc.oneof(text, fc.constantFrom("---", "--- x", "...", "%YAML 1.2", "#", "")), {
    maxLength: 12
  })
  fc.assert(
    fc.property(lines, fc.constantFrom("\n", "\r\n"), (all, end) => {
      const whole = all.join(end)
      const pieces = splitPieces(whole)
      expect(pieces.map((piece) => piece.text).join("")).toBe(whole)
      for (const { text: piece } of pieces) expect(piece).not.toBe("")
    }),
    runs(2_000)
  )
})

test("what is put is there, and every other document says what it said, in the same octets", () => {
  fc.assert(
    fc.property(config, object, (files, put) => {
      const before = contentsOf(files)
      const texts = textsOf(files)
      const edited = editFiles(files, { type: "put", object: put }, () => 1)
      if (edited.outcome !== "edited") throw new Error(edited.outcome)
      const key = keyOf(edited.ref)
      const found = objectsOf(edited.files).filter(
        ({ kind, metadata }) => keyOf({ apiVersion: "", kind, ...metadata }) === key
      )
      expect(found.map(({ spec: itsSpec }) => itsSpec)).toEqual([JSON.parse(JSON.stringify(put.spec))])
      expect(found[0]?.metadata.annotations).toEqual(put.metadata.annotations)
      expect(without(contentsOf(edited.files), key)).toEqual(without(before, key))
      expect(without(textsOf(edited.files), key)).toEqual(without(texts, key))
    }),
    runs(150)
  )
})

test("what is deleted is gone, and every other document says what it said, in the same octets", () => {
  const withOne = config
    .filter((files) => documentsOf(files).length > 0)
    .chain((files) => fc.record({ files: fc.constant(files), index: fc.nat(documentsOf(files).length - 1) }))
  fc.assert(
    fc.property(withOne, ({ files, index }) => {
      const { key, object: chosen } = documentsOf(files)[index] ?? {}
      if (chosen === undefined || key === undefined) throw new Error("no object")
      const edited = editFiles(files, { type: "delete", ref: chosen.ref }, () => 1)
      if (edited.outcome !== "edited") throw new Error(edited.outcome)
      expect([...contentsOf(edited.files)]).toEqual(without(contentsOf(files), key))
      const [after, before] = [textsOf(edited.files), textsOf(files)]
      for (const [other, itsText] of after) {
        // Comments of the document that went may be the next one's, and stay where they were.
        expect(itsText.endsWith(before.get(other) ?? "?") || itsText.startsWith(before.get(other) ?? "?")).toBe(true)
      }
    }),
    runs(150)
  )
})

test("a merge takes from the file what the file changed, and from the config in force everything else", () => {
  fc.assert(
    fc.property(config, config, config, (base, edited, current) => {
      const [old, mine, theirs] = [contentsOf(base), contentsOf(edited), contentsOf(current)]
      const merged = contentsOf(mergeFiles(base, edited, current))
      for (const key of new Set([...old.keys(), ...mine.keys(), ...theirs.keys()])) {
        const touched = old.get(key) !== mine.get(key)
        expect([key, merged.get(key)]).toEqual([key, touched ? mine.get(key) : theirs.get(key)])
      }
    }),
    runs(150)
  )
})

test("a document's generation grows with its content alone", () => {
  fc.assert(
    fc.property(config, object, (files, put) => {
      const metas = nextMetas(undefined, files, 1, "2026-01-01T00:00:00.000Z")
      const edited = editFiles(files, { type: "put", object: put }, () => 1)
      if (edited.outcome !== "edited") throw new Error(edited.outcome)
      const next = nextMetas({ files, metas }, edited.files, 2, "2026-01-02T00:00:00.000Z")
      const [before, after] = [contentsOf(files), contentsOf(edited.files)]
      for (const [key, { generation, since }] of next) {
        const was = before.get(key)
        expect([generation, since]).toEqual(was === undefined ? [1, 2] : [was === after.get(key) ? 1 : 2, 1])
      }
    }),
    runs(300)
  )
})

test("the content of a piece alone says the same", () => {
  fc.assert(
    fc.property(config, (files) => {
      for (const [key, piece] of textsOf(files)) {
        const alone = [{ path: "alone.yaml", text: contentOf(piece) }]
        expect(contentsOf(alone).get(key)).toBe(contentsOf(files).get(key) as string)
      }
    }),
    runs(150)
  )
})
