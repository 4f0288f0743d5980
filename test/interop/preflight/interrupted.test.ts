// A preflight that does not come to its end: the operator presses Ctrl+C, the operator's process is killed, the operator's cable is cut, the
// agent of a node is killed, a node loses its power. Within a stated time nothing of it is left: no address on a node, no session
// and no route on a router, no socket (S27). What is waited for is the state of kernels and routers, not the clock.
import { describe, expect } from "bun:test"
import { cut, powerOff, powerOn, unblock } from "../../lab/faults.ts"
import type { Background } from "../../lab/process.ts"
import { requires } from "../../lab/requires.ts"
import { VIP } from "../scenario.ts"
import { clusterText, EXT_1, FLOATING, OPERATOR, Stage } from "./stage.ts"

/** Traffic for the VIP over ext-2 arrives nowhere, so that a check lasts as long as its time-out. */
const lasting = () => Stage.create({ ext2: { acceptNextHops: ["192.0.2.0/24"] } })

/** In the middle: the VIP and a floating IP are on nodes, sessions are up, routes are announced. */
const inTheMiddle = async (stage: Stage): Promise<{ readonly operator: Background; readonly holder: string }> => {
  const words = stage.words(clusterText(), ["--timeout", "60", "--skip", "mtu,conflict,free"])
  const operator = stage.lab.spawn(OPERATOR, "preflight", words)
  const holder = await stage.lab.until(
    async () => {
      if (!operator.running) throw new Error(`it ended: ${operator.log()}`)
      const holders = await Promise.all(
        ["node-01", "node-02", "node-03"].map(async (host) =>
          (await stage.lab.addresses(host, "lo")).includes(VIP) ? host : ""
        )
      )
      const floating = (await stage.lab.addresses("node-03", "eth0")).includes(FLOATING[1] ?? "")
      const over = (await stage.ext2.sessions()).filter(({ state }) => state === "Established").length
      return floating && over >= 7 && /WARN|ok {3}delivery/.test(operator.log()) && holders.find((host) => host !== "")
    },
    "the preflight to be in the middle of a delivery",
    20_000
  )
  return { operator, holder }
}

const backTo = (stage: Stage, before: string, withinMs: number): Promise<true> =>
  stage.lab.until(
    async () => {
      const now = await stage.state()
      if (now !== before) throw new Error(`before\n${before}\nnow\n${now}`)
      return true as const
    },
    "nothing to be left of the preflight",
    withinMs
  )

/** Reading the state of five machines takes its time, too. */
const READING_MS = 2_500

describe("an interrupted preflight leaves nothing behind", () => {
  const { test } = requires("root", "ip", "nft", "frr", "bird")

  for (const [what, stop, withinMs] of [
    ["Ctrl+C", (operator: Background) => operator.signal("SIGINT"), 3_000],
    ["the operator's process is killed", (operator: Background) => void operator.kill(), 3_000]
  ] as const)
    test(`${what}: within ${withinMs / 1_000} s`, async () => {
      await using stage = await lasting()
      const before = await stage.state()
      const { operator } = await inTheMiddle(stage)
      expect(await stage.state()).not.toBe(before)
      stop(operator)
      await backTo(stage, before, withinMs + READING_MS)
      const code = await operator.exited
      expect(code).toBe(what === "Ctrl+C" ? 2 : 137)
      if (what !== "Ctrl+C") return
      const { report, files } = stage.log()
      expect({ complete: report.complete, result: report.result }).toEqual({ complete: false, result: "incomplete" })
      expect(files["preflight.log"]).toContain("interrupted: what was added has been taken away")
    }, 60_000)

  test("the operator's cable is cut: nodes end by themselves within 9 s", async () => {
    await using stage = await lasting()
    const before = await stage.state()
    const { operator } = await inTheMiddle(stage)
    await cut(stage.lab, OPERATOR)
    await backTo(stage, before, 9_000 + READING_MS)
    await unblock(stage.lab)
    operator.signal("SIGINT")
    expect([1, 2]).toContain(await operator.exited)
  }, 60_000)

  test("the agent of the node under test is killed: the kernel takes the addresses within 4.5 s, and the run says what was lost", async () => {
    await using stage = await lasting()
    const before = await stage.state()
    const { operator, holder } = await inTheMiddle(stage)
    await stage.agents.get(holder)?.kill()
    await stage.lab.until(
      async () => {
        const left = (await Promise.all(["lo", "eth0"].map((device) => stage.lab.addresses(holder, device)))).flat()
        return !left.some((address) => address === VIP || FLOATING.includes(address))
      },
      `${holder} to have lost what the agent held`,
      4_500
    )
    // Not at the end of its time-out of 60 s.
    await stage.lab.until(
      () =>
        new RegExp(
          `FAIL (?:session|address|delivery) .*${holder}.*(?:lost in the middle|broke off|cannot be|could not be)`
        ).test(operator.log()),
      "the run to say what was lost",
      9_000
    )
    operator.signal("SIGINT")
    await operator.exited
    await backTo(stage, before, 3_000 + READING_MS)
  }, 60_000)

  test("the agent of the node under test is stopped in order: it takes everything off before it ends", async () => {
    await using stage = await lasting()
    const { operator, holder } = await inTheMiddle(stage)
    const agent = stage.agents.get(holder)
    agent?.signal("SIGTERM")
    expect(await agent?.exited).toBe(0)
    const left = (await Promise.all(["lo", "eth0"].map((device) => stage.lab.addresses(holder, device)))).flat()
    expect(left.filter((address) => address === VIP || FLOATING.includes(address))).toEqual([])
    operator.signal("SIGINT")
    await operator.exited
  }, 60_000)

  test("the node under test loses its power: routers forget it, and the rest is taken away", async () => {
    await using stage = await lasting()
    const before = await stage.state()
    const { operator, holder } = await inTheMiddle(stage)
    await powerOff(stage.lab, holder)
    await stage.lab.until(
      async () => !(await stage.lab.addresses(holder, "lo")).includes(VIP),
      `${holder} to have taken the VIP off by itself`,
      9_000
    )
    operator.signal("SIGINT")
    await operator.exited
    await powerOn(stage.lab, holder)
    await backTo(stage, before, 6_000 + READING_MS)
  }, 60_000)

  test("a run of one peer touches no session of the other router", async () => {
    await using stage = await Stage.create()
    const incarnations = async () => JSON.stringify(await stage.ext2.sessions())
    const before = await incarnations()
    const { code } = await stage.run(clusterText(), ["--timeout", "5", "--peer", EXT_1])
    expect({ code, sessions: await incarnations() }).toEqual({ code: 0, sessions: before })
  }, 60_000)
})
