// A session under load (issue: keepalives never late, bounded buffers): a router that floods and one that does not read.
import { afterEach, describe, expect, test } from "bun:test"
import type { Socket } from "bun"
import { encodeMessage } from "../../src/bgp/codec.ts"
import { defaultContext } from "../../src/bgp/context.ts"
import { Framer } from "../../src/bgp/framer.ts"
import type { Message } from "../../src/bgp/message/types.ts"
import type { Address, Prefix } from "../../src/net/ip.ts"
import { clusterYaml, Directory, Running, startRouter, statusAt, until } from "./world.ts"

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const octets = (message: Message) => encodeMessage(message, defaultContext)
const keepalive = octets({ type: "KEEPALIVE" })
const open = (routerId: string) =>
  octets({
    type: "OPEN",
    version: 4,
    asn: 65002,
    holdTime: 3,
    routerId,
    capabilities: [
      { code: 1, name: "multiprotocol", afi: 1, safi: 1, family: "ipv4-unicast" },
      { code: 65, name: "four-octet-as", asn: 65002 }
    ]
  })

/** UPDATEs with 800 routes each, all different, as one buffer. */
const flood = (() => {
  const frames: Array<Uint8Array> = []
  for (let n = 0; n < 200; n++) {
    const announce = Array.from({ length: 800 }, (_, i) => ({
      prefix: `10.${n}.${i >>> 8}.${i & 255}/32` as Prefix,
      nextHop: "192.0.2.1" as Address
    }))
    frames.push(octets({ type: "UPDATE", announce, withdraw: [], attributes: { origin: "igp", asPath: [[65002]] } }))
  }
  return new Uint8Array(Buffer.concat(frames))
})()

/** A router of few words: answers OPEN, sends keepalives, notes when the node's come, and floods while `flooding`. */
const rawRouter = (address: string) => {
  const seen = { keepalives: [] as number[], octets: 0 }
  let socket: Socket | undefined
  let rest: Uint8Array = new Uint8Array()
  let flooding = false
  const pump = () => {
    while (socket !== undefined && flooding) {
      if (rest.length === 0) rest = flood
      const n = Math.max(0, socket.write(rest))
      seen.octets += n
      rest = rest.subarray(n)
      if (n === 0) return
    }
  }
  const framer = new Framer()
  const server = Bun.listen({
    hostname: address,
    port: 17911,
    socket: {
      open: (accepted) => {
        socket = accepted
      },
      data: (accepted, bytes) => {
        framer.push(new Uint8Array(bytes))
        for (let frame = framer.next(); frame instanceof Uint8Array; frame = framer.next()) {
          if (frame[18] === 1) accepted.write(Buffer.concat([open(address), keepalive]))
          if (frame[18] === 4) seen.keepalives.push(performance.now())
        }
      },
      drain: pump
    }
  })
  cleanups.push(() => server.stop(true))
  return {
    seen,
    start: () => {
      flooding = true
      pump()
    },
    /** Ends on a message boundary. */
    stop: () => {
      flooding = false
      socket?.write(rest)
      rest = new Uint8Array()
    }
  }
}

const world = async (subnet: string) => {
  const node = `${subnet}.10`
  const directory = new Directory()
  cleanups.push(() => directory.remove())
  const good = await startRouter(`${subnet}.253`, node, { holdTime: 3, keepaliveTime: 1 })
  cleanups.push(good.stop)
  const wild = rawRouter(`${subnet}.254`)
  const file = directory.write(
    "c.yaml",
    clusterYaml(node, [`${subnet}.254`, good.address], "10.0.0.8", ", holdTime: 3")
  )
  const socket = directory.at("s")
  const listen = ["--admin-socket", socket, "--admin-listen", "none"]
  const daemon = new Running(["run", "--config", file, "--node", "node-01", "--data-dir", directory.at("d"), ...listen])
  cleanups.push(() => daemon.end("SIGKILL"))
  await until(
    "both sessions",
    async () => {
      const status = await statusAt(socket).catch(() => undefined)
      return status?.sessions.filter(({ state }) => state === "Established").length === 2
    },
    () => daemon.output
  )
  return { wild, good, socket, daemon }
}

describe("a session under load", () => {
  test("a router that floods for two hold times loses no session, gets its keepalives, and costs bounded memory", async () => {
    const { wild, good, socket, daemon } = await world("127.40.1")
    const before = (await statusAt(socket)).process.residentBytes
    wild.start()
    const from = performance.now()
    await until("two hold times of flood", () => performance.now() - from > 6500)
    wild.stop()
    const status = await statusAt(socket)
    expect(status.sessions.map(({ state, flaps }) => [state, flaps])).toEqual([
      ["Established", 0],
      ["Established", 0]
    ])
    expect(good.session.report().flaps).toBe(0)
    expect(wild.seen.octets).toBeGreaterThan(20_000_000)
    expect(status.sessions[0]?.received).toMatchObject({ routes: 100_000, more: true })
    // Keepalives are due every second (less the jitter), and the peer would wait three.
    const times = [from, ...wild.seen.keepalives.filter((at) => at > from)]
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? at))
    expect(gaps.length).toBeGreaterThanOrEqual(5)
    expect(Math.max(...gaps)).toBeLessThan(2000)
    // What is garbage by then goes within seconds; what came and is kept for ever, some 80 MB of octets, would stay.
    await until(
      "the memory to be given back",
      async () => (await statusAt(socket)).process.residentBytes - before < 60e6,
      () => daemon.output
    )
  }, 40_000)
})
