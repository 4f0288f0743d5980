// The ports of one node's services, bound to the world: its machine's kernel, its segment, the network, its way to the store, the
// documents. Everything that comes from outside goes through the process, so that a frozen one hears nothing and a killed one
// never again, while the outside goes on.
import { Effect, Layer, Scope, Stream } from "effect"
import type { MemoryStore } from "../adapters/memory/MemoryStore.ts"
import { configKey } from "../cluster/layout.ts"
import { readRevision, revisionOfKey, revisionValue } from "../cluster/revisions.ts"
import type { Address } from "../net/ip.ts"
import { ClusterStore, type StoreEntry, StoreError, type StoreNews } from "../ports/ClusterStore.ts"
import { ConfigSource } from "../ports/ConfigSource.ts"
import { LinkControl } from "../ports/LinkControl.ts"
import { Neighbours } from "../ports/Neighbours.ts"
import { SecretError, Secrets } from "../ports/Secrets.ts"
import { Transport, TransportError } from "../ports/Transport.ts"
import type { Machine } from "./Machine.ts"
import type { Network } from "./Network.ts"
import type { Process } from "./Process.ts"
import type { World } from "./World.ts"

const loopback = { name: "lo", mac: "00:00:00:00:00:00", up: true }

const links = (machine: Machine, owner: Process) =>
  Layer.succeed(LinkControl, {
    addresses: Effect.sync(() =>
      machine.addresses.map(({ address, prefixLength, interface: name, ours }) => ({
        address,
        prefixLength,
        interface: name,
        ours
      }))
    ),
    interfaces: Effect.sync(() => [loopback, { name: "eth0", mac: machine.mac, up: machine.powered }]),
    add: (local) => Effect.sync(() => machine.put(local, true)),
    hold: (local, seconds) => Effect.sync(() => machine.put(local, true, seconds)),
    remove: (local) => Effect.sync(() => machine.drop(local.address, "daemon")),
    watch: (changed) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const told = () => owner.tell(changed)
          machine.watchers.add(told)
          owner.onEnd(() => machine.watchers.delete(told))
          return told
        }),
        (told) => Effect.sync(() => machine.watchers.delete(told))
      ).pipe(Effect.asVoid)
  })

const neighbours = (machine: Machine, owner: Process) =>
  Layer.succeed(Neighbours, {
    open: (_, hear) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const heard: typeof hear = (message) => owner.tell(() => hear(message))
          machine.hearers.add(heard)
          owner.onEnd(() => machine.hearers.delete(heard))
          return heard
        }),
        (heard) => Effect.sync(() => machine.hearers.delete(heard))
      ).pipe(
        Effect.as({
          mac: machine.mac,
          probe: (address: Address) => Effect.sync(() => machine.say("probe", address)),
          announce: (address: Address) => Effect.sync(() => machine.say("announcement", address))
        })
      )
  })

export const transport = (network: Network, machine: Machine, owner: Process) =>
  Layer.succeed(Transport, {
    dial: (request) =>
      Effect.callback((resume) => {
        let wanted = true
        const giveUp = network.dial(machine, owner, request, (result) =>
          owner.tell(() => {
            if (typeof result === "string") resume(Effect.fail(new TransportError({ message: result })))
            else if (wanted) resume(Effect.succeed(result))
            else result.close(true)
          })
        )
        return Effect.sync(() => {
          wanted = false
          giveUp()
        })
      }),
    listen: (localAddress, port, onConnection) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          const listening = network.listen(machine, owner, localAddress, port, onConnection)
          return typeof listening === "string"
            ? Effect.fail(new TransportError({ message: listening }))
            : Effect.succeed(listening)
        }),
        ({ stop }) => Effect.sync(stop)
      ).pipe(
        Effect.map(({ expected }) => ({
          port,
          expect: (peer) => Effect.sync(() => void expected.set(peer.peerAddress, peer)),
          unexpect: (peer) => Effect.sync(() => void expected.delete(peer))
        }))
      )
  })

/** How a node's requests to the store fail beyond what its link does. */
export interface StoreTrouble {
  /** Chance that a request gets no answer; whether it was done is then as likely as not. */
  loss: number
}

