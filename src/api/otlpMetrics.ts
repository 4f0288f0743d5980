// The same metrics as those of the scrape, as OTLP has them (opentelemetry-proto metrics.proto): counters are monotonic cumulative sums since
// the daemon's start, histograms have the counts between their bounds. Times are nanoseconds since the epoch as decimal text, as OTLP's JSON
// has 64-bit numbers.
import type { NodeStatus } from "../resources/nodeStatus.ts"
import type { Labels, MetricDeclaration, Sample } from "./metric.ts"

const cumulative = 2 as const

const attributesOf = (labels: Labels = {}) =>
  Object.entries(labels).map(([key, value]) => ({ key, value: { stringValue: value } }))

interface Times {
  readonly startTimeUnixNano: string
  readonly timeUnixNano: string
}

const histogramPoint = ({ labels, value, sum = 0, buckets = [] }: Sample, times: Times) => {
  const upTo = [...buckets.map(([, count]) => count), value]
  return {
    attributes: attributesOf(labels),
    ...times,
    count: value,
    sum,
    bucketCounts: upTo.map((count, index) => count - (upTo[index - 1] ?? 0)),
    explicitBounds: buckets.map(([bound]) => bound)
  }
}

const numberPoint = ({ labels, value }: Sample, times: Times) => ({
  attributes: attributesOf(labels),
  ...times,
  asDouble: value
})

const dataOf = (type: MetricDeclaration["type"], samples: ReadonlyArray<Sample>, times: Times) => {
  switch (type) {
    case "gauge":
      return { gauge: { dataPoints: samples.map((sample) => numberPoint(sample, times)) } }
    case "counter": {
      const dataPoints = samples.map((sample) => numberPoint(sample, times))
      return { sum: { aggregationTemporality: cumulative, isMonotonic: true, dataPoints } }
    }
    case "histogram": {
      const dataPoints = samples.map((sample) => histogramPoint(sample, times))
      return { histogram: { aggregationTemporality: cumulative, dataPoints } }
    }
  }
}

/** UCUM, by the suffix that the name has. */
const unitOf = (name: string): string => (/_seconds(_total)?$/.test(name) ? "s" : name.endsWith("_bytes") ? "By" : "1")

/** Every metric that has a sample, in the order of the declarations. `nowMs`: milliseconds since the epoch. */
export const otlpMetrics = (declarations: ReadonlyArray<MetricDeclaration>, status: NodeStatus, nowMs: number) => {
  const nanoseconds = (ms: number) => `${BigInt(Math.floor(ms)) * 1_000_000n}`
  const times = { startTimeUnixNano: nanoseconds(Date.parse(status.startedAt)), timeUnixNano: nanoseconds(nowMs) }
  return declarations.flatMap(({ name, type, help, samples }) => {
    const found = samples(status)
    return found.length === 0 ? [] : [{ name, description: help, unit: unitOf(name), ...dataOf(type, found, times) }]
  })
}
