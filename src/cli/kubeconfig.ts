// `viaduct kubeconfig`: a kubeconfig that a stock kubectl works with, made on the node: the address of the TLS listener, its CA, and a token.
// kubectl sends a token over https only, so plain HTTP on loopback is for reading and this is for everything.
import { accessSync, chmodSync, constants, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import type { Reach } from "../api/access/access.ts"
import { explainName } from "../api/access/tokens.ts"
import { toYaml } from "../resources/yaml.ts"
import { AdminError, connectionFlags, getAccess, reportErrors } from "./adminClient.ts"
import { isLoopback, urlHost } from "./listenAddress.ts"
import { because, roleFlag } from "./token.ts"
import { addToken, readTokens } from "./tokensFile.ts"

const flags = {
  socket: connectionFlags.socket,
  server: Flag.String("server").pipe(
    Flag.withAlias("s"),
    Flag.withDescription("URL under which kubectl shall reach the node (default: how the daemon is served)"),
    Flag.optional
  ),
  output: Flag.String("output").pipe(
    Flag.withAlias("o"),
    Flag.withDescription("File to write, for its owner alone (default: standard output)"),
    Flag.optional
  ),
  name: Flag.String("name").pipe(
    Flag.withDescription("Whose token it is; a new one is made under this name"),
    Flag.optional
  ),
  tokenFile: Flag.String("token-file").pipe(
    Flag.withDescription("File with a token that there is already, instead of a new one"),
    Flag.optional
  ),
  role: roleFlag("write")
}

/** The first of the names that is an address which others reach; loopback where there is none. */
const hostOf = ({ hostname, names }: NonNullable<Reach["tls"]>): string => {
  if (hostname !== "0.0.0.0" && hostname !== "::") return hostname
  return names.find((name) => /^[0-9.]+$|:/.test(name) && !isLoopback(name)) ?? "127.0.0.1"
}

/** `kubeconfig`, `kubeconfig-2` …: a name that nobody has. */
const freeName = (path: string): string => {
  const taken = new Set(readTokens(path).map(({ name }) => name))
  for (let i = 1; ; i++) {
    const name = i === 1 ? "kubeconfig" : `kubeconfig-${i}`
    if (!taken.has(name)) return name
  }
}

const tokenFor = Effect.fnUntraced(function* (
  path: string | undefined,
  { name, tokenFile, role }: { name: Option.Option<string>; tokenFile: Option.Option<string>; role: "read" | "write" }
) {
  if (Option.isSome(tokenFile))
    return yield* Effect.try({ try: () => readFileSync(tokenFile.value, "utf8").trim(), catch: because })
  if (path === undefined) return yield* new AdminError({ message: "the daemon has no file of tokens" })
  const called = Option.isSome(name) ? name.value : yield* Effect.try({ try: () => freeName(path), catch: because })
  const wrong = explainName(called)
  if (wrong !== true) return yield* new AdminError({ message: `"${called}": ${wrong}` })
  const secret = yield* Effect.tryPromise({ try: () => addToken(path, called, role, Date.now()), catch: because })
  yield* Console.error(
    `made the token ${called}, which may ${role} (viaduct token list, viaduct token remove ${called})`
  )
  return secret
})

const kubeconfigOf = (cluster: string, server: string, ca: string | undefined, token: string): string =>
  toYaml({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name: cluster, cluster: { server, ...(ca === undefined ? {} : { "certificate-authority-data": btoa(ca) }) } }
    ],
    users: [{ name: cluster, user: { token } }],
    contexts: [{ name: cluster, context: { cluster, user: cluster } }],
    "current-context": cluster
  })

export const kubeconfigCommand = Command.make(
  "kubeconfig",
  flags,
  Effect.fnUntraced(function* ({ socket, server, output, ...wanted }) {
    const { tls, tokensFile, cluster, node } = yield* getAccess({ socket, server: {} })
    if (tls === undefined) {
      const message =
        "the daemon is not served under TLS, and kubectl sends a token over https only: see --admin-tls-listen"
      return yield* new AdminError({ message })
    }
    // Before the token is made, which would be left over.
    yield* Effect.try({
      try: () => Option.map(output, (path) => accessSync(dirname(path), constants.W_OK)),
      catch: because
    })
    const token = yield* tokenFor(tokensFile, wanted)
    const url = Option.getOrElse(server, () => `https://${urlHost(hostOf(tls))}:${tls.port}`)
    if (tls.ca === undefined)
      yield* Console.error("the CA of the node's certificate is not known here: kubectl uses those of its system")
    const text = kubeconfigOf(`viaduct-${cluster === "" ? node : cluster}`, url, tls.ca, token)
    if (Option.isNone(output)) return yield* Console.log(text.trimEnd())
    const path = output.value
    yield* Effect.try({
      try: () => {
        writeFileSync(path, text, { mode: 0o600 })
        chmodSync(path, 0o600)
      },
      catch: because
    })
    yield* Console.error(`wrote ${path}: kubectl --kubeconfig ${path} -n kube-system get bgpsessions`)
  }, reportErrors)
).pipe(
  Command.withDescription("Make a kubeconfig for this node, with a token of its own"),
  Command.withExamples([
    { command: "viaduct kubeconfig -o admin.conf", description: "For kubectl on this node" },
    {
      command: "viaduct kubeconfig -s https://node-01.example.org:7180 --role read --name bob",
      description: "For somebody else"
    }
  ])
)
