// JSON merge patch (RFC 7386): what the patch has is set, what it has as null is removed, objects are merged, lists replaced whole.
import { isObject, type JsonObject, withKey, withoutKey } from "./json.ts"

/** `target` changed by `patch`. */
export const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (!isObject(patch)) return patch
  return Object.entries(patch).reduce<JsonObject>(
    (result, [key, value]) =>
      value === null
        ? withoutKey(result, key)
        : withKey(result, key, mergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value)),
    isObject(target) ? target : {}
  )
}
