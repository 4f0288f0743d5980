// All services of one node over the ports, put together in the one way that fits: for the daemon, the demo and the simulation
// alike.
import { Layer } from "effect"
import { Allocator } from "./Allocator.ts"
import { Cluster } from "./Cluster.ts"
import { ConfigStore } from "./ConfigStore.ts"
import type { ConfigStoreOptions } from "./configStanding.ts"
import { Elector } from "./Elector.ts"
import { EventJournal } from "./EventJournal.ts"
import { type NodeOptions, Reconciler } from "./Reconciler.ts"
import { Supervisor, type SupervisorOptions } from "./Supervisor.ts"

export interface NodeServicesOptions extends NodeOptions, ConfigStoreOptions {}

export const nodeServices = (options: NodeServicesOptions, supervisor: SupervisorOptions = {}) => {
  const { leaseSeconds, onStoreLoss, addressRestSeconds } = options.settings
  return Reconciler.layer(options).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Elector.layer({ leaseMs: leaseSeconds * 1_000, onStoreLoss }),
        Allocator.layer({ addressRestSeconds }),
        ConfigStore.layer(options)
      )
    ),
    Layer.provideMerge(
      Layer.mergeAll(Supervisor.layer(supervisor), Cluster.layer({ leaseSeconds }), EventJournal.layer)
    )
  )
}
