// The core of a session alone: what it hands to its fiber, in which order.
import { describe, expect, test } from "bun:test"
import { UpdateGroups } from "../../src/bgp/adjRibOut.ts"
import { makePeer } from "../../src/bgp/fsm/peer.ts"
import type { Connection } from "../../src/ports/Transport.ts"
import { type Input, SessionCore } from "../../src/services/SessionCore.ts"
import { fsmConfig } from "../../src/services/sessionConfig.ts"
import { nodeAddress, nodeSide, routerAddress } from "./harness.ts"

/** A connection whose peer has spoken before anybody listened. */
const talkative: Connection = {
  localAddress: nodeAddress,
  localPort: 40_000,
  peerAddress: routerAddress,
  peerPort: 179,
  start: ({ onData }) => onData(new Uint8Array(19)),
  write: () => true,
  hold: () => undefined,
  close: () => undefined,
  vanish: () => undefined
}

describe("a connection on which the peer has spoken already", () => {
  for (const way of ["dialled", "accepted"] as const)
    test(`${way}: it is told of before what came over it, so that the peer's OPEN is not lost`, () => {
      const inputs: Array<Input> = []
      const config = fsmConfig(nodeSide, "test")
      const core = new SessionCore(nodeSide, config, {}, new UpdateGroups(), makePeer(1), 0, (one) => inputs.push(one))
      core[way](talkative)
      expect(inputs.map((input) => (input.type === "event" ? input.event.type : input.type))).toEqual([
        way === "dialled" ? "Dialled" : "Accepted",
        "data"
      ])
    })
})
