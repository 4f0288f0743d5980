// `viaduct router-config --format F [--peer IP] FILE…`: what the network team has to type, one text for each router that the cluster
// file names. Works from the file alone and asks no daemon. With --directory each router gets a file of its own.
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { formatProblem } from "../config/problem.ts"
import { parseAddress } from "../net/ip.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import { FORMATS, type Format, routerConfig } from "../routerConfig/formats.ts"
import { type RouterModel, routerModel, routersOf } from "../routerConfig/model.ts"
import { failWith, filesArgument, loadFiles } from "./loadFiles.ts"

const formats = Object.keys(FORMATS) as ReadonlyArray<Format>

const flags = {
  format: Flag.Literals("format", formats).pipe(Flag.withAlias("f"), Flag.withDescription("Whose words to use")),
  peer: Flag.String("peer").pipe(
    Flag.withDescription("Address of the one router to write (default: every router that the file names)"),
    Flag.optional
  ),
  directory: Flag.String("directory").pipe(
    Flag.withDescription("Write a file for each router here instead of printing them"),
    Flag.optional
  ),
  files: filesArgument
}

/** The models of the wanted routers, or why there are none. */
const modelsFor = (cluster: DesiredCluster, peer: string | undefined): ReadonlyArray<RouterModel> | string => {
  if (cluster.loadBalancer.mode === "manual") return "loadBalancer.mode is manual: somebody else speaks to the routers"
  if (cluster.loadBalancer.type === "layer2")
    return "loadBalancer.type is layer2: no router has to be told anything; set type: bgp"
  const routers = routersOf(cluster)
  if (peer === undefined) return routers.map(({ ip, port }) => routerModel(cluster, ip, port))
  const known = routers.filter(({ ip }) => ip === parseAddress(peer))
  if (known.length > 0) return known.map(({ ip, port }) => routerModel(cluster, ip, port))
  return `no peer has the address ${peer}; there are ${[...new Set(routers.map(({ ip }) => ip))].join(", ")}`
}

const fileName = ({ router, port }: RouterModel, format: Format): string =>
  `${router.replaceAll(":", "_")}${port === 179 ? "" : `-${port}`}.${format}`

const write = Effect.fnUntraced(function* (directory: string, models: ReadonlyArray<RouterModel>, format: Format) {
  for (const model of models) {
    const path = join(directory, fileName(model, format))
    const failed = yield* Effect.sync(() => {
      try {
        mkdirSync(directory, { recursive: true })
        writeFileSync(path, routerConfig(model, format))
        return undefined
      } catch (error) {
        return error instanceof Error ? error.message : String(error)
      }
    })
    if (failed !== undefined) return yield* failWith(`cannot write ${path}: ${failed}`)
    yield* Console.log(path)
  }
})

export const routerConfigCommand = Command.make("router-config", flags, ({ format, peer, directory, files }) =>
  Effect.gen(function* () {
    const { cluster, problems } = yield* loadFiles({ files })
    for (const problem of problems) yield* Console.error(formatProblem(problem))
    if (cluster === undefined) return yield* failWith("not valid: nothing is written")
    const models = modelsFor(cluster, Option.getOrUndefined(peer))
    if (typeof models === "string") return yield* failWith(models)
    if (models.length === 0) return yield* failWith("the file names no router: add loadBalancer.bgpPeers or a BGPPeer")
    if (Option.isSome(directory)) return yield* write(directory.value, models, format)
    yield* Console.log(
      models
        .map((model) => routerConfig(model, format))
        .join("\n")
        .trimEnd()
    )
  }).pipe(Effect.catchTag("UnreadableConfig", ({ message }) => failWith(message)))
).pipe(
  Command.withDescription("Write what the routers have to be told: neighbours, what they may announce, ECMP"),
  Command.withExamples([
    { command: "viaduct router-config --format frr cluster.yaml", description: "For every router of the file" },
    {
      command: "viaduct router-config --format junos --peer 10.0.1.254 cluster.yaml",
      description: "For one router, as set commands"
    }
  ])
)
