// Strategic merge patch, as Kubernetes clients send it for the kinds that they have built in: a merge patch that merges some lists by
// a key instead of replacing them, with directives inside ($patch, $setElementOrder, $deleteFromPrimitiveList, $retainKeys). Which
// lists those are is known for the kinds that are served here: the ports of a v1 Service, by `port`.
import { isObject, type JsonObject, PatchError, sameJson, withKey, withoutKey } from "./json.ts"

/** Path of a list → the key by which its elements are merged; `null`: a list of plain values. */
type MergeKeys = Readonly<Record<string, string | null>>

const COMMON: MergeKeys = {
  "metadata.finalizers": null,
  "metadata.ownerReferences": "uid",
  "status.conditions": "type"
}
const BY_KIND: Readonly<Record<string, MergeKeys>> = {
  "v1 Service": { ...COMMON, "spec.ports": "port" }
}

const ORDER = "$setElementOrder/"
const DELETE = "$deleteFromPrimitiveList/"

const join = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`)

const listOf = (value: unknown, path: string): ReadonlyArray<unknown> => {
  if (Array.isArray(value)) return value
  throw new PatchError(`${path}: a list is expected`)
}

/** Elements in the order that the client wants; those that it does not name stay behind those that they were behind. */
const ordered = (
  list: ReadonlyArray<unknown>,
  order: ReadonlyArray<unknown>,
  same: (a: unknown, b: unknown) => boolean
): ReadonlyArray<unknown> => {
  const named = order.flatMap((wanted) => list.filter((item) => same(item, wanted)))
  const rest = list.filter((item) => !order.some((wanted) => same(item, wanted)))
  return rest.reduce<ReadonlyArray<unknown>>((result, item) => {
    const before = list[list.indexOf(item) - 1]
    const after = before === undefined ? -1 : result.indexOf(before)
    return result.toSpliced(after < 0 && before !== undefined ? result.length : after + 1, 0, item)
  }, named)
}

const mergeList = (keys: MergeKeys, path: string, key: string, list: ReadonlyArray<unknown>, patch: unknown) => {
  const items = listOf(patch, path)
  if (items.some((item) => isObject(item) && item.$patch === "replace"))
    return items.filter((item) => !(isObject(item) && item.$patch === "replace"))
  return items.reduce<ReadonlyArray<unknown>>((result, item) => {
    if (!isObject(item) || item[key] === undefined)
      throw new PatchError(`${path}: an element has no ${key}, by which it would be found`)
    const there = result.findIndex((one) => isObject(one) && sameJson(one[key], item[key]))
    if (item.$patch === "delete") return there < 0 ? result : result.toSpliced(there, 1)
    return there < 0
      ? result.concat([mergeObject(keys, path, {}, item)])
      : result.with(there, mergeObject(keys, path, result[there], item))
  }, list)
}

const sameBy = (key: string | null) => (a: unknown, b: unknown) =>
  key === null || !isObject(a) || !isObject(b) ? sameJson(a, b) : sameJson(a[key], b[key])

const mergeKey = (keys: MergeKeys, path: string, result: JsonObject, name: string, value: unknown): JsonObject => {
  const current = Object.hasOwn(result, name) ? result[name] : undefined
  const at = join(path, name)
  if (value === null) return withoutKey(result, name)
  const key = keys[at]
  if (Array.isArray(value) && key !== undefined) {
    const list = Array.isArray(current) ? current : []
    const merged =
      key === null
        ? [...list, ...value.filter((item) => !list.some((one) => sameJson(one, item)))]
        : mergeList(keys, at, key, list, value)
    return withKey(result, name, merged)
  }
  return withKey(result, name, isObject(value) ? mergeObject(keys, at, current, value) : value)
}

const directive = (keys: MergeKeys, path: string, result: JsonObject, name: string, value: unknown): JsonObject => {
  if (name === "$retainKeys") {
    const kept = listOf(value, name)
    return Object.fromEntries(Object.entries(result).filter(([key]) => kept.includes(key)))
  }
  const field = name.slice(name.indexOf("/") + 1)
  const list = result[field]
  if (!Array.isArray(list)) return result
  const given = listOf(value, name)
  if (name.startsWith(DELETE)) {
    return withKey(
      result,
      field,
      list.filter((item) => !given.some((gone) => sameJson(gone, item)))
    )
  }
  return withKey(result, field, ordered(list, given, sameBy(keys[join(path, field)] ?? null)))
}

const mergeObject = (keys: MergeKeys, path: string, target: unknown, patch: JsonObject): JsonObject => {
  const { $patch, ...rest } = patch
  if ($patch === "delete") return {}
  const entries = Object.entries(rest)
  const fields = entries.filter(([name]) => !name.startsWith("$"))
  if ($patch === "replace") return Object.fromEntries(fields)
  const directives = entries.filter(([name]) => name.startsWith("$"))
  const unknown = directives.find(
    ([name]) => !(name === "$retainKeys" || name.startsWith(ORDER) || name.startsWith(DELETE))
  )
  if (unknown !== undefined) throw new PatchError(`${unknown[0]} is no directive that is known here`, true)
  const merged = fields.reduce<JsonObject>(
    (result, [name, value]) => mergeKey(keys, path, result, name, value),
    isObject(target) ? target : {}
  )
  // Removals first, the order last: it speaks of the list as it will be.
  return directives
    .toSorted(([a], [b]) => Number(a.startsWith(ORDER)) - Number(b.startsWith(ORDER)))
    .reduce<JsonObject>((result, [name, value]) => directive(keys, path, result, name, value), merged)
}

/** `target` changed by `patch`; `kind` is `v1 Service`. Throws PatchError. */
export const strategicMerge = (kind: string, target: JsonObject, patch: unknown): JsonObject => {
  if (!isObject(patch)) throw new PatchError("a strategic merge patch is an object", true)
  return mergeObject(BY_KIND[kind] ?? COMMON, "", target, patch)
}
