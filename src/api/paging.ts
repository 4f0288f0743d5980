// Lists in pieces (`limit`, `continue`): all pieces are of one moment, the one of the first. A list that goes on is kept for those that
// read it, and only so many: who comes too late is told (410) and lists again from the start, as with Kubernetes.
import type { ApiObject, ResourceKind } from "../resources/kind.ts"
import { ApiError, badRequest, failure } from "./failure.ts"

const LISTS_MAX = 32

/** The objects of a kind at one moment. */
export interface Listed {
  readonly version: number
  readonly objects: ReadonlyArray<ApiObject>
}

export interface Page {
  readonly items: ReadonlyArray<ApiObject>
  readonly metadata: {
    readonly resourceVersion: string
    readonly continue?: string
    readonly remainingItemCount?: number
  }
}

export interface Pager {
  /** The list that a token goes on with, and from where. Throws ApiError (400, 410). */
  resume(kind: ResourceKind, token: string): { readonly listed: Listed; readonly from: number }
  /** A piece of what `selects` picks; `limit` 0 is all. */
  page(kind: ResourceKind, listed: Listed, selects: (object: ApiObject) => boolean, from: number, limit: number): Page
}

const gone = (): ApiError =>
  new ApiError(failure(410, "Expired", "the list that is continued is not kept any more: list again from the start"))

const keyOf = ({ group, plural }: ResourceKind, version: number): string => `${plural}.${group} ${version}`

export const makePager = (): Pager => {
  const kept = new Map<string, Listed>()

  const keep = (key: string, listed: Listed): void => {
    const first = kept.get(key) ?? listed
    kept.delete(key)
    kept.set(key, first)
    const [oldest] = kept.keys()
    if (kept.size > LISTS_MAX && oldest !== undefined) kept.delete(oldest)
  }

  return {
    resume: (kind, token) => {
      const [, version, from] = /^(\d{1,16})-(\d{1,9})$/.exec(token) ?? []
      if (version === undefined || from === undefined)
        throw badRequest(`continue is "${token}": it has to be a token that a list gave`)
      const listed = kept.get(keyOf(kind, Number(version)))
      if (listed === undefined) throw gone()
      return { listed, from: Number(from) }
    },
    page: (kind, listed, selects, from, limit) => {
      const picked = listed.objects.filter(selects)
      const resourceVersion = String(listed.version)
      const until = limit === 0 ? picked.length : from + limit
      const items = picked.slice(from, until)
      if (until >= picked.length) return { items, metadata: { resourceVersion } }
      keep(keyOf(kind, listed.version), listed)
      return {
        items,
        metadata: {
          resourceVersion,
          continue: `${resourceVersion}-${until}`,
          remainingItemCount: picked.length - until
        }
      }
    }
  }
}
