// Properties of a change over random pairs of configs and random views: equal meaning is no line, every line is about a node that
// there is, no session goes without a line, and nobody's last session goes without a guard (I5). VIADUCT_SEED repeats a run.
import { expect, test } from "bun:test"
import fc from "fast-check"
import { VERDICTS } from "../../src/plan/change.ts"
import { worldOf } from "../../src/plan/changeWorld.ts"
import { changeOf, movesNothing } from "../../src/plan/clusterChange.ts"
import type { DesiredCluster } from "../../src/plan/desired.ts"
import { allNodes } from "../../src/plan/findSelf.ts"
import type { ClusterView } from "../../src/plan/view.ts"
import { clusterArbitrary, viewArbitrary } from "./planArbitraries.ts"

const seed = Number(process.env.VIADUCT_SEED ?? 20262)
const runs = (numRuns: number) => ({ numRuns, seed })

interface Pair {
  readonly before: DesiredCluster
  readonly after: DesiredCluster
  readonly view: ClusterView | undefined
}

/** Often the two differ in one part only, as changes do. */
const pair: fc.Arbitrary<Pair> = fc
  .record({
    before: clusterArbitrary,
    other: clusterArbitrary,
    seen: fc.option(viewArbitrary, { nil: undefined, freq: 6 }),
    part: fc.constantFrom("all", "peers", "floatingIps", "services", "nodes", "loadBalancer")
  })
  .map(({ before, other, seen, part }) => {
    const after: Readonly<Record<typeof part, DesiredCluster>> = {
      all: other,
      peers: { ...before, servicePeers: other.servicePeers },
      floatingIps: { ...before, floatingIps: other.floatingIps },
      services: { ...before, services: other.services, endpoints: other.endpoints },
      nodes: { ...before, controlPlaneNodes: other.controlPlaneNodes, workerNodes: other.workerNodes },
      loadBalancer: { ...before, loadBalancer: other.loadBalancer }
    }
    return { before, after: after[part], view: seen }
  })

const reversed = (cluster: DesiredCluster): DesiredCluster => ({
  ...cluster,
  loadBalancer: {
    ...cluster.loadBalancer,
    controlPlanePeers: cluster.loadBalancer.controlPlanePeers.toReversed()
  },
  floatingIps: cluster.floatingIps.toReversed(),
  servicePeers: cluster.servicePeers.toReversed(),
  services: cluster.services.toReversed()
})

const sessions = (cluster: DesiredCluster, view: ClusterView | undefined) => {
  const none = new Set<never>()
  const known = { view, self: undefined, supposed: none, leaving: none, nowMs: 0 }
  const world = worldOf(cluster, { ...known, force: false, inForce: true })
  return new Map(
    [...world.nodes.values()].map(({ name, plan, alive }) => {
      const all = plan().sessions
      const controlPlane = all.filter(({ purpose }) => purpose === "control-plane").length
      return [name, { alive, keys: all.map(({ key }) => key), controlPlane }]
    })
  )
}

test("the same config is no line, nor is one that lists the same in another order", () => {
  fc.assert(
    fc.property(pair, ({ before, view }) => {
      expect(changeOf({ before, after: before, view, nowMs: 0 })).toEqual({
        lines: [],
        guards: [],
        summary: "nothing moves"
      })
      expect(changeOf({ before, after: reversed(before), view, nowMs: 0 }).lines).toEqual([])
    }),
    runs(300)
  )
})

test("every line is of a node that one of the two configs has or that is a member, most harmful first", () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(pair, ({ before, after, view }) => {
      const { lines, summary } = changeOf({ before, after, view, nowMs: 0 })
      const names = new Set([
        ...[...allNodes(before), ...allNodes(after)].map(({ name }) => name),
        ...(view?.members ?? []).map(({ name }) => name)
      ])
      for (const { node, verdict, subject, detail, parameters } of lines) {
        seen.set(verdict, (seen.get(verdict) ?? 0) + 1)
        if (node !== undefined) expect(names).toContain(node)
        expect(subject.length * detail.length).toBeGreaterThan(0)
        expect(verdict === "session reset").toBe(parameters !== undefined)
      }
      const harm = lines.map(({ verdict }) => VERDICTS.indexOf(verdict))
      expect(harm).toEqual(harm.toSorted((a, b) => b - a))
      expect(new Set(lines.map((l) => `${l.verdict} ${l.node} ${l.subject}`)).size).toBe(lines.length)
      expect(summary === "nothing moves").toBe(movesNothing({ lines }))
    }),
    runs(500)
  )
  // Resets come of a change of the families here, and of nothing else.
  expect([...seen.keys()].toSorted()).toEqual([...VERDICTS].filter((verdict) => seen.has(verdict)).toSorted())
  expect(seen.size).toBeGreaterThanOrEqual(VERDICTS.length - 2)
})

test("no session comes or goes without a line, and no node's last one without a guard", () => {
  let guarded = 0
  fc.assert(
    fc.property(pair, ({ before, after, view }) => {
      const { lines, guards } = changeOf({ before, after, view, nowMs: 0 })
      const was = sessions(before, view)
      const removed = lines.filter(({ verdict }) => verdict === "session removed")
      for (const [name, { alive, keys, controlPlane }] of was) {
        const gone = removed.filter(({ node }) => node === name).length
        expect(gone).toBeLessThanOrEqual(keys.length)
        const added = lines.filter(({ verdict, node }) => verdict === "session added" && node === name).length
        const subjects = guards.filter(({ subject }) => subject === `node ${name}`).map(({ type }) => type)
        const lastGoes = keys.length > 0 && gone === keys.length && added === 0
        expect(subjects.includes("last-session")).toBe(alive && lastGoes)
        const loses =
          controlPlane > 0 && !after.controlPlaneNodes.some((node) => before.controlPlaneNodes.includes(node))
        if (alive && loses && after.loadBalancer.type === "bgp" && after.loadBalancer.controlPlanePeers.length === 0)
          expect(subjects.length).toBe(1)
        guarded += subjects.length
      }
    }),
    runs(500)
  )
  expect(guarded).toBeGreaterThan(25)
})

test("a control-plane VIP that was announced and is not any more has a guard", () => {
  fc.assert(
    fc.property(pair, ({ before, after, view }) => {
      const { guards } = changeOf({ before, after, view, nowMs: 0 })
      const announced = (cluster: DesiredCluster) =>
        [...sessions(cluster, view).values()].some(({ controlPlane }) => controlPlane > 0)
      if (before.loadBalancer.type === "layer2" || after.loadBalancer.type === "layer2") return
      const lost = announced(before) && !announced(after)
      const guard = guards.some(({ subject }) => subject === "control-plane VIP 10.0.0.8")
      expect(guard).toBe(lost)
    }),
    runs(500)
  )
})
