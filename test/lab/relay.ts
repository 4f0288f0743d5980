// etcd behind a relay that can be told to hold its answers back: a store that is slow, not gone.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Lab } from "./Lab.ts"
import { ready } from "./routers/Router.ts"

export interface Relay {
  /** One for each of what it stands in front of, in that order. */
  readonly endpoints: ReadonlyArray<string>
  /** Every answer from now on comes so much later; 0 ends it. */
  readonly delay: (ms: number) => void
}

/** Starts a relay on `host` in front of HTTP endpoints ("http://10.9.0.1:2379"). */
export const startRelay = async (lab: Lab, host: string, endpoints: ReadonlyArray<string>): Promise<Relay> => {
  const file = join(lab.hostDirectory(host), "delay-ms")
  const delay = (ms: number) => writeFileSync(file, String(ms))
  delay(0)
  const own = endpoints.map((_, index) => `${lab.address(host)}:${2379 + index}`)
  const pairs = endpoints.map((endpoint, index) => `${own[index]}=${new URL(endpoint).host}`)
  const one = lab.spawn(host, "relay", [process.execPath, join(import.meta.dir, "probes/relay.ts"), file, ...pairs])
  await ready(lab, one, () => one.log().includes("ready"))
  return { endpoints: own.map((address) => `http://${address}`), delay }
}
