// From documents to a running node: read, validate, plan, apply. A config that is not valid, or a node that is not in it,
// changes nothing and is remembered as the last error (I5). Rows S5, S6, S20; decision D2.
import { Clock, Context, Effect, Layer, Schema, Semaphore } from "effect"
import { type ConfigResult, loadCluster } from "../config/load.ts"
import { formatProblem } from "../config/problem.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import { findSelf } from "../plan/findSelf.ts"
import { planNode } from "../plan/planNode.ts"
import type { NodePlan } from "../plan/types.ts"
import { ConfigSource } from "../ports/ConfigSource.ts"
import { LinkControl } from "../ports/LinkControl.ts"
import type { NodeStatus } from "../resources/nodeStatus.ts"
import { Supervisor } from "./Supervisor.ts"

/** The config was refused; every line is a problem with its place. */
export class ConfigRefused extends Schema.TaggedError<ConfigRefused>()("ConfigRefused", { message: Schema.String }) {}

export interface NodeOptions {
  /** `--node`: a name or an address in the file. Absent: found by the local addresses. */
  readonly node?: string
  /** What the node calls itself where the file gives it no name. */
  readonly hostname: string
  readonly version: string
}

export class Reconciler extends Context.Service<
  Reconciler,
  {
    /** Reads the documents and makes the node follow them. Refusal leaves everything as it was. */
    readonly reload: Effect.Effect<void, ConfigRefused>
    /** Everything but the process's own figures. */
    readonly status: Effect.Effect<Omit<NodeStatus, "process">>
  }
>()("viaduct/services/Reconciler") {
  static readonly layer = (options: NodeOptions) => Layer.effect(Reconciler, makeReconciler(options))
}

interface Accepted {
  readonly cluster: DesiredCluster
  readonly plan: NodePlan
  readonly hash: string
  readonly at: number
}

const makeReconciler = Effect.fnUntraced(function* (options: NodeOptions) {
  const source = yield* ConfigSource
  const link = yield* LinkControl
  const supervisor = yield* Supervisor
  const startedAt = yield* Clock.currentTimeMillis
  const one = yield* Semaphore.make(1)
  let accepted: Accepted | undefined
  let lastError: string | undefined

  const load = Effect.gen(function* () {
    const files = yield* source.read
    const result = loadCluster(files)
    for (const problem of result.problems)
      if (problem.severity === "warning") yield* Effect.logWarning(formatProblem(problem))
    return yield* valid(result)
  })

  const planFor = Effect.fnUntraced(function* (cluster: DesiredCluster) {
    const vips = new Set<string>(cluster.loadBalancer.controlPlaneVips)
    const addresses = (yield* link.addresses).filter(({ address, ours }) => !ours && !vips.has(address))
    const found = findSelf(cluster, {
      ...(options.node === undefined ? {} : { node: options.node }),
      addresses: addresses.map(({ address }) => address)
    })
    if ("reason" in found) return yield* new ConfigRefused({ message: found.reason })
    const named = found.node.name !== found.node.address
    const name = named ? found.node.name : options.hostname
    return planNode(cluster, { name, addresses }, found.node)
  })

  const accept = Effect.gen(function* () {
    const { cluster, hash } = yield* load
    const plan = yield* planFor(cluster)
    const same = accepted?.hash === hash
    for (const refusal of same ? [] : plan.refusals) yield* Effect.logInfo(`${refusal.subject}: ${refusal.reason}`)
    yield* supervisor.apply(plan)
    accepted = { cluster, plan, hash, at: yield* Clock.currentTimeMillis }
    lastError = undefined
    const { sessions, addresses } = plan
    const what = `${sessions.length} sessions, ${addresses.length} addresses on node ${plan.node}`
    yield* Effect.logInfo(`config ${source.name} ${same ? "means the same as before" : "accepted"}: ${what}`)
  })

  const refused = Effect.fnUntraced(function* (error: { readonly message: string }) {
    lastError = error.message
    return yield* new ConfigRefused({ message: error.message })
  })

  return Reconciler.of({
    reload: one.withPermits(1)(Effect.catch(accept, refused)),
    status: Effect.gen(function* () {
      const plan = accepted?.plan
      return {
        node: plan?.node ?? options.node ?? options.hostname,
        cluster: accepted?.cluster.name ?? "",
        version: options.version,
        startedAt: new Date(startedAt).toISOString(),
        config: {
          source: source.name,
          loadedAt: new Date(accepted?.at ?? startedAt).toISOString(),
          hash: accepted?.hash ?? "",
          ...(lastError === undefined ? {} : { lastError })
        },
        floatingIps: [],
        services: [],
        members: [],
        ...(yield* supervisor.status)
      }
    })
  })
})

const valid = (result: ConfigResult): Effect.Effect<{ cluster: DesiredCluster; hash: string }, ConfigRefused> => {
  const errors = result.problems.filter(({ severity }) => severity === "error")
  if (errors.length === 0 && result.cluster !== undefined)
    return Effect.succeed({ cluster: result.cluster, hash: result.hash ?? "" })
  const message = errors.map(formatProblem).join("\n") || "the files hold no Cluster document"
  return Effect.fail(new ConfigRefused({ message }))
}
