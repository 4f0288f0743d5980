// Stores of configs of several nodes over one store in memory, under a clock that the test moves: each with its own file, its own link to
// the store, and somebody who follows at once what it says. A node can be ended and started again.
import { Cause, Context, Effect, Exit, Layer, Logger, PubSub, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type MemoryStore, makeMemoryStore } from "../../src/adapters/memory/MemoryStore.ts"
import type { ApplyRequest } from "../../src/config/change.ts"
import type { Address } from "../../src/net/ip.ts"
import { ClusterStore } from "../../src/ports/ClusterStore.ts"
import { ConfigSource, ConfigSourceError } from "../../src/ports/ConfigSource.ts"
import { LinkControl } from "../../src/ports/LinkControl.ts"
import { Cluster } from "../../src/services/Cluster.ts"
import { ConfigStore } from "../../src/services/ConfigStore.ts"

export const peerText = (name: string, peerIP: string, more = "") =>
  `apiVersion: networking.gke.io/v1\nkind: BGPPeer\nmetadata: {name: ${name}, labels: {use: "yes"}${more}}\n` +
  `spec: {localASN: 65001, peerASN: 65002, peerIP: ${peerIP}, sessions: 1}\n`

/** A valid cluster of two nodes; `documents` are appended. */
export const clusterText = (vip = "10.0.0.8", documents: ReadonlyArray<string> = [], name = "bm") =>
  [
    `apiVersion: baremetal.cluster.gke.io/v1
kind: Cluster
metadata: {name: ${name}}
spec:
  type: hybrid
  controlPlane: {nodePoolSpec: {nodes: [{address: 10.0.1.10, name: node-1}, {address: 10.0.1.11, name: node-2}]}}
  clusterNetwork: {advancedNetworking: true, services: {cidrBlocks: [10.96.0.0/16]}}
  loadBalancer:
    type: bgp
    localASN: 65001
    bgpPeers: [{ip: 10.0.1.253, asn: 65002}, {ip: 10.0.1.254, asn: 65002}]
    vips: {controlPlaneVIP: ${vip}}
    addressPools: [{name: lan, addresses: [10.0.5.1-10.0.5.9]}]
`,
    "apiVersion: networking.gke.io/v1\nkind: NetworkGatewayGroup\nmetadata: {name: default}\nspec: {floatingIPs: [10.0.1.100]}\n",
    'apiVersion: networking.gke.io/v1\nkind: BGPLoadBalancer\nmetadata: {name: default}\nspec: {peerSelector: {use: "yes"}}\n',
    peerText("tor-a", "10.0.1.253"),
    ...documents
  ].join("---\n")

export interface NodeSpec {
  readonly name?: "node-1" | "node-2"
  readonly kind?: "embedded"
  readonly local?: boolean
  /** How long the kernel takes to tell its addresses, in ms. */
  readonly kernelMs?: number
}

export interface ConfigNode {
  readonly configs: ConfigStore["Service"]
  readonly cluster: Cluster["Service"]
  /** Writes the file and tells that it has changed; undefined: there is none. */
  readonly edit: (text: string | undefined) => Effect.Effect<void>
  /** kill -9. */
  readonly end: Effect.Effect<void>
}

export interface ConfigWorld {
  readonly memory: MemoryStore
  readonly log: ReadonlyArray<string>
  /** What the node's files say before it starts; kept over restarts, as is its data directory. */
  readonly files: Map<string, string | undefined>
  readonly start: (spec?: NodeSpec) => Effect.Effect<ConfigNode, { readonly message: string }, Scope.Scope>
}

const addressOf = { "node-1": "10.0.1.10", "node-2": "10.0.1.11" } as const

export const apply = (node: ConfigNode, text: string, more: Partial<ApplyRequest> = {}) =>
  node.configs.apply({ change: { type: "files", files: [{ path: "cluster.yaml", text }] }, by: "root", ...more })

/** Time goes on, in steps in which everything that is due happens. */
export const pass = (ms: number) =>
  Effect.gen(function* () {
    for (let left = ms; left > 0; left -= 50) yield* TestClock.adjust(Math.min(50, left))
  })

