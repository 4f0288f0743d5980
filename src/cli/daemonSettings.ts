// How a daemon is to run, before it runs: the DaemonConfig among its documents, and what the command line says instead. A config
// that cannot be read or is not valid gives the defaults here; the daemon's first load refuses it and says why.
import { Effect, Schema } from "effect"
import { Flag } from "effect/cli"
import { type DaemonSettings, defaultDaemonSettings } from "../config/daemonSettings.ts"
import { explainUrl } from "../config/documents/daemonConfig.ts"
import { loadCluster } from "../config/load.ts"
import { readConfig } from "./readConfig.ts"

export const etcdFlag = Flag.String("etcd").pipe(
  Flag.withDescription("URL[,URL] of the etcd that the cluster's nodes share; instead of a DaemonConfig's endpoints"),
  Flag.optional
)

/** `--etcd` is not what it should be. */
export class EtcdFlagError extends Schema.TaggedError<EtcdFlagError>()("EtcdFlagError", { message: Schema.String }) {}

/** The settings, and the name of the cluster that the store is kept for. */
export const daemonSettings = (
  paths: ReadonlyArray<string>,
  etcd: ReadonlyArray<string> | undefined
): Effect.Effect<{ readonly settings: DaemonSettings; readonly cluster: string }, EtcdFlagError> => {
  for (const url of etcd ?? []) {
    const wrong = explainUrl(url)
    if (wrong !== true)
      return Effect.fail(new EtcdFlagError({ message: `--etcd ${url}: ${wrong}; expected http://HOST:2379` }))
  }
  return Effect.try({ try: () => loadCluster(readConfig(paths)), catch: () => undefined }).pipe(
    Effect.orElseSucceed(() => undefined),
    Effect.map((loaded) => {
      const settings = loaded?.daemon ?? defaultDaemonSettings
      const endpoints = etcd === undefined ? {} : { etcd: { ...settings.etcd, endpoints: etcd } }
      return { settings: { ...settings, ...endpoints }, cluster: loaded?.cluster?.name ?? "" }
    })
  )
}
