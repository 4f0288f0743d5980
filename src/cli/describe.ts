// `viaduct describe KIND [NAME]` (S22, S23): everything that there is to
// see of one object, or of all of a kind, in the layout of kubectl's
// describe.
import { Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import { describe } from "../resources/describe.ts"
import { type ApiObject, qualified } from "../resources/kind.ts"
import { AdminError, connectionFlags, decoded, getJson, JSON_OBJECT, reportErrors } from "./adminClient.ts"
import {
  kindArgument,
  kindOf,
  nameArgument,
  namespaceOf,
  nothingFound,
  resourcePath,
  selectionFlags,
  selectionQuery
} from "./kindArgument.ts"
import { AnyObject, ObjectList } from "./resourceSchema.ts"

const flags = { ...connectionFlags, kind: kindArgument, name: nameArgument, ...selectionFlags }

export const describeCommand = Command.make(
  "describe",
  flags,
  Effect.fnUntraced(function* ({ socket, server, kind: word, name: given, ...selection }) {
    const kind = yield* kindOf(word)
    const namespace = namespaceOf(kind, selection)
    const name = Option.getOrUndefined(given)
    const path = `${resourcePath(kind, namespace)}${selectionQuery(selection, name)}`
    const { items } = yield* getJson({ socket, server }, path, JSON_OBJECT, ObjectList)
    if (items.length === 0 && name !== undefined)
      return yield* new AdminError({ message: `${qualified(kind.plural, kind)} "${name}" not found` })
    if (items.length === 0) return yield* Console.error(nothingFound(namespace))
    const objects = yield* Effect.forEach(items, (item) => Effect.as(decoded(AnyObject, item), item as ApiObject))
    return yield* Console.log(objects.map((object) => describe(object).trimEnd()).join("\n\n\n"))
  }, reportErrors)
).pipe(
  Command.withDescription("Show everything about one object, or about all of a kind"),
  Command.withExamples([
    { command: "viaduct describe bgpsession 10.0.1.254-node-01", description: "One session of this node" }
  ])
)
