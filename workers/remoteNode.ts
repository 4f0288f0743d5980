// A node somewhere else: what it shows, and what can be asked of it, over its admin API. Portable: fetch, timers and streams only. A stream
// that breaks is opened again by whoever follows; a node that does not answer is reported with its address and the cause. What comes is
// looked at closely enough to tell a node from something else that listens there.

import type { ApplyOutcome, Done, StageProgress } from "../src/api/control.ts"
import type { RemoteControl } from "../src/api/fleet/control.ts"
import type { ConfigSnapshot } from "../src/config/objects.ts"
import type { Explanation } from "../src/explain/types.ts"
import type { TraceRecord } from "../src/observe/trace.ts"
import { readJsonLines } from "../src/resources/jsonLines.ts"
import type { NodeStatus } from "../src/resources/nodeStatus.ts"
import { ANSWER_MS_MAX, type NodeHttp } from "./http.ts"

/** Planning a large config takes a node its time. */
const CHANGE_MS_MAX = 60_000

const has = <K extends string>(value: unknown, ...keys: ReadonlyArray<K>): value is Record<K, unknown> =>
  typeof value === "object" && value !== null && keys.every((key) => key in value)

const isNodeStatus = (value: unknown): value is NodeStatus =>
  has(value, "node", "sessions", "config") && Array.isArray(value.sessions)

const isConfigSnapshot = (value: unknown): value is ConfigSnapshot =>
  has(value, "objects") && Array.isArray(value.objects)

const isOutcome = (value: unknown): value is ApplyOutcome => has(value, "outcome")
const isDone = (value: unknown): value is Done => has(value, "done", "reason")
const isExplanation = (value: unknown): value is Explanation => has(value, "chain", "verdict")

export interface Caller {
  readonly name: string
  readonly role: "read" | "write"
}
const isCaller = (value: unknown): value is Caller =>
  has(value, "name", "role") && typeof value.name === "string" && (value.role === "read" || value.role === "write")

const checked = <T>(http: NodeHttp, value: unknown, is: (value: unknown) => value is T, what: string): T => {
  if (is(value)) return value
  throw http.away(new Error(`its answer is not ${what}`))
}

type Authorized = { readonly authorization?: string }

export const remoteStatus = async (http: NodeHttp, auth: Authorized): Promise<NodeStatus> =>
  checked(http, await http.json({ ...auth, path: "/v1/status" }), isNodeStatus, "the status of a node")

/** The status as it is now and on each change; ends or throws when the stream does. */
export async function* remoteChanges(
  http: NodeHttp,
  auth: Authorized,
  signal: AbortSignal
): AsyncGenerator<NodeStatus> {
  const body = await http.stream({ ...auth, path: "/v1/status?watch=true", signal })
  for await (const value of readJsonLines(body)) yield checked(http, value, isNodeStatus, "the status of a node")
}

export const remoteConfig = async (http: NodeHttp, auth: Authorized): Promise<ConfigSnapshot> =>
  checked(http, await http.json({ ...auth, path: "/v1/config" }), isConfigSnapshot, "the config of a node")

/** Who the node takes the caller for. Rejects with the node's ApiError where it takes them for nobody. */
export const remoteCaller = async (http: NodeHttp, auth: Authorized): Promise<Caller> =>
  checked(http, await http.answer({ ...auth, path: "/v1/access" }, isCaller), isCaller, "that of a node")

export const remoteControl = (http: NodeHttp, auth: Authorized): RemoteControl => {
  const post = (path: string, body: unknown, is: (value: unknown) => boolean, ms = ANSWER_MS_MAX) =>
    http.answer({ ...auth, method: "POST", path, body, signal: AbortSignal.timeout(ms) }, is)
  const done = async (path: string, body: unknown): Promise<Done> =>
    checked(http, await post(path, body, isDone), isDone, "that of a node")

  async function* lines<T>(path: string, signal: AbortSignal, body?: unknown): AsyncGenerator<T> {
    const method = body === undefined ? ("GET" as const) : ("POST" as const)
    const stream = await http.stream({ ...auth, method, path, signal, ...(body === undefined ? {} : { body }) })
    for await (const value of readJsonLines(stream)) {
      if (has(value, "kind", "message") && value.kind === "Status") throw http.away(new Error(String(value.message)))
      yield value as T
    }
  }

  return {
    config: {
      // The node knows who asks by the token; what it calls them goes into its history.
      apply: async ({ change, by: _by, dryRun, ...rest }) => {
        const path = dryRun === true ? "/v1/change/plan" : "/v1/change"
        const value = await post(path, { change, ...rest }, isOutcome, CHANGE_MS_MAX)
        return checked(http, value, isOutcome, "that of a node")
      },
      stage: ({ change, by: _by, dryRun: _dryRun, confirmWithinSeconds: _confirm, ...rest }, signal) =>
        lines<StageProgress>("/v1/stage", signal, { files: change.files, ...rest }),
      confirm: () => done("/v1/confirm", {}),
      documents: async (revision) => {
        const response = await http.send({ ...auth, path: `/v1/documents/${revision}` })
        if (response.ok) return response.text()
        await response.body?.cancel()
        if (response.status === 404) return undefined
        throw http.away(new Error(`it answers ${response.status}`))
      },
      reload: (force) => done(`/v1/reload${force ? "?force=true" : ""}`, undefined)
    },
    drain: (node, drain, _by, force) => done("/v1/drain", { node, drain, ...(force === true ? { force } : {}) }),
    explain: async ({ type, name }) => {
      const query = new URLSearchParams({ ...(type === undefined ? {} : { type }), name })
      const value = await http.answer({ ...auth, path: `/v1/explain?${query}` }, isExplanation)
      return checked(http, value, isExplanation, "that of a node")
    },
    trace: ({ session, follow }, signal) => {
      const query = new URLSearchParams({ ...(session === undefined ? {} : { session }), follow: String(follow) })
      return lines<TraceRecord>(`/v1/trace?${query}`, signal)
    }
  }
}
