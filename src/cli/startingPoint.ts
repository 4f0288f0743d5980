// Which store a daemon uses and what the config is of that it finds there: from its files, the last config of its node, or the command line.
import { Effect } from "effect"
import { ConfigRefused } from "../services/configStanding.ts"
import { load, problemText } from "../services/inForce.ts"
import { daemonSettings } from "./daemonSettings.ts"
import { readConfig } from "./readConfig.ts"

interface Given {
  readonly config: ReadonlyArray<string>
  readonly configLocal?: boolean
  readonly cluster?: string
  readonly etcd?: ReadonlyArray<string>
}

const whatIsWrong = (paths: ReadonlyArray<string>) =>
  Effect.sync(() => {
    try {
      const loaded = load(readConfig(paths))
      return "problems" in loaded ? problemText(loaded.problems) : "the files changed while they were read"
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  })

/** `copy`: the last config of this node, as its data directory has it. */
export const startingPoint = Effect.fnUntraced(function* (given: Given, copy: string | undefined) {
  const { settings, cluster: found } = yield* daemonSettings(given.config, given.etcd, copy)
  const files = given.config.length > 0
  if (given.configLocal === true && !files)
    return yield* new ConfigRefused({ message: "--config-local runs the file of --config: name one" })
  if (!files && settings.etcd === undefined)
    return yield* new ConfigRefused({
      message: "nothing says what to run: name a cluster file with --config, or the cluster's etcd with --etcd"
    })
  const cluster = given.cluster ?? found
  if (cluster !== undefined || settings.etcd === undefined) return { settings, cluster: cluster ?? "" }
  if (files) return yield* new ConfigRefused({ message: yield* whatIsWrong(given.config) })
  return yield* new ConfigRefused({
    message: "which cluster this node is of is not known: name it with --cluster, or give its file with --config"
  })
})
