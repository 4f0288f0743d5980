// The operator's side over nodes in memory that answer when a seed says so: no address is announced by two checks at a time, sessions and
// addresses outlive whatever needs them and nothing else, routes are withdrawn before the address goes (I8), and an
// interrupted run has everything ended.
import { describe, expect, test } from "bun:test"
import { Cause, Deferred, Effect, Exit, Fiber, Queue, Random, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { Address } from "../../src/net/ip.ts"
import type { PreflightEvent, PreflightRequest, RequestOf, SessionEvent } from "../../src/preflight/protocol.ts"
import type { Check, Outcome } from "../../src/preflight/types.ts"
import { severityOf } from "../../src/preflight/types.ts"
import { NodeCallError, type NodeCalls, runPreflight } from "../../src/services/PreflightRun.ts"
import { cluster, facts, planned } from "../preflight/world.ts"

interface Held {
  readonly node: string
  readonly request: RequestOf<"bgp" | "address" | "answer">
  readonly end: Deferred.Deferred<void>
}

const up: SessionEvent = {
  _tag: "session",
  state: "Established",
  furthest: "Established",
  negotiated: {
    holdTime: 9,
    families: ["ipv4-unicast", "ipv6-unicast"],
    peerCapabilities: ["four-octet-as", "graceful-restart"],
    addPathSend: ["ipv4-unicast", "ipv6-unicast"]
  }
}

/** Nodes that keep what they hold by name, and say at once what is against the rules. */
class Nodes {
  readonly held = new Map<string, Held>()
  readonly routes = new Map<string, ReadonlyArray<string>>()
  readonly wrong: Array<string> = []
  readonly done: Array<string> = []
  /** Nodes that answer nothing any more. */
  readonly dead = new Set<string>()
  /** What a node says instead of what it would. */
  readonly says: (node: string, request: PreflightRequest) => PreflightEvent | undefined
  probing: Array<string> = []
  most = 0

  constructor(says: Nodes["says"] = () => undefined) {
    this.says = says
  }

  get calls(): NodeCalls {
    return {
      keep: () => Effect.void,
      perform: (node, request) =>
        Stream.callback<PreflightEvent, NodeCallError>((queue) =>
          Effect.gen({ self: this }, function* () {
            yield* Effect.sleep(yield* Random.nextIntBetween(1, 30))
            if (this.dead.has(node)) return yield* new NodeCallError({ message: `${node} does not answer any more` })
            const { offerUnsafe, end } = Queue
            const emit = (event: PreflightEvent) => offerUnsafe(queue, event)
            const instead = this.says(node, request)
            if (instead !== undefined) emit(instead)
            else yield* this.perform(node, request, emit)
            yield* end(queue)
          })
        )
    }
  }

  private perform(node: string, request: PreflightRequest, emit: (event: PreflightEvent) => void) {
    return Effect.gen({ self: this }, function* () {
      switch (request._tag) {
        case "bgp":
          return yield* this.hold(node, request, emit, up)
        case "address":
          this.check(
            ![...this.held.values()].some(
              (one) => one.request._tag === "address" && one.request.address === request.address
            ),
            `${request.address} is put on twice`
          )
          return yield* this.hold(node, request, emit, { _tag: "ready" })
        case "answer":
          return yield* this.hold(node, request, emit, { _tag: "listening", port: 4_000 })
        case "end": {
          const key = `${node} ${request.id}`
          const one = this.held.get(key)
          if (one !== undefined) yield* this.undo(key, one)
          return emit({ _tag: "ready" })
        }
        case "routes":
          this.check(this.held.has(`${node} ${request.id}`), `routes for ${request.id}, which is not held`)
          this.check(
            request.routes.length === 0 || (this.routes.get(request.id) ?? []).length === 0,
            `${request.id} is told other routes while it announces some`
          )
          this.routes.set(
            request.id,
            request.routes.map(({ prefix }) => prefix)
          )
          for (const prefix of request.routes.map((one) => one.prefix)) {
            const others = [...this.routes].filter(([id, prefixes]) => id !== request.id && prefixes.includes(prefix))
            this.check(others.length === 0, `${prefix} is announced over ${request.id} and ${others.map(([id]) => id)}`)
          }
          return emit({ _tag: "ready" })
        case "probe":
          this.probing.push(node)
          this.most = Math.max(this.most, new Set(this.probing).size)
          yield* Effect.sleep(yield* Random.nextIntBetween(1, 50))
          this.probing.splice(this.probing.indexOf(node), 1)
          return emit({ _tag: "probed", reached: true, tookMs: 1, attempts: 1 })
        case "survey":
          return emit({ _tag: "surveyed", answers: [], lost: 0 })
        case "ping":
          return emit({
            _tag: "pinged",
            answered: !/^(?:10\.0\.0\.|2001:db8::8)/.test(request.target) && !request.target.startsWith("203.")
          })
        case "mtu":
          return emit({ _tag: "mtu", octets: request.octetsMax, blackHole: false })
        case "neighbours":
          return emit({ _tag: "neighbours", owners: [] })
        case "connect":
          return emit({ _tag: "connected", tookMs: 1 })
      }
    })
  }

  private hold(node: string, request: Held["request"], emit: (event: PreflightEvent) => void, first: PreflightEvent) {
    return Effect.gen({ self: this }, function* () {
      const key = `${node} ${request.id}`
      this.check(!this.held.has(key), `${key} is held twice`)
      const one: Held = { node, request, end: yield* Deferred.make<void>() }
      this.held.set(key, one)
      emit(first)
      yield* Deferred.await(one.end)
    })
  }

  private undo(key: string, { request, end }: Held) {
    if (request._tag === "address") {
      const prefix = `${request.address}/32`
      this.check(![...this.routes.values()].flat().includes(prefix), `${prefix} goes while it is announced`)
      const from = [...this.held.values()].filter(
        (one) => one.request._tag === "bgp" && one.request.session.localAddress === request.address
      )
      this.check(from.length === 0, `${request.address} goes while sessions start from it`)
    }
    this.held.delete(key)
    this.routes.delete(request.id)
    this.done.push(key)
    return Deferred.succeed(end, undefined)
  }

  private check(holds: boolean, otherwise: string): void {
    if (!holds) this.wrong.push(otherwise)
  }
}

interface Setting {
  readonly seed?: number
  readonly checks?: ReadonlyArray<Check>
  readonly nodes?: Nodes
  /** Called every 10 ms of the run; true: Ctrl+C. */
  readonly interrupt?: (nodes: Nodes, outcomes: ReadonlyArray<Outcome>) => boolean
}

const run = async ({ seed = 1, checks = planned(), nodes = new Nodes(), interrupt = () => false }: Setting) => {
  const outcomes: Array<Outcome> = []
  const program = Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(
      runPreflight(checks, nodes.calls, {
        run: "r",
        parallel: 4,
        timeoutMs: 3_000,
        nodes: ["node-01", "node-02", "node-03"],
        macs: new Map(),
        observe: {
          started: () => undefined,
          finished: (outcome) => void outcomes.push(outcome),
          heard: () => undefined
        }
      })
    )
    for (let n = 0; n < 20_000 && fiber.pollUnsafe() === undefined; n++) {
      yield* TestClock.adjust("10 millis")
      if (!interrupt(nodes, outcomes)) continue
      const ending = yield* Effect.forkChild(Fiber.interrupt(fiber))
      for (let m = 0; m < 1_000 && ending.pollUnsafe() === undefined; m++) yield* TestClock.adjust("10 millis")
      return
    }
    yield* Fiber.join(fiber)
  })
  const exit = await Effect.runPromiseExit(
    program.pipe(Random.withSeed(seed), Effect.provide(TestClock.layer(), { local: true }))
  )
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
  return { nodes, outcomes }
}

