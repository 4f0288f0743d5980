// The words that commands take for a kind and for its objects, and the paths that they mean in the admin
// API. A word that is no kind is an error that names the nearest one; nothing is asked of the daemon for
// it.
import { Effect, Option } from "effect"
import { Argument, Flag } from "effect/cli"
import { groupPath, type ResourceKind } from "../resources/kind.ts"
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

/** Which of a kind's objects. */
export const selectionFlags = {
  namespace: Flag.String("namespace").pipe(
    Flag.withAlias("n"),
    Flag.withDescription("Only objects of this namespace; where absent, that of the kind, or all"),
    Flag.optional
  ),
  allNamespaces: Flag.Boolean("all-namespaces").pipe(
    Flag.withAlias("A"),
    Flag.withDescription("Objects of all namespaces"),
    Flag.withDefault(false)
  ),
  selector: Flag.String("selector").pipe(
    Flag.withAlias("l"),
    Flag.withDescription("Only objects with these labels: a=b, a!=b, a in (b,c), a, !a"),
    Flag.optional
  ),
  fieldSelector: Flag.String("field-selector").pipe(
    Flag.withDescription("Only objects with these values in some of their fields: status.state=Established"),
    Flag.optional
  )
}

/** The namespace whose objects are meant; undefined: all, or a kind that has none. */
export const namespaceOf = (
  kind: ResourceKind,
  given: { readonly namespace: Option.Option<string>; readonly allNamespaces: boolean }
): string | undefined => {
  if (!kind.namespaced || given.allNamespaces) return undefined
  return Option.getOrElse(given.namespace, () => kind.namespace)
}

/** `?labelSelector=…&fieldSelector=…`, with a name among the fields. */
export const selectionQuery = (
  given: { readonly selector: Option.Option<string>; readonly fieldSelector: Option.Option<string> },
  name: string | undefined
): string => {
  const fields = [...(name === undefined ? [] : [`metadata.name=${name}`]), ...Option.toArray(given.fieldSelector)]
  const labels = Option.getOrElse(given.selector, () => "")
  return `?${new URLSearchParams({ fieldSelector: fields.join(","), labelSelector: labels })}`
}

/** What is said where there is nothing to show. */
export const nothingFound = (namespace: string | undefined): string =>
  namespace === undefined ? "No resources found." : `No resources found in ${namespace} namespace.`

/** The kind that a word names; the error has the nearest name, or all of them. */
export const kindOf = (word: string): Effect.Effect<ResourceKind, AdminError> => {
  const kind = findKind(word)
  if (kind !== undefined) return Effect.succeed(kind)
  const nearest = nearestKind(word)
  const hint = nearest === undefined ? `there are ${enumerated}` : `did you mean "${nearest}"?`
  return Effect.fail(new AdminError({ message: `the daemon has no resource type "${word}"; ${hint}` }))
}

/** The path of a kind's objects, in a namespace or in all. */
export const resourcePath = (kind: ResourceKind, namespace: string | undefined): string => {
  const within = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`
  return `${groupPath(kind)}${within}/${kind.plural}`
}
