// `bun test/lab/capture.ts [ROUTER …]` (by hand, as root) makes test/vectors/captured/<router>.json anew: each of the five
// routers is led through the scenarios of capture/scenarios.ts in a lab, tcpdump writes down what it says, and every message
// that is not there yet is kept with its context and what our decoder makes of it. PCAP_DIRECTORY keeps the pcap files,
// so that an independent reader (tshark -V) can be asked as well: do that before committing what this wrote.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { negotiate } from "../../src/bgp/capability/negotiate.ts"
import { decodeMessage, encodeMessage } from "../../src/bgp/codec.ts"
import { type CodecContext, defaultContext } from "../../src/bgp/context.ts"
import { Framer } from "../../src/bgp/framer.ts"
import type { Open } from "../../src/bgp/message/types.ts"
import { addressBytes, parseAddress } from "../../src/net/ip.ts"
import type { Captured } from "../vectors/captured.ts"
import { DAEMONS, type Daemon, ROUTER_ASN } from "./capture/daemons.ts"
import { streamsFrom } from "./capture/pcap.ts"
import { feedsOf, SCENARIOS, type Scenario, type Step } from "./capture/scenarios.ts"
import { titleOf } from "./capture/title.ts"
import { Lab } from "./Lab.ts"
import type { Background } from "./process.ts"
import { MAKE_NAMES, type MakeName } from "./routers/index.ts"
import { ready } from "./routers/Router.ts"
import { star } from "./topology.ts"

const QUIET_MS = 1_200
const LIMIT_MS = 12_000

const speak = (lab: Lab, host: string, remote: string, plan: object): Background => {
  const file = join(lab.hostDirectory(host), "speaker.json")
  writeFileSync(file, JSON.stringify({ remote, established: [], later: [], keepalive: true, ...plan }))
  const script = join(import.meta.dir, "probes", "speaker.ts")
  return lab.spawn(host, "speaker", [process.execPath, script, file])
}

/** Waits until the speaker heard nothing new for a while: only silence tells that a router has said all it has to say. */
const quiet = async (one: Background): Promise<void> => {
  const started = performance.now()
  let [seen, since] = ["", started]
  while (performance.now() - started < LIMIT_MS && performance.now() - since < QUIET_MS) {
    const log = one.log()
    if (log !== seen || log === "") [seen, since] = [log, performance.now()]
    await Bun.sleep(50)
  }
}

const take = async (step: Step, daemon: Daemon, peer: Background, feed: Background | undefined): Promise<void> => {
  if (step === "say") peer.signal("SIGHUP")
  else if (step === "feed") feed?.signal("SIGHUP")
  else await daemon[step]?.()
  await quiet(peer)
}

/** The pcap of one scenario with one router. */
const record = async (make: MakeName, scenario: Scenario): Promise<Uint8Array> => {
  await using lab = await Lab.create(star("router", "feed-1", "feed-2"))
  const fed = scenario.fed === true ? feedsOf(scenario.asn === ROUTER_ASN) : []
  const [peer, router] = scenario.ipv6 ? ["2001:db8:1::10", "2001:db8:1::254"] : ["10.0.1.10", "10.0.1.254"]
  const setup = { peer, peerAsn: scenario.asn, feeds: fed, full: scenario.full === true }
  const file = join(lab.directory, "router.pcap")
  const filter = ["tcp", "port", "179", "and", "host", peer]
  const dump = lab.spawn("router", "tcpdump", ["tcpdump", "-i", "eth0", "-U", "-Z", "root", "-w", file, ...filter])
  await ready(lab, dump, () => dump.log().includes("listening on"))
  const daemon = await DAEMONS[make].start(lab, setup)
  const feeds = fed.map((one) => speak(lab, one.host, "10.0.1.254", one))
  for (const one of feeds) {
    await lab
      .until(() => one.log().includes("established"), "a feed's session", LIMIT_MS)
      .catch((error: unknown) => {
        if (make !== "exabgp") throw error // it has no neighbors but one
      })
  }
  const { greeting, keepalive, later = [] } = scenario
  const one = speak(lab, "node", router, { greeting, keepalive, later })
  await quiet(one)
  if (!keepalive) await lab.until(() => one.log().includes("closed"), "the end of the session", LIMIT_MS)
  for (const step of scenario.steps) {
    await take(step, daemon, one, feeds[0]).catch((error: unknown) => console.error(`${make}, ${step}: ${error}`))
  }
  await dump.stop()
  const directory = process.env.PCAP_DIRECTORY
  if (directory !== undefined) {
    mkdirSync(directory, { recursive: true })
    copyFileSync(file, join(directory, `${make}-${scenario.name.replaceAll(/\W+/g, "-")}.pcap`))
  }
  return new Uint8Array(readFileSync(file))
}

const framesOf = (stream: Uint8Array): ReadonlyArray<Uint8Array> => {
  const framer = new Framer(65_535)
  framer.push(stream)
  const all: Array<Uint8Array> = []
  for (let frame = framer.next(); frame instanceof Uint8Array; frame = framer.next()) all.push(frame)
  return all
}

const contextOf = (local: Open, frames: ReadonlyArray<Uint8Array>, ebgp: boolean): CodecContext => {
  const first = frames.map((frame) => decodeMessage(frame, defaultContext).message).find((one) => one?.type === "OPEN")
  return first?.type === "OPEN" ? negotiate(local, first, ebgp).receive : { ...defaultContext, ebgp }
}

const vectorsOf = (make: MakeName, scenario: Scenario, pcap: Uint8Array): ReadonlyArray<Captured> => {
  const from = parseAddress(scenario.ipv6 ? "2001:db8:1::254" : "10.0.1.254")
  if (from === undefined) throw new Error("no address")
  return streamsFrom(pcap, addressBytes(from).toHex()).flatMap((stream) => {
    const frames = framesOf(stream)
    const ctx = contextOf(scenario.open, frames, scenario.asn !== ROUTER_ASN)
    return frames.map((frame): Captured => {
      const { message, error } = decodeMessage(frame, ctx)
      if (message === undefined || error !== undefined) {
        throw new Error(`${make}, ${scenario.name}: ${error?.message}: ${frame.toHex()}`)
      }
      const same = encodeMessage(message, ctx).toHex() === frame.toHex()
      return {
        router: make,
        version: DAEMONS[make].version,
        name: `${scenario.name}: ${titleOf(message)}`,
        context: ctx,
        hex: frame.toHex(),
        ...(same ? {} : { canonical: false as const, note: "" }),
        value: message
      }
    })
  })
}

const names = process.argv.length > 2 ? MAKE_NAMES.filter((name) => process.argv.includes(name)) : MAKE_NAMES
for (const make of names) {
  const kept = new Map<string, Captured>()
  for (const scenario of SCENARIOS) {
    try {
      for (const one of vectorsOf(make, scenario, await record(make, scenario))) {
        const key = JSON.stringify([one.hex, one.value.type === "UPDATE" ? one.context : ""])
        if (!kept.has(key)) kept.set(key, one)
      }
    } catch (error) {
      console.error(`${make}, ${scenario.name}: ${error}`)
    }
  }
  const file = join(import.meta.dir, "..", "vectors", "captured", `${make}.json`)
  mkdirSync(join(file, ".."), { recursive: true })
  writeFileSync(file, `${JSON.stringify([...kept.values()], null, 2)}\n`)
  console.log(`${make}: ${kept.size} messages`)
}