/** Two VIPs over each session. */
const dualStack = (): ReadonlyArray<Check> => {
  const six = (rack: number, last: number) => ({
    address: `2001:db8:${rack}::${last}` as Address,
    prefixLength: 64,
    interface: "eth0",
    ours: false
  })
  return planned(cluster({ vip: ["10.0.0.8", "2001:db8::8"] }), {
    "node-01": { addresses: [...facts("10.0.1.10").addresses, six(1, 10)] },
    "node-02": { addresses: [...facts("10.0.1.11").addresses, six(1, 11)] },
    "node-03": { addresses: [...facts("10.0.2.10").addresses, six(2, 10)] }
  })
}

const bySeverity = (outcomes: ReadonlyArray<Outcome>, severity: string): ReadonlyArray<string> =>
  outcomes.filter(({ findings }) => severityOf(findings) === severity).map(({ check }) => check.id)

describe("a run to its end", () => {
  test("every check is over once, by the rules, and nothing is left, whatever the order of the answers", async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const checks = seed % 2 === 0 ? planned() : dualStack()
      const { nodes, outcomes } = await run({ seed, checks })
      expect(nodes.wrong).toEqual([])
      expect(outcomes.map(({ check }) => check.id).sort()).toEqual(checks.map(({ id }) => id).sort())
      expect(bySeverity(outcomes, "failed")).toEqual([])
      expect([...nodes.held.keys()]).toEqual([])
      // The two other nodes are asked at the same time.
      expect(nodes.most).toBeGreaterThan(1)
    }
  }, 20_000)

  test("an address that somebody answers at is not announced; the sessions are tried all the same", async () => {
    const says: Nodes["says"] = (_, request) =>
      request._tag === "ping" && request.target === "10.0.0.8" ? { _tag: "pinged", answered: true } : undefined
    const { nodes, outcomes } = await run({ nodes: new Nodes(says) })
    expect(bySeverity(outcomes, "failed")).toEqual(["free 10.0.0.8"])
    expect(nodes.done.filter((key) => key.includes("10.0.0.8"))).toEqual([])
    expect(bySeverity(outcomes, "skipped").every((id) => id.includes("10.0.0.8"))).toBe(true)
    expect(bySeverity(outcomes, "ok").filter((id) => id.startsWith("session")).length).toBe(10)
  })

  test("a stranger's address on the segment is neither put on nor announced", async () => {
    const says: Nodes["says"] = (node, request) =>
      request._tag === "neighbours" && node === "node-01" && request.addresses[0] === "10.0.1.100"
        ? { _tag: "neighbours", owners: [{ address: "10.0.1.100", mac: "02:00:00:00:00:99" }] }
        : undefined
    const { nodes, outcomes } = await run({ nodes: new Nodes(says) })
    expect(bySeverity(outcomes, "failed")).toEqual(["conflict node-01 10.0.1.100"])
    expect(nodes.done.filter((key) => key.includes("address node-01"))).toEqual([])
    expect(bySeverity(outcomes, "skipped")).toContain("session node-01 10.0.1.100 10.8.0.10:179")
  })

  test("a session that stays down fails when its time is up, and what needs it is not tried", async () => {
    const says: Nodes["says"] = (_, request) =>
      request._tag === "bgp" &&
      request.session.localAddress === "10.0.1.10" &&
      request.session.peerAddress === "10.8.0.10"
        ? { _tag: "session", state: "Active", furthest: "Connect", reason: "no answer" }
        : undefined
    const { outcomes } = await run({ nodes: new Nodes(says) })
    expect(bySeverity(outcomes, "failed")).toEqual(["session node-01 10.0.1.10 10.8.0.10:179"])
    expect(bySeverity(outcomes, "skipped")).toEqual([
      "delivery session node-01 10.0.1.10 10.8.0.10:179 10.0.0.8 node-01"
    ])
  })

  test("a node that is lost in the middle fails what is tried on it, and the rest comes to its end", async () => {
    const nodes = new Nodes()
    const { outcomes } = await run({
      nodes,
      interrupt: (_, sofar) => {
        if (sofar.some(({ check }) => check.kind === "delivery")) nodes.dead.add("node-02")
        return false
      }
    })
    expect(outcomes.length).toBe(planned().length)
    const failed = bySeverity(outcomes, "failed")
    expect(failed.length).toBeGreaterThan(0)
    expect(failed.every((id) => id.includes("node-02"))).toBe(true)
  })
})

describe("a run that is interrupted", () => {
  test("at any moment: everything that was held is ended, by the rules", async () => {
    for (let at = 5; at <= 400; at += 15) {
      let ticks = 0
      const { nodes } = await run({ seed: at, interrupt: () => ++ticks === at })
      expect({ at, held: [...nodes.held.keys()], wrong: nodes.wrong }).toEqual({ at, held: [], wrong: [] })
    }
  }, 30_000)
})
