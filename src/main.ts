#!/usr/bin/env bun
// The composition root: the only file that picks adapters. Called as `bgpadvertiser` (a link to the executable) it is
// `viaduct advertise`; called with nothing it prints its help, and from the sources, as `npm start` does, it shows the demo.
import { readFileSync } from "node:fs"
import { basename, join } from "node:path"
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner"
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as NodeStdio from "@effect/platform-node-shared/NodeStdio"
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal"
import { Cause, Effect, Exit, Layer } from "effect"
import { Command } from "effect/cli"
import { BunAdminServer } from "./adapters/bun/BunAdminServer.ts"
import { BunTransport } from "./adapters/bun/BunTransport.ts"
import { etcdStore } from "./adapters/etcd/EtcdStore.ts"
import { FileSecrets } from "./adapters/file/FileSecrets.ts"
import { LinuxFileWatch } from "./adapters/file/LinuxFileWatch.ts"
import { LinuxHost } from "./adapters/linux/LinuxHost.ts"
import { LinuxMachine } from "./adapters/linux/LinuxMachine.ts"
import { LinuxNeighbours } from "./adapters/linux/LinuxNeighbours.ts"
import { LinuxReachability } from "./adapters/linux/LinuxReachability.ts"
import { NetlinkLinkControl } from "./adapters/linux/NetlinkLinkControl.ts"
import { sqliteStore } from "./adapters/sqlite/SqliteStore.ts"
import { advertiseCommand } from "./cli/advertise.ts"
import { applyCommand } from "./cli/apply.ts"
import { confirmCommand } from "./cli/confirm.ts"
import { decodeCommand } from "./cli/decode.ts"
import { demoCommand } from "./cli/demo.ts"
import { describeCommand } from "./cli/describe.ts"
import { diffCommand } from "./cli/diff.ts"
import { drainCommand } from "./cli/drain.ts"
import { encodeCommand } from "./cli/encode.ts"
import { eventsCommand } from "./cli/events.ts"
import { explainCommand } from "./cli/explain.ts"
import { getCommand } from "./cli/get.ts"
import { historyCommand } from "./cli/history.ts"
import { kubeconfigCommand } from "./cli/kubeconfig.ts"
import { planCommand } from "./cli/plan.ts"
import { agentCommand } from "./cli/preflight/agent.ts"
import { preflightCommand } from "./cli/preflight/preflight.ts"
import { reloadCommand } from "./cli/reload.ts"
import { rollbackCommand } from "./cli/rollback.ts"
import { routerConfigCommand } from "./cli/routerConfig.ts"
import { runCommand } from "./cli/run.ts"
import { simulateCommand } from "./cli/simulate.ts"
import { supportBundleCommand } from "./cli/supportBundle.ts"
import { tokenCommand } from "./cli/token.ts"
import { topCommand } from "./cli/top.ts"
import { traceCommand } from "./cli/trace.ts"
import { validateCommand } from "./cli/validate.ts"
import { versionCommand } from "./cli/version.ts"
import { ClusterStores } from "./ports/ClusterStore.ts"
import { version } from "./version.ts"

const stores = Layer.succeed(ClusterStores, {
  etcd: (settings, cluster) => etcdStore(settings, `/viaduct/${cluster}/`),
  embedded: (directory) => sqliteStore(join(directory, "store.sqlite"))
})

const adapters = Layer.mergeAll(
  BunTransport,
  BunAdminServer,
  FileSecrets,
  LinuxFileWatch,
  LinuxHost,
  LinuxNeighbours,
  LinuxMachine,
  LinuxReachability,
  NetlinkLinkControl,
  stores
)

const platform = NodeChildProcessSpawner.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeStdio.layer, NodeTerminal.layer))
)

const viaduct = Command.make("viaduct").pipe(
  Command.withDescription("Virtual IPs for bare-metal clusters, announced over BGP"),
  Command.withSubcommands([
    runCommand,
    reloadCommand,
    validateCommand,
    planCommand,
    diffCommand,
    applyCommand,
    confirmCommand,
    historyCommand,
    rollbackCommand,
    preflightCommand,
    agentCommand,
    getCommand,
    describeCommand,
    explainCommand,
    eventsCommand,
    topCommand,
    traceCommand,
    drainCommand,
    tokenCommand,
    kubeconfigCommand,
    supportBundleCommand,
    advertiseCommand,
    decodeCommand,
    encodeCommand,
    routerConfigCommand,
    simulateCommand,
    demoCommand,
    versionCommand
  ])
)

/** The name that this process was called by; Bun's own argv does not have it. */
const calledAs = (): string => {
  const [name = ""] = readFileSync("/proc/self/cmdline", "utf8").split("\0")
  return basename(name)
}

const fromSources = !import.meta.url.startsWith("file:///$bunfs/")

const givenArguments = (): ReadonlyArray<string> => {
  const given = process.argv.slice(2)
  if (calledAs() === "bgpadvertiser") return ["advertise", ...given]
  if (given.length === 0) return fromSources ? ["demo"] : ["--help"]
  return given
}

const exit = await Effect.runPromiseExit(
  Command.runWith(viaduct, { version })(givenArguments()).pipe(Effect.provide(Layer.mergeAll(adapters, platform)))
)
if (Exit.isFailure(exit)) {
  // Wrong usage has been explained already; anything else is told in one piece.
  const error = Cause.squash(exit.cause)
  const usage = typeof error === "object" && error !== null && "_tag" in error && error._tag === "ShowHelp"
  if (!usage) process.stderr.write(`viaduct: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = usage ? 2 : 1
}
process.exit()
