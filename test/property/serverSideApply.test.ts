// Server-side apply whatever the fields: applying again changes nothing, managers of different fields do not meet, and what a manager gives
// up goes without a trace of it.
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { isObject, type JsonObject, sameJson } from "../../src/resources/patch/json.ts"
import type { ManagedEntry } from "../../src/resources/patch/managedFields.ts"
import { afterUpdate, serverSideApply } from "../../src/resources/patch/serverSideApply.ts"

interface State {
  readonly object: JsonObject | undefined
  readonly entries: ReadonlyArray<ManagedEntry>
}

const KIND = { kind: "v1 Service", apiVersion: "v1", time: "2021-06-14T22:00:00Z" }
const nothing: State = { object: undefined, entries: [] }

const apply = ({ object, entries }: State, manager: string, spec: JsonObject, force = false): State => {
  const wanted = { apiVersion: "v1", kind: "Service", metadata: { name: "x" }, spec }
  const result = serverSideApply(object, entries, wanted, { ...KIND, manager, force })
  if (result.type === "conflicts") throw new Error(JSON.stringify(result.conflicts))
  return result
}

const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.array(fc.integer(), { maxLength: 3 }))
/** Maps of up to three levels whose keys begin with a letter; ports by number from a range of their own. */
const spec = (letter: string, firstPort: number): fc.Arbitrary<JsonObject> => {
  const key = fc.stringMatching(/^[a-z]{1,2}$/).map((text) => `${letter}${text}`)
  const inner = fc.dictionary(key, leaf, { minKeys: 1, maxKeys: 3 })
  const ports = fc.uniqueArray(fc.integer({ min: firstPort, max: firstPort + 5 }), { minLength: 1, maxLength: 3 })
  return fc
    .record({
      fields: fc.dictionary(key, fc.oneof(leaf, inner), { minKeys: 1, maxKeys: 4 }),
      shared: inner,
      ports: fc.option(ports, { nil: undefined })
    })
    .map(({ fields, shared, ports: numbers }) => ({
      ...fields,
      selector: shared,
      ...(numbers === undefined ? {} : { ports: numbers.map((port) => ({ port, name: `${letter}${port}` })) })
    }))
}
const [ofA, ofB] = [spec("a", 1000), spec("b", 2000)]

const specOf = ({ object }: State): JsonObject => (isObject(object?.spec) ? object.spec : {})
/** Ports in order: whose come first depends on who was first. */
const plain = (value: JsonObject): JsonObject => ({
  ...value,
  ...(Array.isArray(value.ports) ? { ports: value.ports.toSorted((a, b) => a.port - b.port) } : {})
})
const same = (a: JsonObject, b: JsonObject): boolean => sameJson(plain(a), plain(b))
const options = { seed: 65001, numRuns: 400 }

describe("server-side apply", () => {
  test("of the same again changes nothing", () => {
    fc.assert(
      fc.property(ofA, ofB, (a, b) => {
        const state = apply(apply(nothing, "a", a), "b", b)
        const again = apply(state, "b", b)
        expect(sameJson(again, state)).toBe(true)
      }),
      options
    )
  })

  test("of other fields by another manager keeps both, in either order", () => {
    fc.assert(
      fc.property(ofA, ofB, (a, b) => {
        const [ab, ba] = [apply(apply(nothing, "a", a), "b", b), apply(apply(nothing, "b", b), "a", a)]
        expect(same(specOf(ab), specOf(ba))).toBe(true)
      }),
      options
    )
  })

  test("of fewer fields takes away just what nobody else has", () => {
    fc.assert(
      fc.property(ofA, ofB, ofB, (a, b, next) => {
        const both = apply(apply(nothing, "a", a), "b", b)
        expect(same(specOf(apply(both, "b", {})), a)).toBe(true)
        const changed = apply(both, "b", next)
        expect(same(specOf(changed), specOf(apply(apply(nothing, "a", a), "b", next)))).toBe(true)
      }),
      options
    )
  })

  test("what somebody else changed since is a conflict; forced, it is the applier's again", () => {
    fc.assert(
      fc.property(ofA, fc.integer(), (a, value) => {
        const before = apply(nothing, "a", { ...a, zone: "x" })
        const next = { ...before.object, spec: { ...specOf(before), zone: value } }
        const entries = afterUpdate(before.object ?? {}, before.entries, next, { ...KIND, manager: "edit" })
        const edited = { object: next, entries }
        expect(() => apply(edited, "a", { ...a, zone: "x" })).toThrow(".spec.zone")
        expect(same(specOf(apply(edited, "a", { ...a, zone: value })), { ...a, zone: value })).toBe(true)
        const forced = apply(edited, "a", { ...a, zone: "x" }, true)
        expect([specOf(forced).zone, forced.entries.map(({ manager }) => manager)]).toEqual(["x", ["a"]])
      }),
      options
    )
  })
})
