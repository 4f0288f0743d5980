// `viaduct preflight -f cluster.yaml`: tries the network of a cluster that does not exist yet, or looks at one that runs, through something
// on each node: its daemon or `viaduct agent` (S25, S27). A line for each finding while it goes on, a summary, a dated directory
// with everything. Exit status: 0 nothing failed, 1 something did, 2 it could not be run to its end.
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Console, Effect, Exit, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import type { ConfigResult } from "../../config/load.ts"
import { formatProblem } from "../../config/problem.ts"
import { parseAddress } from "../../net/ip.ts"
import type { ClusterNode, DesiredCluster } from "../../plan/desired.ts"
import { allNodes } from "../../plan/findSelf.ts"
import { type PreflightNodeState, reached } from "../../preflight/nodes.ts"
import { preflightPlan } from "../../preflight/plan.ts"
import { outcomeLines, reportJson, summaryLines, verdict } from "../../preflight/report.ts"
import { CHECK_KINDS, type CheckKind, type Outcome, severityOf } from "../../preflight/types.ts"
import { runPreflight } from "../../services/PreflightRun.ts"
import { version } from "../../version.ts"
import { loadFiles } from "../loadFiles.ts"
import { stopSignal } from "../run.ts"
import { openLog, type PreflightLog } from "./log.ts"
import { type ClientOptions, nodeClient } from "./nodeClient.ts"
import { plainFingerprint } from "./pinned.ts"

/** Where an agent and a daemon's TLS listener are asked unless told otherwise. */
const DEFAULT_PORT = 7180

const flags = {
  file: Flag.String("file").pipe(
    Flag.withAlias("f"),
    Flag.withDescription("Cluster file or directory of *.yaml files; may be given several times"),
    Flag.atLeast(1)
  ),
  nodes: Flag.String("nodes").pipe(
    Flag.withDescription(
      "Where nodes are asked: NAME=URL[,NAME=URL…], by name or address (default: https://ADDRESS:PORT)"
    ),
    Flag.optional
  ),
  port: Flag.Int("port").pipe(
    Flag.withAlias("agent-port"),
    Flag.withDescription("Port of the agents, or of the daemons' --admin-tls-listen"),
    Flag.withDefault(DEFAULT_PORT)
  ),
  tokenFile: Flag.String("token-file").pipe(Flag.withDescription("File whose first line is the token"), Flag.optional),
  caFile: Flag.String("ca-file").pipe(
    Flag.withDescription("Authorities (PEM) of the nodes' certificates; may hold several"),
    Flag.optional
  ),
  fingerprint: Flag.String("fingerprint").pipe(
    Flag.withDescription("SHA-256 of a node's certificate, as its agent prints it; several with commas"),
    Flag.optional
  ),
  node: Flag.String("node").pipe(
    Flag.withDescription("Check only these nodes, by name or address, with commas; the others still help"),
    Flag.optional
  ),
  peer: Flag.String("peer").pipe(
    Flag.withDescription("Check only these peers, by address, with commas"),
    Flag.optional
  ),
  skip: Flag.String("skip").pipe(
    Flag.withDescription(`Leave out kinds of check, with commas: ${CHECK_KINDS.join(", ")}`),
    Flag.optional
  ),
  testAddress: Flag.String("test-address").pipe(
    Flag.withDescription("A spare address to announce instead of the VIPs"),
    Flag.optional
  ),
  timeout: Flag.Finite("timeout").pipe(
    Flag.withDescription("Seconds that a session may take to come up, and traffic to arrive"),
    Flag.withDefault(10)
  ),
  parallel: Flag.Int("parallel").pipe(Flag.withDescription("Checks at the same time"), Flag.withDefault(8)),
  logDir: Flag.String("log-dir").pipe(
    Flag.withDescription("Where the dated directory is made (default: bmctl-workspace/CLUSTER/log)"),
    Flag.optional
  ),
  output: Flag.Literals("output", ["text", "json"]).pipe(
    Flag.withAlias("o"),
    Flag.withDescription("Text for people or JSON for machines"),
    Flag.withDefault("text")
  )
}

type Flags = Command.Command.Config.Infer<typeof flags>

/** It cannot be run like this; the message says what to do. */
class PreflightUsage extends Schema.TaggedError<PreflightUsage>()("PreflightUsage", { message: Schema.String }) {}

