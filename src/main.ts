#!/usr/bin/env bun
// The composition root: the only file that picks adapters. Called as `bgpadvertiser` (a link) it is `viaduct advertise`;
// called with nothing it shows the demo.
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner"
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as NodeStdio from "@effect/platform-node-shared/NodeStdio"
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal"
import { Cause, Effect, Exit, Layer } from "effect"
import { Command } from "effect/cli"
import { BunAdminServer } from "./adapters/bun/BunAdminServer.ts"
import { BunTransport } from "./adapters/bun/BunTransport.ts"
import { FileSecrets } from "./adapters/file/FileSecrets.ts"
import { LinuxHost } from "./adapters/linux/LinuxHost.ts"
import { NetlinkLinkControl } from "./adapters/linux/NetlinkLinkControl.ts"
import { advertiseCommand } from "./cli/advertise.ts"
import { demoCommand } from "./cli/demo.ts"
import { describeCommand } from "./cli/describe.ts"
import { getCommand } from "./cli/get.ts"
import { runCommand } from "./cli/run.ts"
import { version } from "./version.ts"

const adapters = Layer.mergeAll(BunTransport, BunAdminServer, FileSecrets, LinuxHost, NetlinkLinkControl)

const platform = NodeChildProcessSpawner.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeStdio.layer, NodeTerminal.layer))
)

const viaduct = Command.make("viaduct").pipe(
  Command.withDescription("Virtual IPs for bare-metal clusters, announced over BGP"),
  Command.withSubcommands([runCommand, getCommand, describeCommand, advertiseCommand, demoCommand])
)

const exit = await Effect.runPromiseExit(
  Command.run(viaduct, { version }).pipe(Effect.provide(Layer.mergeAll(adapters, platform)))
)
if (Exit.isFailure(exit)) {
  // Wrong usage has been explained already; anything else is told in one piece.
  const error = Cause.squash(exit.cause)
  const usage = typeof error === "object" && error !== null && "_tag" in error && error._tag === "ShowHelp"
  if (!usage) process.stderr.write(`viaduct: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = usage ? 2 : 1
}
process.exit()
