// Server-side apply: an applier says which fields it wants and with which values, and owns them from then on. A field that another
// manager owns with another value is a conflict unless forced; a field that the applier no longer names goes, if nobody else owns it.
// Other writes (update, patch) take over what they change. Fields of an object that was never applied to are everybody's:
// `before-first-apply` owns them.
import {
  changedFields,
  type FieldPath,
  type FieldSet,
  fieldAt,
  fieldsOf,
  fromFieldsV1,
  pathOf,
  shownPath,
  toFieldsV1,
  withField
} from "./fieldSet.ts"
import { isObject, type JsonObject, sameJson } from "./json.ts"
import type { ManagedEntry } from "./managedFields.ts"

export interface Conflict {
  readonly manager: string
  /** `.spec.localASN`. */
  readonly field: string
}

export type Applied =
  | { readonly type: "applied"; readonly object: JsonObject; readonly entries: ReadonlyArray<ManagedEntry> }
  | { readonly type: "conflicts"; readonly conflicts: ReadonlyArray<Conflict> }

interface Owner {
  readonly entry: Omit<ManagedEntry, "fieldsV1">
  readonly fields: FieldSet
}

export interface ApplyOptions {
  /** `v1 Service`. */
  readonly kind: string
  readonly apiVersion: string
  readonly manager: string
  /** RFC 3339. */
  readonly time: string
  readonly force: boolean
}

const BEFORE_FIRST_APPLY = "before-first-apply"
/** kubectl's record of its own client-side apply: what it applied so far is its own to apply from now on. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

const entry = (
  options: Pick<ApplyOptions, "apiVersion" | "manager" | "time">,
  operation: ManagedEntry["operation"]
): Owner["entry"] => ({
  manager: options.manager,
  operation,
  apiVersion: options.apiVersion,
  time: options.time,
  fieldsType: "FieldsV1"
})

const ownersOf = (entries: ReadonlyArray<ManagedEntry>): ReadonlyArray<Owner> =>
  entries.map(({ fieldsV1, ...rest }) => ({ entry: rest, fields: fromFieldsV1(fieldsV1) }))

const toEntries = (owners: ReadonlyArray<Owner>): ReadonlyArray<ManagedEntry> =>
  owners
    .filter(({ fields }) => fields.size > 0)
    .map((owner) => ({ ...owner.entry, fieldsV1: toFieldsV1(owner.fields) }))

const isBy = ({ entry: { manager, operation } }: Owner, name: string, how: ManagedEntry["operation"]): boolean =>
  manager === name && operation === how

/** The fields that kubectl's own annotation claims, where no server-side apply has been recorded yet. */
const lastApplied = (kind: string, live: JsonObject): FieldSet => {
  const text = fieldAt(live, ["f:metadata", "f:annotations", `f:${LAST_APPLIED}`])
  try {
    return typeof text === "string" ? fieldsOf(kind, JSON.parse(text)) : new Set()
  } catch (error) {
    if (error instanceof SyntaxError) return new Set()
    throw error
  }
}

/** Whoever owns something before this apply. */
const before = (
  live: JsonObject,
  entries: ReadonlyArray<ManagedEntry>,
  options: ApplyOptions
): ReadonlyArray<Owner> => {
  if (entries.length > 0) return ownersOf(entries)
  const own = options.manager === "kubectl" ? lastApplied(options.kind, live) : new Set<string>()
  const annotation = ["f:metadata", "f:annotations", `f:${LAST_APPLIED}`].join("\u0000")
  const all = [...fieldsOf(options.kind, live)].filter((key) => !own.has(key) && key !== annotation)
  const nobody = { ...options, manager: BEFORE_FIRST_APPLY }
  return [
    { entry: entry(nobody, "Update"), fields: new Set(all) },
    { entry: entry(options, "Apply"), fields: own }
  ]
}

/** Whether one of two paths lies in the other. */
const overlaps = (a: FieldPath, b: FieldPath): boolean => a.slice(0, b.length).every((element, i) => element === b[i])

const isContested = (live: JsonObject, wanted: JsonObject, owned: FieldPath, wantedFields: FieldSet): boolean => {
  const value = fieldAt(wanted, owned)
  if (value !== undefined) return !isObject(value) && !sameJson(value, fieldAt(live, owned))
  return [...wantedFields].some((key) => pathOf(key).length < owned.length && overlaps(owned, pathOf(key)))
}

/** `live` (absent: it does not exist) after `manager` applied `wanted`. */
export const serverSideApply = (
  live: JsonObject | undefined,
  entries: ReadonlyArray<ManagedEntry>,
  wanted: JsonObject,
  options: ApplyOptions
): Applied => {
  const { kind, manager, force } = options
  const fields = fieldsOf(kind, wanted)
  const mine: Owner = { entry: entry(options, "Apply"), fields }
  if (live === undefined) return { type: "applied", object: wanted, entries: toEntries([mine]) }
  const owners = before(live, entries, options)
  const others = owners.filter((owner) => !isBy(owner, manager, "Apply"))
  const contested = (owner: Owner): ReadonlyArray<string> =>
    [...owner.fields].filter((key) => isContested(live, wanted, pathOf(key), fields))
  const conflicts = others.flatMap((owner) =>
    contested(owner).map((key) => ({ manager: owner.entry.manager, field: shownPath(pathOf(key)) }))
  )
  if (conflicts.length > 0 && !force) return { type: "conflicts", conflicts }
  const left = others.map((owner) => {
    const lost = new Set(contested(owner))
    return { ...owner, fields: new Set([...owner.fields].filter((key) => !lost.has(key))) }
  })
  const given = owners.filter((owner) => isBy(owner, manager, "Apply")).flatMap((owner) => [...owner.fields])
  const dropped = given.filter((key) => !fields.has(key) && !left.some((owner) => owner.fields.has(key)))
  const removed = dropped
    .filter((key) => ![...fields].some((other) => overlaps(pathOf(other), pathOf(key))))
    .reduce<unknown>((object, key) => withField(object, pathOf(key), undefined), live)
  const object = [...fields].reduce<unknown>(
    (result, key) => withField(result, pathOf(key), fieldAt(wanted, pathOf(key))),
    removed
  )
  return { type: "applied", object: isObject(object) ? object : wanted, entries: toEntries([...left, mine]) }
}

/** The record after another kind of write changed `live` into `next`. Nothing is recorded before the first apply. */
export const afterUpdate = (
  live: JsonObject,
  entries: ReadonlyArray<ManagedEntry>,
  next: JsonObject,
  options: Omit<ApplyOptions, "force">
): ReadonlyArray<ManagedEntry> => {
  if (entries.length === 0) return []
  const changed = changedFields(options.kind, live, next)
  const present = (key: string): boolean => fieldAt(next, pathOf(key)) !== undefined
  const owners = ownersOf(entries).map((owner) => ({
    ...owner,
    fields: new Set([...owner.fields].filter((key) => present(key) && !changed.has(key)))
  }))
  const mine = owners.find((owner) => isBy(owner, options.manager, "Update"))
  const kept = owners.filter((owner) => owner !== mine)
  if (changed.size === 0) return toEntries(owners)
  return toEntries([
    ...kept,
    { entry: entry(options, "Update"), fields: new Set([...(mine?.fields ?? []), ...changed]) }
  ])
}
