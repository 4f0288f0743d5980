// `viaduct token add|list|remove`: who may use the admin API over the network. Works on the file itself, as root or the daemon's user; the
// daemon reads it again at the next login. A token is shown once, when it is made, and stands nowhere.
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { explainName } from "../api/access/tokens.ts"
import { AdminError, connectionFlags, getAccess, reportErrors } from "./adminClient.ts"
import { addToken, readTokens, removeToken, tokensPath } from "./tokensFile.ts"

const DEFAULT_DATA_DIRECTORY = "/var/lib/viaduct"

const fileFlags = {
  socket: connectionFlags.socket,
  tokensFile: Flag.String("tokens-file").pipe(
    Flag.withDescription("File of the tokens (default: the one that the daemon of this node has)"),
    Flag.optional
  )
}

export const roleFlag = (fallback: "read" | "write") =>
  Flag.Literals("role", ["read", "write"]).pipe(
    Flag.withDescription("What it may do: look and try out, or everything"),
    Flag.withDefault(fallback)
  )

const nameArgument = Argument.String("name").pipe(Argument.withDescription("Whose it is; the name stands in the audit"))

/** The file that was named, or that of the daemon; without a daemon the usual one. */
const fileOf = ({ socket, tokensFile }: { socket: Option.Option<string>; tokensFile: Option.Option<string> }) =>
  Option.isSome(tokensFile)
    ? Effect.succeed(tokensFile.value)
    : getAccess({ socket, server: {} }).pipe(
        Effect.map((access) => access.tokensFile),
        Effect.orElseSucceed(() => undefined),
        Effect.map((path) => path ?? tokensPath(DEFAULT_DATA_DIRECTORY))
      )

/** Why the file cannot be used, and what to do. */
export const because = (error: unknown): AdminError => {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && "code" in error ? error.code : undefined
  if (code === "ENOSPC") return new AdminError({ message: "no space is left on the disk: nothing was written" })
  return new AdminError({ message: code === "EACCES" ? `${message}; run the command as root` : message })
}

const add = Command.make(
  "add",
  { ...fileFlags, role: roleFlag("read"), name: nameArgument },
  Effect.fnUntraced(function* ({ name, role, ...flags }) {
    const wrong = explainName(name)
    if (wrong !== true) return yield* new AdminError({ message: `"${name}": ${wrong}` })
    const path = yield* fileOf(flags)
    const secret = yield* Effect.tryPromise({ try: () => addToken(path, name, role, Date.now()), catch: because })
    yield* Console.log(secret)
    yield* Console.error(`the token of ${name} may ${role}; it is shown only now. Its hash is in ${path}`)
  }, reportErrors)
).pipe(Command.withDescription("Make a token and show it, this once"))

const list = Command.make(
  "list",
  fileFlags,
  Effect.fnUntraced(function* (flags) {
    const path = yield* fileOf(flags)
    const tokens = yield* Effect.try({ try: () => readTokens(path), catch: because })
    const rows = [["NAME", "ROLE", "CREATED"], ...tokens.map(({ name, role, created }) => [name, role, created ?? ""])]
    const widths = [0, 1].map((i) => Math.max(...rows.map((row) => (row[i] ?? "").length)) + 3)
    for (const [name = "", role = "", created = ""] of rows)
      yield* Console.log(`${name.padEnd(widths[0] ?? 0)}${role.padEnd(widths[1] ?? 0)}${created}`.trimEnd())
  }, reportErrors)
).pipe(Command.withDescription("Show whose tokens there are"))

const remove = Command.make(
  "remove",
  { ...fileFlags, name: nameArgument },
  Effect.fnUntraced(function* ({ name, ...flags }) {
    const path = yield* fileOf(flags)
    const gone = yield* Effect.try({ try: () => removeToken(path, name), catch: because })
    if (!gone) return yield* new AdminError({ message: `there is no token ${name} in ${path}` })
    yield* Console.log(`the token of ${name} is gone and lets nobody in any more`)
  }, reportErrors)
).pipe(Command.withDescription("Take a token away"))

export const tokenCommand = Command.make("token").pipe(
  Command.withDescription("Tokens for the admin API over the network"),
  Command.withSubcommands([add, list, remove])
)
