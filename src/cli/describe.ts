// `viaduct describe KIND [NAME]` (S22, S23): everything that there is to
// see of one object, or of all of a kind, in the layout of kubectl's
// describe.
import { Console, Effect, Option } from "effect"
import { Command } from "effect/cli"
import { describe } from "../resources/describe.ts"
import { connectionFlags, decoded, getJson, JSON_OBJECT, reportErrors } from "./adminClient.ts"
import { kindArgument, kindOf, nameArgument, namespaceFlag, resourcePath } from "./kindArgument.ts"
import { AnyObject, ObjectList } from "./resourceSchema.ts"

const flags = { ...connectionFlags, kind: kindArgument, name: nameArgument, namespace: namespaceFlag }

export const describeCommand = Command.make(
  "describe",
  flags,
  Effect.fnUntraced(function* ({ socket, server, kind: word, name, namespace: given }) {
    const connection = { socket, server }
    const kind = yield* kindOf(word)
    const namespace = Option.getOrElse(given, () => kind.namespace)
    if (Option.isSome(name)) {
      const path = resourcePath(kind, namespace, name.value)
      return yield* Console.log(describe(yield* getJson(connection, path, JSON_OBJECT, AnyObject)).trimEnd())
    }
    const { items } = yield* getJson(connection, resourcePath(kind, namespace), JSON_OBJECT, ObjectList)
    if (items.length === 0) return yield* Console.error(`No resources found in ${namespace} namespace.`)
    const objects = yield* Effect.forEach(items, (item) => decoded(AnyObject, item))
    return yield* Console.log(objects.map((object) => describe(object).trimEnd()).join("\n\n\n"))
  }, reportErrors)
).pipe(
  Command.withDescription("Show everything about one object, or about all of a kind"),
  Command.withExamples([
    { command: "viaduct describe bgpsession 10.0.1.254-node-01", description: "One session of this node" }
  ])
)
