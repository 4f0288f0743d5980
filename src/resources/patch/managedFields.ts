// Who manages which field of a document (metadata.managedFields). A document of the config can hold no such thing, so it is kept as
// an annotation and shown where clients look for it. It begins with the first server-side apply to an object; before that nobody
// needs it.
import { MANAGED_ANNOTATION } from "../../config/annotations.ts"
import { isObject, type JsonObject } from "./json.ts"

export interface ManagedEntry {
  readonly manager: string
  readonly operation: "Apply" | "Update"
  readonly apiVersion: string
  /** RFC 3339. */
  readonly time: string
  readonly fieldsType: "FieldsV1"
  readonly fieldsV1: JsonObject
}

const isEntry = (value: unknown): value is ManagedEntry =>
  isObject(value) && typeof value.manager === "string" && isObject(value.fieldsV1)

const parsed = (text: string | undefined): unknown => {
  try {
    return JSON.parse(text ?? "[]")
  } catch (error) {
    // Somebody edited it by hand: then nobody's word is known, as before the first apply.
    if (error instanceof SyntaxError) return []
    throw error
  }
}

type Annotated = { readonly annotations?: Readonly<Record<string, string>> }

/** What the annotation of a document says. */
const managedEntries = ({ annotations }: Annotated): ReadonlyArray<ManagedEntry> => {
  const value = parsed(annotations?.[MANAGED_ANNOTATION])
  return Array.isArray(value) ? value.filter(isEntry) : []
}

/** Metadata as it is shown: the annotation becomes `managedFields`. */
export const shownFields = <M extends Annotated>(metadata: M): M => {
  if (metadata.annotations?.[MANAGED_ANNOTATION] === undefined) return metadata
  const { [MANAGED_ANNOTATION]: _, ...annotations } = metadata.annotations
  const { annotations: __, ...rest } = metadata
  return {
    ...rest,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    managedFields: managedEntries(metadata)
  } as unknown as M
}

/** A document with the annotation that says so; without one for no entries. */
export const withManaged = (document: JsonObject, entries: ReadonlyArray<ManagedEntry>): JsonObject => {
  const metadata = isObject(document.metadata) ? document.metadata : {}
  const { [MANAGED_ANNOTATION]: _, ...others } = isObject(metadata.annotations) ? metadata.annotations : {}
  const annotations = entries.length === 0 ? others : { ...others, [MANAGED_ANNOTATION]: JSON.stringify(entries) }
  const { annotations: __, ...rest } = metadata
  return {
    ...document,
    metadata: { ...rest, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) }
  }
}
