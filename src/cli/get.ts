// `viaduct get KIND [NAME]` (S22, S23): what the daemon has, as kubectl prints it: the table that the daemon
// makes, or the objects as JSON, YAML or names. With `-w` first what is there and then a line (or an object) for
// each change, until the command is interrupted.
import { Console, Effect, Option, Schema, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { qualified, type ResourceKind } from "../resources/kind.ts"
import { alignColumns, tableLines } from "../resources/table.ts"
import { toYaml } from "../resources/yaml.ts"
import {
  AdminError,
  type Connection,
  connectionFlags,
  decoded,
  getJson,
  JSON_OBJECT,
  reportErrors,
  streamJson,
  TABLE
} from "./adminClient.ts"
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
import { AnyObject, ObjectList, Table, WatchError, WatchEvent } from "./resourceSchema.ts"

const flags = {
  ...connectionFlags,
  kind: kindArgument,
  name: nameArgument,
  ...selectionFlags,
  output: Flag.Literals("output", ["json", "yaml", "wide", "name"]).pipe(
    Flag.withAlias("o"),
    Flag.withDescription("Form of the output; a table where absent"),
    Flag.optional
  ),
  watch: Flag.Boolean("watch").pipe(
    Flag.withAlias("w"),
    Flag.withDescription("Go on with every change"),
    Flag.withDefault(false)
  ),
  noHeaders: Flag.Boolean("no-headers").pipe(
    Flag.withDescription("Leave the headers of a table out"),
    Flag.withDefault(false)
  )
}

interface Query {
  readonly connection: Connection
  readonly kind: ResourceKind
  readonly namespace: string | undefined
  readonly name: string | undefined
  /** The collection, cut down by selectors and to the one name where there is one: the form that can be watched. */
  readonly path: string
}

/** Where a watch goes on after what was printed. */
type Printed = Effect.Effect<{ readonly version: string; readonly print: PrintChange }, AdminError>
type PrintChange = (object: unknown) => Effect.Effect<void, AdminError>

const nothing = ({ kind, namespace, name }: Query): Effect.Effect<void, AdminError> =>
  name === undefined
    ? Console.error(nothingFound(namespace))
    : Effect.fail(new AdminError({ message: `${qualified(kind.plural, kind)} "${name}" not found` }))

/** Where the objects may be of several namespaces, each row begins with its own. */
const withNamespaces = ({ kind, namespace }: Query, table: typeof Table.Type): typeof Table.Type => {
  if (!kind.namespaced || namespace !== undefined) return table
  const column = { name: "Namespace", type: "string", format: "", description: "", priority: 0 }
  return {
    ...table,
    columnDefinitions: [column, ...table.columnDefinitions],
    rows: table.rows.map((row) => ({ ...row, cells: [row.object.metadata.namespace ?? "", ...row.cells] }))
  }
}

const printTable = (query: Query, options: { readonly wide: boolean; readonly headers: boolean }): Printed =>
  Effect.gen(function* () {
    const table = yield* getJson(query.connection, query.path, TABLE, Table)
    const empty = table.rows.length === 0
    let headers = options.headers
    let widths: ReadonlyArray<number> = []
    const print = (rows: typeof Table.Type) => {
      const aligned = alignColumns(tableLines(withNamespaces(query, rows), { wide: options.wide, headers }), widths)
      widths = aligned.widths
      headers = false
      return Effect.forEach(aligned.text, (line) => Console.log(line), { discard: true })
    }
    yield* empty ? nothing(query) : print(table)
    return {
      version: table.metadata.resourceVersion ?? "",
      print: (object) => Effect.flatMap(decoded(Table, object), print)
    }
  })

/** Prints objects one by one; a list in JSON or YAML is printed as a whole. */
const printObjects = (query: Query, output: "json" | "yaml" | "name"): Printed =>
  Effect.gen(function* () {
    const text = (value: unknown) => (output === "yaml" ? toYaml(value).trimEnd() : JSON.stringify(value, undefined, 4))
    const print: PrintChange = (object) =>
      output === "name"
        ? Effect.flatMap(decoded(AnyObject, object), ({ metadata }) =>
            Console.log(`${qualified(query.kind.singular, query.kind)}/${metadata.name}`)
          )
        : Console.log(text(object))
    const raw = yield* getJson(query.connection, query.path, JSON_OBJECT, Schema.Unknown)
    const { items, metadata } = yield* decoded(ObjectList, raw)
    if (items.length === 0 && (output === "name" || query.name !== undefined)) yield* nothing(query)
    if (output === "name" || query.name !== undefined) yield* Effect.forEach(items, print, { discard: true })
    else yield* Console.log(text(raw))
    return { version: metadata.resourceVersion, print }
  })

const followChanges = (query: Query, accept: string, version: string, print: PrintChange) =>
  streamJson(query.connection, `${query.path}&watch=true&resourceVersion=${version}`, accept).pipe(
    Stream.runForEach((value) =>
      Effect.gen(function* () {
        const { type, object } = yield* decoded(WatchEvent, value)
        if (type !== "ERROR") return yield* print(object)
        const { message } = yield* decoded(WatchError, object)
        return yield* new AdminError({ message })
      })
    ),
    Effect.andThen(Effect.fail(new AdminError({ message: "the daemon ended the watch" })))
  )

export const getCommand = Command.make(
  "get",
  flags,
  Effect.fnUntraced(function* ({ socket, server, kind: word, name: given, output, watch, noHeaders, ...selection }) {
    const kind = yield* kindOf(word)
    const namespace = namespaceOf(kind, selection)
    const name = Option.getOrUndefined(given)
    const query: Query = {
      connection: { socket, server },
      kind,
      namespace,
      name,
      path: `${resourcePath(kind, namespace)}${selectionQuery(selection, name)}`
    }
    const form = Option.getOrUndefined(output)
    const asTable = form === undefined || form === "wide"
    const printed = asTable
      ? printTable(query, { wide: form === "wide", headers: !noHeaders })
      : printObjects(query, form)
    const { version, print } = yield* printed
    if (watch) yield* followChanges(query, asTable ? TABLE : JSON_OBJECT, version, print)
  }, reportErrors)
).pipe(
  Command.withDescription(
    "Show sessions, routes, floating IPs, services, nodes, events and the documents of the config"
  ),
  Command.withExamples([
    { command: "viaduct get bgpsessions", description: "The sessions of this node and their state" },
    { command: "viaduct get bgps -o wide -w", description: "Follow them, with the reason where one is down" },
    { command: "viaduct get bgpadvertisedroutes", description: "What this node announces" },
    { command: "viaduct get nodes", description: "The nodes of the cluster, and whether their daemons are alive" },
    {
      command: "viaduct get services -o wide",
      description: "Addresses of services and the nodes that take their traffic"
    }
  ])
)
