// The OPEN that a planned session sends, through the codec: what is offered, and what a peer makes of it.
import { describe, expect, test } from "bun:test"
import { negotiate } from "../../src/bgp/capability/negotiate.ts"
import { decodeMessage, encodeMessage } from "../../src/bgp/codec.ts"
import { defaultContext } from "../../src/bgp/context.ts"
import type { Open } from "../../src/bgp/message/types.ts"
import type { SessionParameters } from "../../src/plan/types.ts"
import { fsmConfig } from "../../src/services/sessionConfig.ts"
import { nodeSide, routerSide } from "./harness.ts"

const overTheWire = (open: Open): Open => {
  const { message } = decodeMessage(encodeMessage(open, defaultContext), defaultContext)
  if (message?.type !== "OPEN") throw new Error("no OPEN")
  return message
}
const opens = (more: Partial<SessionParameters>) => {
  const { open, reopen } = fsmConfig({ ...nodeSide, ...more }, "node-01")
  if (reopen === undefined) throw new Error("no OPEN for later")
  return { open: overTheWire(open), reopen: overTheWire(reopen) }
}
const capability = (open: Open, name: string) => open.capabilities.find((c) => c.name === name)

describe("the OPEN of a session", () => {
  test("offers to send additional paths of each of its families where asked (RFC 7911 4)", () => {
    expect(capability(opens({ addPaths: true, families: ["ipv6"] }).open, "add-path")).toEqual({
      code: 69,
      name: "add-path",
      families: [{ afi: 2, safi: 1, mode: "send" }]
    })
    expect(capability(opens({}).open, "add-path")).toBeUndefined()
  })

  test("offers graceful restart with F for all families always, R in the first OPEN only (RFC 4724 3)", () => {
    const { open, reopen } = opens({ gracefulRestart: { restartTime: 120, notification: true } })
    const families = [
      { afi: 1, safi: 1, forwardingPreserved: true },
      { afi: 2, safi: 1, forwardingPreserved: true }
    ]
    const offer = { code: 64, name: "graceful-restart", notification: true, restartTime: 120, families } as const
    expect(capability(open, "graceful-restart")).toEqual({ ...offer, restarting: true })
    expect(capability(reopen, "graceful-restart")).toEqual({ ...offer, restarting: false })
    const without = opens({})
    expect(without.open).toEqual(without.reopen)
    expect(capability(without.open, "graceful-restart")).toBeUndefined()
  })

  test("paths go where the peer receives them, in one family as in both; not where it only sends", () => {
    const { open } = opens({ addPaths: true })
    const peer = (mode: "receive" | "send" | "both"): Open => {
      const theirs = fsmConfig(routerSide, "router").open
      const addPath = { code: 69, name: "add-path", families: [{ afi: 2, safi: 1, mode }] } as const
      return { ...theirs, capabilities: [...theirs.capabilities, addPath] }
    }
    expect(negotiate(open, peer("receive"), true).send.addPath).toEqual({ ipv4: false, ipv6: true })
    expect(negotiate(open, peer("both"), true).send.addPath).toEqual({ ipv4: false, ipv6: true })
    expect(negotiate(open, peer("send"), true).send.addPath).toEqual({ ipv4: false, ipv6: false })
    expect(negotiate(open, peer("both"), true).receive.addPath).toEqual({ ipv4: false, ipv6: false })
  })
})
