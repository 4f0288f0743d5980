// How a daemon is to run, before it runs: the DaemonConfig among its documents, and what the command line says instead. A config
// that cannot be read or is not valid gives what the last one gave, or the defaults; the daemon says why when it needs it.
import { Effect, Schema } from "effect"
import { Flag } from "effect/cli"
import { type DaemonSettings, defaultDaemonSettings } from "../config/daemonSettings.ts"
import { explainUrl } from "../config/documents/daemonConfig.ts"
import { type ConfigFile, type ConfigResult, loadCluster } from "../config/load.ts"
import { readCopy } from "../services/configCopy.ts"
import { readConfig } from "./readConfig.ts"

export const etcdFlag = Flag.String("etcd").pipe(
  Flag.withDescription("URL[,URL] of the etcd that the cluster's nodes share; instead of a DaemonConfig's endpoints"),
  Flag.optional
)

/** `--etcd` is not what it should be. */
export class EtcdFlagError extends Schema.TaggedError<EtcdFlagError>()("EtcdFlagError", { message: Schema.String }) {}

/** Where a daemon begins. */
export interface StartingPoint {
  readonly settings: DaemonSettings
  /** The cluster that the store is kept for; undefined: nobody has said. */
  readonly cluster: string | undefined
}

const loaded = (read: () => ReadonlyArray<ConfigFile>): ConfigResult | undefined => {
  try {
    const result = loadCluster(read())
    return result.cluster === undefined ? undefined : result
  } catch {
    // It cannot be read: the daemon says so when it needs it.
    return undefined
  }
}

/** From the files, or where they are none or not valid, from the config that this node ran last (`copy`). */
export const daemonSettings = (
  paths: ReadonlyArray<string>,
  etcd: ReadonlyArray<string> | undefined,
  copy?: string
): Effect.Effect<StartingPoint, EtcdFlagError> => {
  for (const url of etcd ?? []) {
    const wrong = explainUrl(url)
    if (wrong !== true)
      return Effect.fail(new EtcdFlagError({ message: `--etcd ${url}: ${wrong}; expected http://HOST:2379` }))
  }
  return Effect.sync(() => {
    const found = loaded(() => readConfig(paths)) ?? loaded(() => readCopy(copy ?? "")?.record.files ?? [])
    const settings = found?.daemon ?? defaultDaemonSettings
    const endpoints = etcd === undefined ? {} : { etcd: { ...settings.etcd, endpoints: etcd } }
    return { settings: { ...settings, ...endpoints }, cluster: found?.cluster?.name }
  })
}
