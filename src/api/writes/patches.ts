// The kinds of patches, by their content type, applied to an object as it is served.
import { groupVersion, type ResourceKind } from "../../resources/kind.ts"
import { isObject, type JsonObject, PatchError } from "../../resources/patch/json.ts"
import { jsonPatch } from "../../resources/patch/jsonPatch.ts"
import { mergePatch } from "../../resources/patch/mergePatch.ts"
import { strategicMerge } from "../../resources/patch/strategicMerge.ts"
import { ApiError, badRequest, failure } from "../failure.ts"

const JSON_PATCH = "application/json-patch+json"
const MERGE_PATCH = "application/merge-patch+json"
const STRATEGIC = "application/strategic-merge-patch+json"
export const APPLY_PATCH = "application/apply-patch+yaml"

/** Kinds of Kubernetes itself, of which clients know how their lists are merged; of all others they do not. */
const isBuiltIn = ({ group }: ResourceKind): boolean => group === "" || group === "discovery.k8s.io"

export const patchTypes = (kind: ResourceKind): ReadonlyArray<string> => [
  JSON_PATCH,
  MERGE_PATCH,
  APPLY_PATCH,
  ...(isBuiltIn(kind) ? [STRATEGIC] : [])
]

const applied = (kind: ResourceKind, type: string, object: JsonObject, patch: unknown): unknown => {
  if (type === JSON_PATCH) return jsonPatch(object, patch)
  if (!isObject(patch)) throw new PatchError("the patch has to be an object", true)
  if (type === STRATEGIC) return strategicMerge(`${groupVersion(kind)} ${kind.kind}`, object, patch)
  return mergePatch(object, patch)
}

/** `object` after the patch. Throws ApiError: 400 for what is no patch, 422 for one that does not fit. */
export const patched = (kind: ResourceKind, type: string, object: JsonObject, patch: unknown): unknown => {
  try {
    return applied(kind, type, object, patch)
  } catch (error) {
    if (!(error instanceof PatchError)) throw error
    if (error.malformed) throw badRequest(`the patch cannot be read: ${error.message}`)
    throw new ApiError(failure(422, "Invalid", `the patch does not fit the object: ${error.message}`))
  }
}
