// `viaduct plan [--node NAME] FILE…`: what a node would hold with this configuration, each line with its reason
// (I9). Works on any machine and asks nobody: on the node itself its addresses are taken into account, elsewhere only the
// file is known. What depends on the other nodes is planned as if all of them were alive and the cluster were new.
import { networkInterfaces } from "node:os"
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { formatProblem } from "../config/problem.ts"
import { allocate } from "../ipam/allocate.ts"
import { serviceKey } from "../ipam/types.ts"
import { addressBits, familyOf, parseAddress } from "../net/ip.ts"
import type { ClusterNode, DesiredCluster } from "../plan/desired.ts"
import { findSelf } from "../plan/findSelf.ts"
import { printPlan } from "../plan/printPlan.ts"
import { planFromFile, SUPPOSED_LENGTH } from "../plan/supposedView.ts"
import type { LocalAddress, NodePlan, PlannedService } from "../plan/types.ts"
import { failWith, filesFlags, loadFiles, outputFlag } from "./loadFiles.ts"

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

/** The services with the addresses that a new cluster would give them, and the plan with why one gets none. */
const planAll = (
  cluster: DesiredCluster,
  self: ClusterNode,
  local: ReadonlyArray<LocalAddress> | undefined
): NodePlan => {
  const { services, serviceFamilies, loadBalancer } = cluster
  const fresh = { bindings: [], resting: [], nowMs: 0, restMs: 0 }
  const { bindings, statuses } = allocate({ ...fresh, pools: loadBalancer.pools, services, serviceFamilies })
  const plan = planFromFile(cluster, self, local, cluster.type === "admin" ? [] : bindings)
  const withReason = (service: PlannedService): PlannedService => {
    const reason = cluster.type === "admin" ? undefined : statuses.get(serviceKey(service))?.reason
    return reason === undefined ? service : { ...service, reason }
  }
  return { ...plan, services: plan.services.map(withReason) }
}

/** What the plan takes for granted. */
const notes = (plan: NodePlan, self: ClusterNode, here: boolean): ReadonlyArray<string> => [
  ...(here ? [] : [`this machine is not ${self.name}; of its addresses only ${self.address} is known here`]),
  ...(plan.assignments.length + plan.services.length === 0
    ? []
    : [
        `planned as if every node were alive, in the /${SUPPOSED_LENGTH.ipv4} (IPv6: /${SUPPOSED_LENGTH.ipv6}) of its address, ` +
          "and nobody held anything yet; get floatingips and services show what a daemon does"
      ])
]

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
  const plan = planAll(cluster, self, here ? addresses : undefined)
  yield* Console.log(output === "json" ? JSON.stringify(plan, undefined, 2) : printPlan(plan))
  for (const note of notes(plan, self, here)) yield* Console.error(`note: ${note}`)
})

export const planCommand = Command.make(
  "plan",
  { node: nodeFlag, output: outputFlag, ...filesFlags },
  ({ node, output, ...named }) =>
    Effect.gen(function* () {
      const { cluster, problems } = yield* loadFiles(named)
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
