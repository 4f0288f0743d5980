// Properties of the plan over random clusters and views: I2, I3, I6, I7, names, and who agrees with whom. A failing run prints its
// seed and the smallest counterexample; VIADUCT_SEED repeats it.
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { serviceKey } from "../../src/ipam/types.ts"
import { familyOf, hostPrefix, prefixAddress } from "../../src/net/ip.ts"
import type { DesiredCluster } from "../../src/plan/desired.ts"
import { planNode } from "../../src/plan/planNode.ts"
import type { ClusterStanding, NodePlan, PlannedSession } from "../../src/plan/types.ts"
import type { Member } from "../../src/plan/view.ts"
import { ip, planOf, standing } from "../plan/world.ts"
import { clusterArbitrary, FLOATING, most, some, viewArbitrary } from "./planArbitraries.ts"

const seed = Number(process.env.VIADUCT_SEED ?? 20262)
const runs = (numRuns: number) => ({ numRuns, seed })

interface World {
  readonly desired: DesiredCluster
  readonly standing: ClusterStanding
  /** A node of the file, which may not be a member. */
  readonly self: string
}

const world: fc.Arbitrary<World> = fc
  .record({
    desired: clusterArbitrary,
    seen: viewArbitrary,
    held: most(FLOATING),
    settling: fc.boolean(),
    self: fc.nat(9)
  })
  .map(({ desired, seen, held, settling, self }) => {
    const names = [...seen.members.map(({ name }) => name), ...desired.loadBalancer.nodes.map(({ name }) => name), "e"]
    const mine = desired.floatingIps.filter((address) => held.includes(address))
    return { desired, standing: standing(seen, { held: mine, settling }), self: names[self % names.length] ?? "e" }
  })

const planned = ({ desired, standing: seen, self }: World): NodePlan => planOf(desired, self, seen)

const serviceSessions = (plan: NodePlan): ReadonlyArray<PlannedSession> =>
  plan.sessions.filter(({ purpose }) => purpose === "service")

/** The members that may be next hops whatever the service, worked out the plain way. */
const able = ({ desired, standing: { view } }: World): ReadonlyArray<Member> =>
  view.members.filter((m) => {
    const file = desired.loadBalancer.nodes.find(({ address }) => address === m.address)
    if (file === undefined || m.leaving === true) return false
    return ![m.name, file.name, file.address].some((name) => view.drained.includes(name))
  })

test("there is enough in these worlds to find something", () => {
  const counts = { sessions: 0, routes: 0, claims: 0, six: 0, local: 0, layer2: 0 }
  fc.assert(
    fc.property(world, (w) => {
      const plan = planned(w)
      const sessions = serviceSessions(plan)
      counts.sessions += sessions.length
      counts.routes += sessions.reduce((n, s) => n + s.routes.length, 0)
      counts.six += sessions.filter(({ parameters }) => parameters.peerAddress.includes(":")).length
      counts.claims += plan.claims.length
      counts.local += plan.services.filter((s) => s.externalTrafficPolicy === "Local" && s.nextHops.length > 0).length
      counts.layer2 += plan.claims.filter(({ purpose }) => purpose === "service-vip").length
    }),
    runs(1000)
  )
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(15)
})

test("I2: service sessions start from held floating IPs, of the peer's family, never more than the peer wants", () => {
  fc.assert(
    fc.property(world, (w) => {
      const sessions = serviceSessions(planned(w))
      const byPeer = new Map<string, number>()
      for (const { parameters: p } of sessions) {
        expect(w.standing.held).toContain(p.localAddress)
        expect(familyOf(p.localAddress)).toBe(familyOf(p.peerAddress))
        byPeer.set(p.peerAddress, (byPeer.get(p.peerAddress) ?? 0) + 1)
      }
      for (const [address, count] of byPeer) {
        const wanted = w.desired.servicePeers.find(({ peerIp }) => peerIp === address)?.sessions ?? 2
        expect(count).toBeLessThanOrEqual(Math.max(wanted, 2))
      }
    }),
    runs(500)
  )
})

