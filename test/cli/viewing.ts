// The viewing commands alone, as a program for their tests.
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner"
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as NodeStdio from "@effect/platform-node-shared/NodeStdio"
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal"
import { Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { describeCommand } from "../../src/cli/describe.ts"
import { getCommand } from "../../src/cli/get.ts"

const platform = NodeChildProcessSpawner.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeStdio.layer, NodeTerminal.layer))
)
const viewing = Command.make("viaduct").pipe(Command.withSubcommands([getCommand, describeCommand]))

await Effect.runPromise(Effect.provide(Command.run(viewing, { version: "0" }), platform))
process.exit()
