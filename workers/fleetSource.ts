// The nodes of a console as one source for the API. Nothing is kept that the nodes do not have: what is here is what they said last. While
// somebody follows there is one stream to each node, opened again when it breaks; a single question goes to every node at once, and nobody
// waits for a node that has just not answered.
import { type AwayNode, awayEvent, clustersOf, type SeenCluster, type SeenNode } from "../src/api/fleet/fleet.ts"
import { makeFleetObjects } from "../src/api/fleet/objects.ts"
import { fleetStatus, nobodyAnswers } from "../src/api/fleet/status.ts"
import { type NodeSource, NodeUnavailable } from "../src/api/source.ts"
import type { ConfigSnapshot } from "../src/config/objects.ts"
import type { NodeStatus } from "../src/resources/nodeStatus.ts"
import type { NodeHttp } from "./http.ts"
import { remoteChanges, remoteConfig, remoteStatus } from "./remoteNode.ts"

const PAUSE_MS_MIN = 250
const PAUSE_MS_MAX = 5_000
/** A node that did not answer is not waited for again so soon. */
const AWAY_MS = 10_000

export interface ConsoleNode {
  readonly http: NodeHttp
  /** The header by which the console itself looks. */
  readonly authorization?: string
}

/** One node, as far as it has been heard. */
class Heard {
  status: NodeStatus | undefined
  config: ConfigSnapshot | undefined
  why: string | undefined
  /** Milliseconds since 1970. */
  awaySince = 0
  lastFailure = 0
  asking: Promise<void> | undefined
  private configOf = ""

  constructor(readonly node: ConsoleNode) {}

  async take(status: NodeStatus): Promise<void> {
    const wanted = `${status.startedAt} ${status.config.revision} ${status.config.hash}`
    if (this.configOf !== wanted || this.config === undefined) {
      this.config = await remoteConfig(this.node.http, this.node)
      this.configOf = wanted
    }
    this.status = status
    this.why = undefined
  }

  failed(error: unknown): void {
    const now = Date.now()
    if (this.why === undefined) this.awaySince = now
    this.lastFailure = now
    const { url } = this.node.http
    const text = error instanceof Error ? error.message : String(error)
    this.why = text.replace(`the node at ${url} cannot be asked: `, "")
  }

  /** Asks it now; done when it has answered or not. */
  ask(): Promise<void> {
    this.asking ??= remoteStatus(this.node.http, this.node)
      .then((status) => this.take(status))
      .catch((error: unknown) => this.failed(error))
      .finally(() => {
        this.asking = undefined
      })
    return this.asking
  }

  get seen(): SeenNode | undefined {
    const { status, config, why } = this
    return why !== undefined || status === undefined || config === undefined
      ? undefined
      : { url: this.node.http.url, status, config }
  }

  get away(): AwayNode | undefined {
    const { why, awaySince, status, node } = this
    if (why === undefined) return undefined
    const since = new Date(awaySince).toISOString()
    return { url: node.http.url, why, since, ...(status === undefined ? {} : { last: status }) }
  }
}

export interface FleetSource extends NodeSource {
  readonly clusters: () => ReadonlyArray<SeenCluster>
  /** Asks every node anew. */
  readonly look: () => Promise<ReadonlyArray<SeenCluster>>
}

/** Resolves after the time or when `signal` aborts, whichever is first. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener("abort", done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (signal.aborted) done()
    else signal.addEventListener("abort", done)
  })

interface Follower {
  readonly fresh: Set<Heard>
  wake: () => void
}

export const fleetSource = (nodes: ReadonlyArray<ConsoleNode>): FleetSource => {
  const all = nodes.map((node) => new Heard(node))
  const followers = new Set<Follower>()
  const objects = makeFleetObjects()
  let streams: AbortController | undefined

  const clusters = () =>
    clustersOf(
      all.flatMap(({ seen }) => seen ?? []),
      all.flatMap(({ away }) => away ?? [])
    )

  const look = async (): Promise<ReadonlyArray<SeenCluster>> => {
    await Promise.all(
      all.map((heard) => {
        const asked = heard.ask()
        // One that is known to be away is asked, and shows up in a later answer.
        return heard.why !== undefined && Date.now() - heard.lastFailure < AWAY_MS && all.length > 1 ? undefined : asked
      })
    )
    return clusters()
  }

  const told = (heard: Heard): void => {
    for (const follower of followers) {
      follower.fresh.add(heard)
      follower.wake()
    }
  }

  const followNode = async (heard: Heard, signal: AbortSignal): Promise<void> => {
    for (let pauseMs = PAUSE_MS_MIN; !signal.aborted; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
      try {
        for await (const status of remoteChanges(heard.node.http, heard.node, signal)) {
          pauseMs = PAUSE_MS_MIN
          await heard.take(status)
          told(heard)
        }
        throw new Error("it ended its stream of changes")
      } catch (error) {
        if (signal.aborted) return
        const before = heard.why
        heard.failed(error)
        if (before === undefined) told(heard)
      }
      await pause(pauseMs, signal)
    }
  }

  /** What a node has to say: itself, with what the console knows of those that are away; or that it is away. */
  const words = (heard: Heard): ReadonlyArray<NodeStatus> => {
    const { seen, away, status } = heard
    const gone = clusters().flatMap((cluster) => cluster.away.map((one) => awayEvent(one, cluster.name)))
    const shown = (one: NodeStatus): NodeStatus =>
      gone.length === 0 ? one : { ...one, events: [...one.events, ...gone] }
    if (seen !== undefined) return [shown(seen.status)]
    const other = all.find((one) => one.seen !== undefined)?.status
    const { since = "", why = "" } = away ?? {}
    return [
      ...(status === undefined ? [] : [{ ...status, unreachable: { since, why } }]),
      ...(other === undefined ? [] : [shown(other)])
    ]
  }

  /** What each node says, as it says it; a node that goes away makes the others be told again. */
  async function* changes(signal: AbortSignal): AsyncGenerator<NodeStatus> {
    const follower: Follower = { fresh: new Set(all), wake: () => undefined }
    const wake = () => follower.wake()
    followers.add(follower)
    signal.addEventListener("abort", wake)
    try {
      if (streams === undefined) {
        streams = new AbortController()
        for (const heard of all) void followNode(heard, streams.signal)
      }
      while (!signal.aborted) {
        const [next] = follower.fresh
        if (next === undefined) {
          await new Promise<void>((resolve) => {
            follower.wake = resolve
          })
          continue
        }
        follower.fresh.delete(next)
        yield* words(next)
      }
    } finally {
      signal.removeEventListener("abort", wake)
      followers.delete(follower)
      if (followers.size === 0) {
        streams?.abort()
        streams = undefined
      }
    }
  }

  const status = async (): Promise<NodeStatus> => {
    const found = fleetStatus(await look())
    if (found === undefined) throw new NodeUnavailable(nobodyAnswers(clusters()))
    return found
  }

  return {
    status,
    changes,
    look,
    clusters,
    config: async () => {
      const leads = clusters().flatMap(({ nodes: [lead] }) => lead ?? [])
      const [first] = leads
      if (first === undefined) throw new NodeUnavailable(nobodyAnswers(await look()))
      return { ...first.config, objects: leads.flatMap(({ config }) => config.objects) }
    },
    resources: async () => {
      const now = clusters()
      return (kind) => objects(now, kind)
    }
  }
}