test("I3: every next hop is that of an LB node that is alive, stays and is not drained", () => {
  fc.assert(
    fc.property(world, (w) => {
      const plan = planned(w)
      const hops = new Set(able(w).flatMap(({ nextHops }) => [nextHops.ipv4, nextHops.ipv6]))
      for (const { routes } of serviceSessions(plan)) for (const { nextHop } of routes) expect(hops).toContain(nextHop)
      for (const { nextHops, left, addresses } of plan.services) {
        const names = [...nextHops, ...left].map((x) => `${x.address} ${x.node}`)
        expect(new Set(names).size).toBe(names.length)
        if (w.desired.type !== "admin" && w.desired.loadBalancer.type === "bgp" && names.length > 0)
          expect(names.length).toBe(addresses.length * w.desired.loadBalancer.nodes.length)
        for (const { reason } of left) expect(reason).not.toBe("")
      }
    }),
    runs(500)
  )
})

test("I6: every bound address that an LB node can serve is on every service session, with one single path", () => {
  fc.assert(
    fc.property(world, (w) => {
      const nodes = able(w)
      for (const session of serviceSessions(planned(w))) {
        const over = familyOf(session.parameters.peerAddress)
        for (const { address, owners } of w.standing.view.bindings) {
          const services = w.desired.services.filter((s) => owners.some((owner) => owner.service === serviceKey(s)))
          const fit = nodes.filter(({ nextHops: { ipv4, ipv6 } }) =>
            familyOf(address) === "ipv6"
              ? ipv6 !== undefined
              : ipv4 !== undefined || (over === "ipv6" && ipv6 !== undefined)
          )
          const policy = services.some((s) => s.externalTrafficPolicy === "Cluster")
          const paths = session.routes.filter(({ prefix }) => prefix === hostPrefix(address))
          if (services.length > 0 && policy && services.length === 1 && fit.length > 0)
            expect(paths.length).toBeGreaterThan(0)
          if (paths.length > 0) expect(paths.filter(({ single }) => single !== false).length).toBe(1)
          if (session.parameters.addPaths === undefined) expect(paths.length).toBeLessThanOrEqual(1)
        }
      }
    }),
    runs(500)
  )
})

test("externalTrafficPolicy Local: a service alone on its address is sent to its endpoints only (L4)", () => {
  fc.assert(
    fc.property(world, (w) => {
      for (const { namespace, name, addresses, externalTrafficPolicy, nextHops } of planned(w).services) {
        const endpoints = w.desired.endpoints
          .filter((e) => e.service === `${namespace}/${name}`)
          .flatMap((e) => e.nodes)
        const alone = addresses.every((address) => {
          const owners = w.standing.view.bindings.find((b) => b.address === address)?.owners ?? []
          return owners.filter((o) => w.desired.services.some((s) => serviceKey(s) === o.service)).length === 1
        })
        if (externalTrafficPolicy === "Cluster" || !alone) continue
        for (const hop of nextHops) {
          const at = w.standing.view.members.find((m) => m.name === hop.node)
          const file = w.desired.loadBalancer.nodes.find(({ address }) => address === at?.address)
          expect([hop.node, file?.name, file?.address].some((n) => endpoints.includes(n ?? ""))).toBe(true)
        }
      }
    }),
    runs(500)
  )
})

