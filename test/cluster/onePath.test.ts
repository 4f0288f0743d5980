// Routers that take one path for a prefix (ADD-PATH off, S12, D9): each session announces one load-balancer node, the sessions
// to one router name different ones, and losing a node moves only what it had. No route is missing for a moment (I6).
import { describe, expect } from "bun:test"
import { requires } from "../lab/requires.ts"
import { SERVICE_VIPS } from "./clusterFile.ts"
import { NODES, nextHopsBySession } from "./network.ts"
import { nodeNamed, rackMate, World } from "./World.ts"

const { test } = requires("root", "ip", "nft", "frr", "bird", "gobgp", "etcd")

/** Router, session and next hop, one line each. */
const chosen = async (world: World, family: "ipv4" | "ipv6"): Promise<ReadonlyArray<string>> => {
  const all = world.externals.map(async (router) =>
    Object.entries(await nextHopsBySession(router, SERVICE_VIPS[family])).map(
      ([session, hops]) => `${router.spec.host} ${session} ${hops.join("+")}`
    )
  )
  return (await Promise.all(all)).flat().sort()
}

describe("routers without additional paths", () => {
  test("one node for each session, different ones for one router, and only what a dead node had moves", async () => {
    const world = await World.create({ addPath: false, etcdMembers: 1 })
    try {
      await world.steady()
      for (const family of ["ipv4", "ipv6"] as const) {
        const lines = await chosen(world, family)
        expect(lines.length).toBe(2 * world.externals.length)
        // Six sessions over four nodes, and no two of one router name the same.
        expect(new Set(lines.map((line) => `${line.split(" ")[0]} ${line.split(" ")[2]}`)).size).toBe(lines.length)
      }
      const victim = rackMate(world.speaker("10.0.1.100"))
      const before = await chosen(world, "ipv4")
      await world.daemon(victim).process.kill()
      const live = NODES.map((one) => one.host).filter((host) => host !== victim)
      await world.steady(live)
      const kept = before.filter((line) => !line.endsWith(` ${nodeNamed(victim).ipv4}`))
      expect((await chosen(world, "ipv4")).filter((line) => before.includes(line))).toEqual(kept)
    } finally {
      await world.dispose()
    }
  }, 120_000)
})
