// Takes a node out of service, or back in, for everybody in the cluster: a key in the store that every node plans by (D4). What no other
// node would take over is held back until somebody insists.
import { Effect } from "effect"
import type { NodeControl } from "../api/control.ts"
import type { NodeSource } from "../api/source.ts"
import { drainKey } from "../cluster/layout.ts"
import { draining } from "../resources/draining.ts"
import type { NodeStatus } from "../resources/nodeStatus.ts"
import { Cluster } from "../services/Cluster.ts"

/** Why not, or undefined. */
const refusal = (status: NodeStatus, node: string, on: boolean, force: boolean): string | undefined => {
  const { known, nodes, losses } = draining(status, node)
  if (!known && on) return `there is no node ${node}; there are ${nodes.join(", ")}`
  if (!on || force || losses.length === 0) return undefined
  return `${losses.join("; ")}. Insist on it to drain ${node} all the same (--force)`
}

export const drainControl = Effect.fnUntraced(function* (source: NodeSource) {
  const cluster = yield* Cluster
  const context = yield* Effect.context<never>()
  const run = Effect.runPromiseWith(context)
  const drain: NonNullable<NodeControl["drain"]> = async (node, on, by, force = false) => {
    const status = await source.status()
    const why = refusal(status, node, on, force)
    if (why !== undefined) return { done: false, reason: why }
    const key = drainKey(node)
    const operation = on
      ? ({ type: "put", key, value: JSON.stringify({ by, at: new Date().toISOString() }) } as const)
      : ({ type: "delete", key } as const)
    return run(
      cluster.commit({ when: [], operations: [operation] }).pipe(
        Effect.as({ done: true, reason: on ? `${node} is drained` : `${node} is back in service` }),
        Effect.catch(({ message }) => Effect.succeed({ done: false, reason: `the store does not take it: ${message}` }))
      )
    )
  }
  return drain
})
