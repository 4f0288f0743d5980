// Traffic: responders that answer with their node's name, and a client that counts who answered and what was lost. Both
// are scripts that Bun runs inside the hosts (probes/responder.ts, probes/client.ts).
import { join } from "node:path"
import type { Lab } from "./Lab.ts"
import type { Background } from "./process.ts"
import { ready } from "./routers/Router.ts"

/** Where responders answer. */
export const PROBE_PORT = 8443
const TIMEOUT_MS = 1_000

const script = (name: string): string => join(import.meta.dir, "probes", `${name}.ts`)

/** Answers at `address` (which the host must hold) with the host's name, over TCP and UDP, until the lab ends. */
export const startResponder = async (
  lab: Lab,
  host: string,
  address: string,
  port = PROBE_PORT
): Promise<Background> => {
  const label = `responder-${address.replaceAll(":", "_")}`
  const one = lab.spawn(host, label, [process.execPath, script("responder"), host, String(port), address])
  await ready(lab, one, () => one.log().includes("ready"))
  return one
}

/**
 * The same for addresses that the host may get later: it answers as soon as they are there. For the moment of binding the
 * kernel is told to allow that, so start it before what is under test.
 */
export const awaitAddresses = async (
  lab: Lab,
  host: string,
  addresses: ReadonlyArray<string>,
  port = PROBE_PORT
): Promise<Background> => {
  const allow = (value: 0 | 1) =>
    lab.exec(host, [
      ...["sysctl", "-q", "-w"],
      ...["ipv4", "ipv6"].map((family) => `net.${family}.ip_nonlocal_bind=${value}`)
    ])
  await allow(1)
  const words = [process.execPath, script("responder"), host, String(port), ...addresses]
  const one = lab.spawn(host, "responder", words)
  await ready(lab, one, () => one.log().includes("ready"))
  await allow(0)
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
  const { mode = "tcp", count = 60, intervalMs = 2, port = PROBE_PORT } = options
  const numbers = [port, count, intervalMs, TIMEOUT_MS].map(String)
  const text = await lab.exec(host, [process.execPath, script("client"), mode, address, ...numbers], {
    deadlineMs: count * intervalMs + TIMEOUT_MS + 10_000
  })
  return JSON.parse(text)
}
