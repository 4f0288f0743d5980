// Traffic: responders that answer with their node's name, and a client that counts who answered and what was lost. Both
// are scripts that Bun runs inside the hosts (probes/responder.ts, probes/client.ts).
import { join } from "node:path"
import type { Lab } from "./Lab.ts"
import type { Background } from "./process.ts"
import { ready } from "./routers/Router.ts"

const PORT = 8443
const TIMEOUT_MS = 1_000

const script = (name: string): string => join(import.meta.dir, "probes", `${name}.ts`)

/** Answers at `address` (which the host must hold) with the host's name, over TCP and UDP, until the lab ends. */
export const startResponder = async (lab: Lab, host: string, address: string, port = PORT): Promise<Background> => {
  const label = `responder-${address.replaceAll(":", "_")}`
  const one = lab.spawn(host, label, [process.execPath, script("responder"), host, address, String(port)])
  await ready(lab, one, () => one.log().includes("ready"))
  return one
}

export interface Answers {
  /** Answers by the name of who answered. */
  readonly answers: Readonly<Record<string, number>>
  readonly lost: number
}

export interface ProbeOptions {
  readonly mode?: "tcp" | "udp"
  readonly count?: number
  readonly intervalMs?: number
  readonly port?: number
}

/** Asks `address` from `host`, every time over a new flow. */
export const probe = async (lab: Lab, host: string, address: string, options: ProbeOptions = {}): Promise<Answers> => {
  const { mode = "tcp", count = 60, intervalMs = 2, port = PORT } = options
  const numbers = [port, count, intervalMs, TIMEOUT_MS].map(String)
  const text = await lab.exec(host, [process.execPath, script("client"), mode, address, ...numbers], {
    deadlineMs: count * intervalMs + TIMEOUT_MS + 10_000
  })
  return JSON.parse(text)
}
