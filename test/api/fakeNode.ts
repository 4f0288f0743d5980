// A node for tests of the API: it has the status that it is given and tells it to whoever follows its changes.

import type { NodeSource } from "../../src/api/source.ts"
import { NodeUnavailable } from "../../src/api/source.ts"
import { type ConfigSnapshot, emptySnapshot } from "../../src/config/objects.ts"
import type { NodeStatus } from "../../src/resources/nodeStatus.ts"

export interface FakeNode extends NodeSource {
  set(status: NodeStatus): void
  /** Gives it a config, under the revision and hash of its status from then on. */
  configure(config: ConfigSnapshot): void
  /** From now on the node does not answer, and its streams fail. */
  goAway(): void
  /** How many follow its changes now. */
  followers(): number
  /** Resolves once that many follow. */
  untilFollowers(count: number): Promise<void>
}

export const fakeNode = (first: NodeStatus): FakeNode => {
  let status = first
  let config = emptySnapshot
  let away = false
  let changed = Promise.withResolvers<void>()
  let followers = 0
  const wake = () => {
    changed.resolve()
    changed = Promise.withResolvers<void>()
  }
  const present = (): NodeStatus => {
    if (away) throw new NodeUnavailable("node-01 does not answer")
    return status
  }
  async function* changes(signal: AbortSignal): AsyncGenerator<NodeStatus> {
    followers++
    wake()
    signal.addEventListener("abort", wake, { once: true })
    try {
      let told: NodeStatus | undefined
      while (!signal.aborted) {
        const next = changed.promise
        if (told !== present()) {
          told = status
          yield told
        } else await next
      }
    } finally {
      followers--
      wake()
    }
  }
  return {
    status: async () => present(),
    changes,
    config: async () => config,
    configure: (next) => {
      config = next
      const { revision, hash } = next
      status = { ...status, config: { ...status.config, revision, hash } }
      wake()
    },
    set: (next) => {
      status = next
      wake()
    },
    goAway: () => {
      away = true
      wake()
    },
    followers: () => followers,
    untilFollowers: async (count) => {
      while (followers !== count) await changed.promise
    }
  }
}

/** The values of a newline-delimited JSON body, as they come; the first thing has to be an empty line. */
export async function* jsonLines(response: Response): AsyncGenerator<unknown> {
  if (response.body === null) throw new Error("the response has no body")
  const decoder = new TextDecoder()
  let text = ""
  let first = true
  for await (const chunk of response.body) {
    if (first && chunk[0] !== 10) throw new Error("the stream does not begin with an empty line")
    first = false
    text += decoder.decode(chunk, { stream: true })
    const lines = text.split("\n")
    text = lines.pop() ?? ""
    for (const line of lines) if (line !== "") yield JSON.parse(line)
  }
}
