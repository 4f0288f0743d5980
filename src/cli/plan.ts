// `viaduct plan [--node NAME] FILE…`: what a node would hold with this configuration, each line with its reason
// (I9). Works on any machine: on the node itself its addresses are taken into account, elsewhere only the file is
// known.
import { networkInterfaces } from "node:os"
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { formatProblem } from "../config/problem.ts"
import { addressBits, familyOf, parseAddress } from "../net/ip.ts"
import type { ClusterNode, DesiredCluster } from "../plan/desired.ts"
import { findSelf } from "../plan/findSelf.ts"
import { planNode } from "../plan/planNode.ts"
import { printPlan } from "../plan/printPlan.ts"
import type { LocalAddress, NodeView } from "../plan/types.ts"
import { failWith, filesArgument, loadFiles, outputFlag } from "./loadFiles.ts"

const nodeFlag = Flag.String("node").pipe(
  Flag.withDescription("Which node of the file, by name or address (default: found by the local addresses)"),
  Flag.optional
)

/** This machine's addresses; a VIP that it holds now is not its own. */
const localAddresses = (cluster: DesiredCluster): ReadonlyArray<LocalAddress> =>
  Object.entries(networkInterfaces()).flatMap(([name, entries]) =>
    (entries ?? []).flatMap((entry) => {
      const address = parseAddress(entry.address)
      if (address === undefined || cluster.loadBalancer.controlPlaneVips.includes(address)) return []
      const length = Number(entry.cidr?.split("/")[1] ?? addressBits(familyOf(address)))
      return [{ address, prefixLength: length, interface: name }]
    })
  )

/** The node as the file alone shows it. */
const viewFromFile = (node: ClusterNode): NodeView => ({
  name: node.name,
  addresses: [{ address: node.address, prefixLength: addressBits(familyOf(node.address)), interface: "" }]
})

const planFor = Effect.fnUntraced(function* (
  cluster: DesiredCluster,
  node: string | undefined,
  output: "text" | "json"
) {
  const addresses = localAddresses(cluster)
  const hints = { addresses: addresses.map((local) => local.address), ...(node === undefined ? {} : { node }) }
  const found = findSelf(cluster, hints)
  if ("reason" in found) return yield* failWith(found.reason)
  const self = found.node
  const here = addresses.some((local) => local.address === self.address)
  const plan = planNode(cluster, here ? { ...viewFromFile(self), addresses } : viewFromFile(self), self)
  yield* Console.log(output === "json" ? JSON.stringify(plan, undefined, 2) : printPlan(plan))
  if (!here)
    yield* Console.error(`note: this machine is not ${self.name}; of its addresses only ${self.address} is known here`)
})

export const planCommand = Command.make(
  "plan",
  { node: nodeFlag, output: outputFlag, files: filesArgument },
  ({ node, output, files }) =>
    Effect.gen(function* () {
      const { cluster, problems } = yield* loadFiles(files)
      for (const problem of problems) yield* Console.error(formatProblem(problem))
      if (cluster === undefined) return yield* failWith("not valid: nothing is planned")
      yield* planFor(cluster, Option.getOrUndefined(node), output)
    }).pipe(Effect.catchTag("UnreadableConfig", ({ message }) => failWith(message)))
).pipe(
  Command.withDescription("Show what a node would do with cluster files, each line with its reason"),
  Command.withExamples([
    { command: "viaduct plan --node cp1 cluster.yaml", description: "Sessions, routes and addresses of node cp1" }
  ])
)
