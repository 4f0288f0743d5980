// The words that commands take for a kind and for its objects, and the paths that they mean in the admin
// API. A word that is no kind is an error that names the nearest one; nothing is asked of the daemon for
// it.
import { Effect } from "effect"
import { Argument, Flag } from "effect/cli"
import { groupVersion, type ResourceKind } from "../resources/kind.ts"
import { allKinds, findKind, nearestKind } from "../resources/kinds.ts"
import { AdminError } from "./adminClient.ts"

const plurals = allKinds.map(({ plural }) => plural)

/** "a, b and c". */
const enumerated = `${plurals.slice(0, -1).join(", ")} and ${plurals.slice(-1).join("")}`

export const kindArgument = Argument.String("kind").pipe(
  Argument.withDescription(`What to show, in any spelling that kubectl knows too: ${plurals.join(", ")}`)
)

export const nameArgument = Argument.String("name").pipe(
  Argument.withDescription("One of them by its name; all where absent"),
  Argument.optional
)

export const namespaceFlag = Flag.String("namespace").pipe(
  Flag.withAlias("n"),
  Flag.withDescription("Only objects of this namespace; where absent, that of the kind"),
  Flag.optional
)

/** The kind that a word names; the error has the nearest name, or all of them. */
export const kindOf = (word: string): Effect.Effect<ResourceKind, AdminError> => {
  const kind = findKind(word)
  if (kind !== undefined) return Effect.succeed(kind)
  const nearest = nearestKind(word)
  const hint = nearest === undefined ? `there are ${enumerated}` : `did you mean "${nearest}"?`
  return Effect.fail(new AdminError({ message: `the daemon has no resource type "${word}"; ${hint}` }))
}

/** The path of a kind's objects, or of one of them. */
export const resourcePath = (kind: ResourceKind, namespace: string, name?: string): string => {
  const collection = `/apis/${groupVersion(kind)}/namespaces/${encodeURIComponent(namespace)}/${kind.plural}`
  return name === undefined ? collection : `${collection}/${encodeURIComponent(name)}`
}
