// The order of a stop, as the wire and the kernel saw it: withdrawal, Cease, then the address. Decision D8, invariant I8.
import { expect } from "bun:test"
import type { Lab } from "../lab/Lab.ts"
import type { Background } from "../lab/process.ts"
import { requires } from "../lab/requires.ts"
import { ROUTER, scenario, VIP } from "./scenario.ts"

const MARK = "192.0.2.1"

/** Seconds since 1970 at which `words` stood on the wire for the first time. */
const onTheWire = (capture: Background, words: RegExp): number | undefined => {
  let time: number | undefined
  for (const line of capture.log().split("\n")) {
    time = /^(\d+\.\d+) IP/.exec(line) === null ? time : Number(line.split(" ")[0])
    if (words.test(line)) return time
  }
  return undefined
}

/** Seconds since 1970 at which the kernel told of the removal of `address`. */
const removed = (monitor: Background, address: string): number | undefined => {
  const line = monitor
    .log()
    .split("\n")
    .find((one) => one.includes("Deleted") && one.includes(` ${address}/`))
  const [, second, fraction] = /^\[(.*)\.(\d+)\]/.exec(line ?? "") ?? []
  return second === undefined ? undefined : Date.parse(`${second}Z`) / 1000 + Number(`0.${fraction}`)
}

const capture = async (lab: Lab): Promise<Background> => {
  const words = ["tcpdump", "-l", "-n", "-tt", "-v", "-i", "eth0", `tcp dst port 179 and dst host ${ROUTER}`]
  const one = lab.spawn("node", "tcpdump", words)
  await lab.until(() => one.log().includes("listening on"), "tcpdump to listen")
  return one
}

/** Watches the node's addresses; ready once it has seen a marker come. */
const watch = async (lab: Lab): Promise<Background> => {
  const one = lab.spawn("node", "monitor", ["ip", "-ts", "-o", "monitor", "address"], { TZ: "UTC" })
  await lab.until(async () => {
    await lab.exec("node", ["ip", "addr", "replace", `${MARK}/32`, "dev", "lo"])
    return one.log().includes(MARK)
  }, "ip monitor to see the marker")
  return one
}

requires("root", "ip", "nft", "bird", "tcpdump").test(
  "SIGTERM: the withdrawal leaves first, then the Cease, then the address goes (D8, I8)",
  async () => {
    await using all = await scenario("bird")
    await all.router.routesTo(`${VIP}/32`)
    const [wire, monitor] = await Promise.all([capture(all.lab), watch(all.lab)])
    expect((await all.daemon.stop()).code).toBe(0)
    const times = await all.lab.until(() => {
      const withdrawal = onTheWire(wire, /Withdrawn routes/)
      const cease = onTheWire(wire, /Cease \(6\), subcode Administrative Shutdown \(2\)/)
      const address = removed(monitor, VIP)
      if (withdrawal === undefined || cease === undefined || address === undefined) return undefined
      return { withdrawal, cease, address }
    }, "withdrawal, Cease and removal")
    expect(times.withdrawal).toBeLessThanOrEqual(times.cease)
    expect(times.withdrawal).toBeLessThan(times.address)
  }
)