/** Waits for it while time goes on. */
export const within = <A, E, R>(effect: Effect.Effect<A, E, R>, ms = 10_000) =>
  Effect.raceFirst(effect, Effect.andThen(pass(ms), Effect.die(new Error(`not within ${ms} ms`))))

const startIn = Effect.fnUntraced(function* (
  memory: MemoryStore,
  files: Map<string, string | undefined>,
  copies: Map<string, string>,
  { name = "node-1", kind, local = false, kernelMs = 0 }: NodeSpec
) {
  const scope = yield* Effect.acquireRelease(Scope.make(), (one) => Scope.close(one, Exit.void))
  const edited = yield* PubSub.unbounded<void>()
  const store = Layer.effect(
    ClusterStore,
    Effect.map(ClusterStore, (inner) => ({ ...inner, kind: kind ?? inner.kind, name: "the store" }))
  ).pipe(Layer.provide(memory.layerFor(name)))
  const source = Layer.succeed(ConfigSource, {
    name: files.has(name) ? "cluster.yaml" : "",
    read: Effect.suspend(() => {
      if (!files.has(name)) return Effect.succeed([])
      const text = files.get(name)
      return text === undefined
        ? Effect.fail(new ConfigSourceError({ message: "cluster.yaml: there is no such file or directory" }))
        : Effect.succeed([{ path: "cluster.yaml", text }])
    }),
    changes: Stream.fromPubSub(edited)
  })
  const link = Layer.succeed(LinkControl, {
    addresses: Effect.as(kernelMs === 0 ? Effect.void : Effect.sleep(kernelMs), [
      { address: addressOf[name] as Address, prefixLength: 24, interface: "eth0", ours: false }
    ]),
    interfaces: Effect.succeed([]),
    add: () => Effect.succeed(true),
    hold: () => Effect.succeed(true),
    remove: () => Effect.succeed(true),
    watch: () => Effect.void
  })
  const options = {
    hostname: name,
    local,
    copy: {
      read: Effect.sync(() => copies.get(name)),
      write: (text: string) => Effect.sync(() => void copies.set(name, text))
    }
  }
  const services = ConfigStore.layer(options).pipe(
    Layer.provideMerge(Cluster.layer({ leaseSeconds: 3 })),
    Layer.provide(Layer.mergeAll(store, source, link))
  )
  const context = yield* Layer.buildWithMemoMap(services, Layer.makeMemoMapUnsafe(), scope)
  const configs = Context.get(context, ConfigStore)
  configs.introduce(() => ({ name, addresses: [] }))
  const follow = Effect.sync(() => {
    const config = configs.current()
    if (config !== undefined) configs.took(config)
  })
  yield* Effect.forkIn(
    Stream.runForEach(configs.changes, () => follow),
    scope,
    { startImmediately: true }
  )
  yield* within(configs.start)
  yield* follow
  const node: ConfigNode = {
    configs,
    cluster: Context.get(context, Cluster),
    edit: (text) =>
      Effect.andThen(
        Effect.sync(() => void files.set(name, text)),
        Effect.andThen(PubSub.publish(edited, undefined), pass(1_000))
      ),
    end: Effect.asVoid(Scope.close(scope, Exit.void))
  }
  return node
})

/** Runs `body` in a world of its own. */
export const inConfigWorld = async (
  body: (world: ConfigWorld) => Effect.Effect<void, { readonly message: string }, Scope.Scope>
): Promise<void> => {
  const log: Array<string> = []
  const logger = Logger.make(({ message }) => void log.push(String(message)))
  const program = Effect.gen(function* () {
    const memory = yield* makeMemoryStore
    const files = new Map<string, string | undefined>()
    const copies = new Map<string, string>()
    yield* body({ memory, files, log, start: (spec = {}) => startIn(memory, files, copies, spec) })
  })
  const exit = await Effect.runPromiseExit(
    Effect.scoped(program).pipe(Effect.provide(Layer.merge(TestClock.layer(), Logger.layer([logger])), { local: true }))
  )
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
}
