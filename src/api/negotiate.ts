// Which form of an answer a client asks for in its Accept header. Tables are asked for as
// `application/json;as=Table;v=v1;g=meta.k8s.io`; a client lists what it takes in the order of its liking (quality
// values are not weighed: no known client of these forms sends them).
import type { ApiObject, ResourceKind } from "../resources/kind.ts"
import { type IncludeObject, type Table, toTable } from "../resources/table.ts"
import { ApiError, badRequest, failure } from "./failure.ts"

type Form = "object" | "table"

const formOf = (mediaRange: string): Form | undefined => {
  const [type = "", ...parameters] = mediaRange.split(";").map((part) => part.trim())
  if (!["application/json", "application/*", "*/*"].includes(type)) return undefined
  const as = parameters.find((parameter) => parameter.startsWith("as="))
  if (as === undefined) return "object"
  return as === "as=Table" && parameters.includes("v=v1") && parameters.includes("g=meta.k8s.io") ? "table" : undefined
}

/** The first form in `accept` that there is; no header takes anything. Throws ApiError (406) where there is none. */
export const negotiate = (accept: string | undefined): Form => {
  if (accept === undefined || accept.trim() === "") return "object"
  const form = accept
    .split(",")
    .map(formOf)
    .find((found) => found !== undefined)
  if (form !== undefined) return form
  throw new ApiError(failure(406, "NotAcceptable", "only application/json is served, as the object or as a v1 Table"))
}

/** Whether JSON is wanted rather than text, for answers that have both. */
export const prefersJson = (accept: string | undefined): boolean =>
  accept !== undefined && /^\s*application\/json/.test(accept)

/** Reads `?includeObject=`: how much of its object a table's row carries. */
const includeObject = (value: string | undefined): IncludeObject => {
  switch (value) {
    case undefined:
    case "":
    case "Metadata":
      return "Metadata"
    case "None":
    case "Object":
      return value
    default:
      throw badRequest(`includeObject is "${value}": it has to be None, Metadata or Object`)
  }
}

/** Turns objects of a kind into tables as one client wants them. */
export const tableMaker =
  (kind: ResourceKind, include: string | undefined, now: () => number) =>
  (objects: ReadonlyArray<ApiObject>, metadata: Table["metadata"]): Table =>
    toTable(kind, objects, now(), { includeObject: includeObject(include), metadata })