/** Mistakes that a program could have, planted to prove that the checkers see them. */
export interface Planted {
  /** Happens to news of the store on their way to a node; undefined: they get lost. */
  news?: (news: StoreNews, node: string) => StoreNews | undefined
  /** What a node reads instead of the documents that the store has. */
  documents?: (text: string, node: string) => string
  /** VIPs are taken off as soon as other documents come. */
  hasty?: boolean
  /** What the daemons do, whatever the documents say. */
  onStoreLoss?: "hold" | "release"
}

/** News take this much longer than answers, in ms; their order is kept. */
const newsLateMs = 1

/** How long a request that is lost is waited for, in ms. */
export const patienceMs = 5_000

const store = (
  world: World,
  memory: MemoryStore,
  node: string,
  owner: Process,
  trouble: StoreTrouble,
  planted: Planted,
  machine: Machine
) => {
  /** The mistakes that are about documents. */
  const misread = (news: StoreNews): StoreNews => {
    const { documents } = planted
    const entry = (one: StoreEntry): StoreEntry => {
      const record = revisionOfKey(one.key) === undefined ? undefined : readRevision(one.value)
      if (record === undefined || documents === undefined) return one
      const files = record.files.map(({ path, text }) => ({ path, text: documents(text, node) }))
      return { ...one, value: revisionValue({ ...record, files }) }
    }
    if (news.type === "snapshot") return { ...news, entries: news.entries.map(entry) }
    if (news.type !== "changes") return news
    const puts = news.changes.flatMap((change) => (change.type === "put" ? [change.entry.key] : []))
    if (planted.hasty === true && puts.includes(configKey))
      for (const { address, interface: name } of machine.addresses) if (name === "lo") machine.drop(address, "daemon")
    const changes = news.changes.map((change) =>
      change.type === "put" ? { ...change, entry: entry(change.entry) } : change
    )
    return { ...news, changes }
  }
  const ask = <A>(what: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> => {
    // An answer may come before the news of what it answers to, or after.
    const jitter = Effect.sleep(world.chance.next() * 2)
    if (!world.chance.happens(trouble.loss)) return owner.outside(Effect.tap(what, () => jitter))
    const lost = new StoreError({ reason: "unreachable", message: "no answer from the store" })
    const anyway = world.chance.happens(0.5) ? Effect.ignore(what) : Effect.void
    return owner.outside(anyway.pipe(Effect.andThen(Effect.sleep(patienceMs)), Effect.andThen(Effect.fail(lost))))
  }
  return Layer.effect(
    ClusterStore,
    Effect.map(ClusterStore, (inner) => ({
      ...inner,
      read: (prefix) => ask(inner.read(prefix)),
      commit: (transaction) => ask(inner.commit(transaction)),
      grant: (seconds) => ask(inner.grant(seconds)),
      keepAlive: (lease) => ask(inner.keepAlive(lease)),
      revoke: (lease) => ask(inner.revoke(lease)),
      watch: (prefix, onNews) => {
        const told = (heard: StoreNews) => {
          const news = misread(heard)
          const said = planted.news === undefined ? news : planted.news(news, node)
          if (said !== undefined) world.after(newsLateMs, () => owner.tell(() => onNews(said)))
        }
        return owner.outside(inner.watch(prefix, told).pipe(Scope.provide(owner.scope)))
      }
    }))
  ).pipe(Layer.provide(memory.layerFor(node)))
}

export interface NodePorts {
  readonly world: World
  readonly machine: Machine
  readonly owner: Process
  readonly network: Network
  readonly memory: MemoryStore
  readonly node: string
  readonly trouble: StoreTrouble
  readonly planted: Planted
  /** The file that was put on every node at the beginning. */
  readonly documents: string
}

export const noSecrets = Layer.succeed(Secrets, {
  read: (path) => Effect.fail(new SecretError({ message: `${path}: there are no secrets in the simulation` }))
})

export const nodePorts = (ports: NodePorts) =>
  Layer.mergeAll(
    links(ports.machine, ports.owner),
    neighbours(ports.machine, ports.owner),
    transport(ports.network, ports.machine, ports.owner),
    store(ports.world, ports.memory, ports.node, ports.owner, ports.trouble, ports.planted, ports.machine),
    noSecrets,
    Layer.succeed(ConfigSource, {
      name: "the simulation's documents",
      changes: Stream.never,
      read: Effect.sync(() => [{ path: "cluster.yaml", text: ports.documents }])
    })
  )