const listOf = (text: Option.Option<string>): ReadonlyArray<string> =>
  Option.getOrElse(text, () => "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "")

const exitWith = (status: 0 | 1 | 2) =>
  Effect.sync(() => {
    process.exitCode = status
  })

const usage = (message: string) => new PreflightUsage({ message })

const readText = (what: string, path: string) =>
  Effect.try({
    try: () => readFileSync(path, "utf8"),
    catch: (error) => usage(`${what} ${path}: ${error instanceof Error ? error.message : String(error)}`)
  })

const host = (address: string): string => (address.includes(":") ? `[${address}]` : address)

/** Where each node of the file is asked. */
const urlsOf = (
  nodes: ReadonlyArray<ClusterNode>,
  given: ReadonlyArray<string>,
  port: number
): Effect.Effect<ReadonlyMap<string, string>, PreflightUsage> =>
  Effect.gen(function* () {
    const urls = new Map(nodes.map(({ name, address }) => [name, `https://${host(address)}:${port}`]))
    for (const entry of given) {
      const at = entry.indexOf("=")
      const [name, url] = [entry.slice(0, at), entry.slice(at + 1).replace(/\/+$/, "")]
      const node = nodes.find((one) => one.name === name || one.address === parseAddress(name))
      if (at < 1 || !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ""))
        return yield* usage(`--nodes ${entry}: expected NAME=https://ADDRESS:PORT`)
      if (node === undefined)
        return yield* usage(
          `--nodes ${entry}: the file has no node ${name}; it has ${nodes.map((one) => one.name).join(", ")}`
        )
      urls.set(node.name, url)
    }
    return urls
  })

const kindsOf = (given: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<CheckKind>, PreflightUsage> => {
  const unknown = given.find((word) => !(CHECK_KINDS as ReadonlyArray<string>).includes(word))
  return unknown === undefined
    ? Effect.succeed(CHECK_KINDS.filter((kind) => given.includes(kind)))
    : Effect.fail(usage(`--skip ${unknown}: there are ${CHECK_KINDS.join(", ")}`))
}

const clientOptions = Effect.fnUntraced(function* (given: Flags, nodes: ReadonlyArray<ClusterNode>) {
  const urls = yield* urlsOf(nodes, listOf(given.nodes), given.port)
  const token = Option.isSome(given.tokenFile) ? yield* readText("--token-file", given.tokenFile.value) : undefined
  const ca = Option.isSome(given.caFile) ? yield* readText("--ca-file", given.caFile.value) : undefined
  const options: ClientOptions = {
    urls,
    ...(token === undefined ? {} : { token: token.split(/\r?\n/, 1)[0] ?? "" }),
    ...(ca === undefined ? {} : { ca }),
    fingerprints: listOf(given.fingerprint).map(plainFingerprint)
  }
  return options
})

/** What the run shows and keeps while it goes on. */
const observer = (log: PreflightLog, shown: boolean, outcomes: Array<Outcome>) => {
  const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined
  return {
    started: () => undefined,
    finished: (outcome: Outcome): void => {
      outcomes.push(outcome)
      const at = new Date().toISOString()
      for (const line of outcomeLines(outcome, at, colour)) {
        log.line(line)
        if (shown) process.stdout.write(`${line}\n`)
      }
    },
    heard: (check: Outcome["check"], node: string, request: unknown, event: unknown): void =>
      log.event({ at: new Date().toISOString(), check: check.id, node, request, event })
  }
}

const askNodes = (
  nodes: ReadonlyArray<ClusterNode>,
  client: ReturnType<typeof nodeClient>,
  urls: ReadonlyMap<string, string>
) =>
  Effect.forEach(
    nodes,
    (node) =>
      Effect.map(
        client.facts(node.name),
        (answer): PreflightNodeState => ({ node, url: urls.get(node.name) ?? "", answer })
      ),
    { concurrency: 32 }
  )

const macsOf = (states: ReadonlyArray<PreflightNodeState>): ReadonlyMap<string, string> =>
  new Map(reached(states).flatMap(({ node, facts }) => facts.interfaces.map(({ mac }) => [mac, node.name] as const)))

const loaded = (files: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const result: ConfigResult = yield* loadFiles({ files })
    for (const problem of result.problems) yield* Console.error(formatProblem(problem))
    if (result.cluster === undefined) return yield* usage(`${files.join(", ")} is not valid: nothing was tried`)
    return { cluster: result.cluster, etcd: result.daemon?.etcd?.endpoints ?? [] }
  })

