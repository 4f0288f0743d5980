// What a metric is: declared once, with its type and help text, as a function of the node's status alone, so that a node somewhere else can
// be scraped through a worker just as well. Base units (seconds, bytes), `_total` for what only grows, `_info` for text in labels.
import type { NodeStatus, SessionStatus } from "../resources/nodeStatus.ts"

export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels?: Labels
  /** Of a histogram: how many there were. */
  readonly value: number
  /** Histograms only: what they add up to, and how many were at most so much. */
  readonly sum?: number
  readonly buckets?: ReadonlyArray<readonly [upTo: number, count: number]>
}

export interface MetricDeclaration {
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly help: string
  readonly samples: (status: NodeStatus) => ReadonlyArray<Sample>
}

export const one = (value: number, labels?: Labels): ReadonlyArray<Sample> => [
  labels === undefined ? { value } : { labels, value }
]

/** Since the epoch. */
export const seconds = (time: string): number => Date.parse(time) / 1000

const sessionLabels = ({ name, peerAddress, localAddress, purpose }: SessionStatus): Labels => ({
  name,
  peer: peerAddress,
  local: localAddress,
  purpose
})

/** Samples of every session, each with the labels that name the session. */
export const perSession =
  (samples: (session: SessionStatus) => ReadonlyArray<Sample>): MetricDeclaration["samples"] =>
  ({ sessions }) =>
    sessions.flatMap((session) =>
      samples(session).map(({ labels, value }) => ({ labels: { ...sessionLabels(session), ...labels }, value }))
    )
