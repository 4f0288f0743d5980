// How long from the start of a speaker until its peer has the route: viaduct, GoBGP and BIRD in turn, each ten times in a
// fresh namespace pair against the same peer (FRR, passive), all in one run so that the machine is equally busy for all.
// Not a test: `bun test/bench/start.ts [RUNS]` as root prints a small table. Set VIADUCT_BIN to measure the executable.
//
// "Established" and "route" are what the peer shows on its command line, polled every 40 ms: smaller differences mean
// nothing. BIRD and GoBGP wait by timers of their own before they connect; BIRD's are turned down to one second, GoBGP's
// cannot be.
import { Daemon, viaduct } from "../interop/Daemon.ts"
import { clusterFile, NODE, ROUTER, ROUTER_ASN, VIP } from "../interop/scenario.ts"
import { Lab } from "../lab/Lab.ts"
import { startRouter } from "../lab/routers/index.ts"
import { pair } from "../lab/topology.ts"

type Speaker = "viaduct" | "gobgp" | "bird"

const RUNS = Number(process.argv[2] ?? 10)
const DEADLINE_MS = 20_000

const start = (lab: Lab, speaker: Speaker): Promise<unknown> =>
  speaker === "viaduct"
    ? Daemon.start(lab, { host: "node", config: { text: clusterFile({}) } })
    : startRouter(lab, speaker, {
        host: "node",
        asn: 65001,
        routerId: NODE,
        neighbors: [{ ip: ROUTER, asn: ROUTER_ASN, passive: false }],
        announce: [{ prefix: `${VIP}/32` }]
      })

/** Milliseconds from the start of the speaker to Established and to the route, as the peer shows them. */
const measure = async (speaker: Speaker): Promise<readonly [number, number]> => {
  await using lab = await Lab.create(pair())
  const peer = await startRouter(lab, "frr", {
    host: "router",
    asn: ROUTER_ASN,
    routerId: ROUTER,
    neighbors: [{ ip: NODE, asn: 65001 }]
  })
  const began = performance.now()
  const started = start(lab, speaker)
  await peer.established(NODE, DEADLINE_MS)
  const established = performance.now() - began
  await peer.routesTo(`${VIP}/32`, 1, DEADLINE_MS)
  const route = performance.now() - began
  await started
  return [established, route]
}

const median = (numbers: ReadonlyArray<number>): number => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

const row = (cells: ReadonlyArray<string>): string =>
  cells.map((cell, index) => (index === 0 ? cell.padEnd(10) : cell.padStart(16))).join("")

console.log(`viaduct is ${viaduct().join(" ")}; ${RUNS} runs each, milliseconds, median (least .. most)`)
console.log(row(["speaker", "Established", "", "route at peer", ""]))
for (const speaker of ["viaduct", "bird", "gobgp"] as const) {
  const results: Array<readonly [number, number]> = []
  for (let i = 0; i < RUNS; i++) results.push(await measure(speaker))
  const cells = [0, 1].flatMap((column) => {
    const numbers = results.map((result) => result[column] ?? Number.NaN)
    const range = `(${Math.min(...numbers).toFixed(0)} .. ${Math.max(...numbers).toFixed(0)})`
    return [median(numbers).toFixed(0), range]
  })
  console.log(row([speaker, ...cells]))
}