const unknownOf = (cluster: DesiredCluster, given: Flags): PreflightUsage | undefined => {
  const nodes = allNodes(cluster)
  const node = listOf(given.node).find((word) => !nodes.some(({ name, address }) => name === word || address === word))
  if (node !== undefined) return usage(`--node ${node}: the file has ${nodes.map(({ name }) => name).join(", ")}`)
  const peers = [
    ...cluster.loadBalancer.controlPlanePeers.map(({ ip }) => ip),
    ...cluster.servicePeers.map(({ peerIp }) => peerIp)
  ]
  const peer = listOf(given.peer).find((word) => !peers.some((ip) => ip === word))
  if (peer !== undefined) return usage(`--peer ${peer}: the file has ${[...new Set(peers)].join(", ")}`)
  const { testAddress } = given
  if (Option.isSome(testAddress) && parseAddress(testAddress.value) === undefined)
    return usage(`--test-address ${testAddress.value}: not an address`)
  return undefined
}

const preflight = Effect.fnUntraced(function* (given: Flags) {
  const { cluster, etcd } = yield* loaded(given.file)
  const wrong = unknownOf(cluster, given)
  if (wrong !== undefined) return yield* wrong
  const skip = yield* kindsOf(listOf(given.skip))
  const nodes = allNodes(cluster)
  const options = yield* clientOptions(given, nodes)
  const startedAt = new Date()
  const base = Option.getOrElse(given.logDir, () => join("bmctl-workspace", cluster.name, "log"))
  const log = yield* Effect.try({
    try: () => openLog(base, startedAt),
    catch: (error) =>
      usage(`no log can be written to ${base}: ${error instanceof Error ? error.message : String(error)}`)
  })
  const text = given.output === "text"
  const outcomes: Array<Outcome> = []
  const client = nodeClient(options)
  const carriedOut = Effect.gen(function* () {
    const states = yield* askNodes(nodes, client, options.urls)
    for (const { node, answer } of states) log.event({ at: new Date().toISOString(), node: node.name, facts: answer })
    const { testAddress } = given
    const checks = preflightPlan(cluster, states, {
      version,
      nodes: listOf(given.node),
      peers: listOf(given.peer),
      skip,
      etcd,
      ...(Option.isSome(testAddress) ? { testAddress: parseAddress(testAddress.value) ?? testAddress.value } : {})
    })
    yield* runPreflight(checks, client.calls, {
      run: `preflight-${crypto.randomUUID()}`,
      parallel: Math.max(1, given.parallel),
      timeoutMs: Math.max(1, given.timeout) * 1_000,
      nodes: reached(states).map(({ node }) => node.name),
      macs: macsOf(states),
      observe: observer(log, text, outcomes)
    })
  })
  const finish = (complete: boolean) =>
    Effect.sync(() => {
      const result = reportJson(cluster.name, startedAt.toISOString(), outcomes, complete)
      log.result(result)
      const last = complete
        ? summaryLines(outcomes)
        : ["interrupted: what was added has been taken away", verdict(outcomes)]
      for (const line of ["", ...last]) log.line(line)
      if (text) process.stdout.write(`\n${last.join("\n")}\nlog: ${log.directory}\n`)
      else process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`)
    })
  yield* Effect.onExit(carriedOut, (exit) =>
    finish(Exit.isSuccess(exit)).pipe(Effect.andThen(exitWith(!Exit.isSuccess(exit) ? 2 : anyFailed(outcomes) ? 1 : 0)))
  )
})

const anyFailed = (outcomes: ReadonlyArray<Outcome>): boolean =>
  outcomes.some(({ findings }) => severityOf(findings) === "failed")

export const preflightCommand = Command.make("preflight", flags, (given) =>
  Effect.raceFirst(preflight(given), stopSignal).pipe(
    Effect.asVoid,
    Effect.catchTags({
      PreflightUsage: ({ message }) => Effect.andThen(Console.error(`error: ${message}`), exitWith(2)),
      UnreadableConfig: ({ message }) => Effect.andThen(Console.error(`error: ${message}`), exitWith(2))
    })
  )
).pipe(
  Command.withDescription(
    "Try the network of a cluster: sessions, capabilities, traffic to the VIPs, conflicts, MTU, clocks"
  ),
  Command.withExamples([
    {
      command: "viaduct preflight -f cluster.yaml --token-file token --fingerprint 5a:9c:…",
      description: "Through the agents on all nodes"
    }
  ])
)