test("I7: nothing is announced and nothing is put on the node that no document asks for", () => {
  fc.assert(
    fc.property(world, (w) => {
      const plan = planned(w)
      const asked = new Map(w.desired.services.map((s) => [`${s.namespace}-${s.name}`, serviceKey(s)]))
      const ownersOf = (address: string) =>
        w.standing.view.bindings.find((b) => b.address === address)?.owners.map((o) => o.service) ?? []
      for (const { routes, purpose } of plan.sessions)
        for (const { name, prefix } of routes) {
          if (purpose === "control-plane") expect(prefix).toBe(hostPrefix(ip("10.0.0.8")))
          else expect(ownersOf(prefixAddress(prefix))).toContain(asked.get(name) ?? "nobody")
        }
      const served = new Set(w.desired.services.map(serviceKey))
      for (const { address } of [...plan.addresses, ...plan.claims]) {
        const known = address === "10.0.0.8" || w.desired.floatingIps.includes(address)
        expect(known || ownersOf(address).some((key) => served.has(key))).toBe(true)
      }
      if (w.desired.type === "admin" || w.desired.loadBalancer.type === "layer2")
        expect(serviceSessions(plan)).toEqual([])
      if (w.desired.loadBalancer.vipInterface === "none") expect(plan.addresses).toEqual([])
    }),
    runs(500)
  )
})

describe("names", () => {
  const namesOf = (plan: NodePlan) => new Map(plan.sessions.map(({ key, name }) => [key, name]))

  test("and keys are unique, and so are path identifiers within a prefix", () => {
    fc.assert(
      fc.property(world, (w) => {
        const { sessions } = planned(w)
        expect(new Set(sessions.map(({ key }) => key)).size).toBe(sessions.length)
        expect(new Set(sessions.map(({ name }) => name)).size).toBe(sessions.length)
        for (const { routes } of sessions)
          expect(new Set(routes.map(({ prefix, pathId }) => `${prefix} ${pathId}`)).size).toBe(routes.length)
      }),
      runs(500)
    )
  })

  test("stay while their session lives, whatever comes and goes", () => {
    fc.assert(
      fc.property(world, fc.array(some(FLOATING), { minLength: 1, maxLength: 5 }), (w, holdings) => {
        let names = namesOf(planned(w))
        for (const held of holdings) {
          const mine = w.desired.floatingIps.filter((address) => held.includes(address))
          const next = namesOf(planned({ ...w, standing: { ...w.standing, held: mine, sessionNames: names } }))
          for (const [key, name] of next) if (names.has(key)) expect(name).toBe(names.get(key) ?? "")
          expect(new Set(next.values()).size).toBe(next.size)
          names = next
        }
      }),
      runs(300)
    )
  })
})

describe("nodes that see the same", () => {
  test("assign alike, agree on the sessions of a peer, and on what each session announces", () => {
    fc.assert(
      fc.property(world, (w) => {
        const all = { ...w.standing, held: w.desired.floatingIps }
        const plans = w.standing.view.members.map(({ name }) => planned({ ...w, standing: all, self: name }))
        const [first, ...others] = plans.map((plan) => ({
          assignments: plan.assignments,
          services: plan.services,
          sessions: serviceSessions(plan).map(({ key, parameters, routes }) => ({ key, parameters, routes }))
        }))
        for (const other of others) expect(other).toEqual(first as NonNullable<typeof first>)
      }),
      runs(200)
    )
  })

  test("claim each address at most once together", () => {
    fc.assert(
      fc.property(world, (w) => {
        const claims = w.standing.view.members.flatMap(({ name }) =>
          planned({ ...w, self: name }).claims.map(({ address }) => address)
        )
        expect(new Set(claims).size).toBe(claims.length)
      }),
      runs(200)
    )
  })
})

test("without a word from the store the control plane is planned as with it", () => {
  fc.assert(
    fc.property(world, (w) => {
      if (w.desired.loadBalancer.type === "layer2") return
      const parts = (plan: NodePlan) =>
        plan.sessions.filter(({ purpose }) => purpose === "control-plane").map(({ key, routes }) => [key, routes])
      const alone = { name: w.self, addresses: [] }
      const self = w.desired.controlPlaneNodes[0]
      if (self === undefined) return
      const before = planNode(w.desired, alone, self)
      expect(parts(before)).toEqual(parts(planNode(w.desired, { ...alone, cluster: w.standing }, self)))
      expect([before.claims, serviceSessions(before)]).toEqual([[], []])
    }),
    runs(200)
  )
})
