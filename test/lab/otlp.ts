// A collector for tests: takes OTLP/HTTP as protobuf or JSON and reads both by the field tables of opentelemetry-proto 1.x into one form. A field
// that the tables do not have, a wrong wire type or a value of the wrong kind is an error: that is the check of the shape. Owns no tests.

type Kind = "string" | "bool" | "enum" | "uint32" | "fixed32" | "fixed64" | "sfixed64" | "double" | "id8" | "id16"

interface Field {
  readonly name: string
  readonly kind: Kind | Table
  readonly many?: true
}
type Table = () => Readonly<Record<number, Field>>

const f = (name: string, kind: Field["kind"]): Field => ({ name, kind })
const many = (name: string, kind: Field["kind"]): Field => ({ name, kind, many: true })

const anyValue: Table = () => ({
  1: f("stringValue", "string"),
  2: f("boolValue", "bool"),
  3: f("intValue", "sfixed64"),
  4: f("doubleValue", "double"),
  5: f("arrayValue", () => ({ 1: many("values", anyValue) }))
})
const keyValue: Table = () => ({ 1: f("key", "string"), 2: f("value", anyValue) })
const resource: Table = () => ({ 1: many("attributes", keyValue), 2: f("droppedAttributesCount", "uint32") })
const scope: Table = () => ({
  1: f("name", "string"),
  2: f("version", "string"),
  3: many("attributes", keyValue),
  4: f("droppedAttributesCount", "uint32")
})

const span: Table = () => ({
  1: f("traceId", "id16"),
  2: f("spanId", "id8"),
  3: f("traceState", "string"),
  4: f("parentSpanId", "id8"),
  5: f("name", "string"),
  6: f("kind", "enum"),
  7: f("startTimeUnixNano", "fixed64"),
  8: f("endTimeUnixNano", "fixed64"),
  9: many("attributes", keyValue),
  10: f("droppedAttributesCount", "uint32"),
  11: many("events", () => ({
    1: f("timeUnixNano", "fixed64"),
    2: f("name", "string"),
    3: many("attributes", keyValue),
    4: f("droppedAttributesCount", "uint32")
  })),
  12: f("droppedEventsCount", "uint32"),
  13: many("links", () => ({
    1: f("traceId", "id16"),
    2: f("spanId", "id8"),
    3: f("traceState", "string"),
    4: many("attributes", keyValue),
    5: f("droppedAttributesCount", "uint32")
  })),
  14: f("droppedLinksCount", "uint32"),
  15: f("status", () => ({ 2: f("message", "string"), 3: f("code", "enum") })),
  16: f("flags", "fixed32")
})

const logRecord: Table = () => ({
  1: f("timeUnixNano", "fixed64"),
  2: f("severityNumber", "enum"),
  3: f("severityText", "string"),
  5: f("body", anyValue),
  6: many("attributes", keyValue),
  7: f("droppedAttributesCount", "uint32"),
  8: f("flags", "fixed32"),
  9: f("traceId", "id16"),
  10: f("spanId", "id8"),
  11: f("observedTimeUnixNano", "fixed64")
})

const numberPoint: Table = () => ({
  2: f("startTimeUnixNano", "fixed64"),
  3: f("timeUnixNano", "fixed64"),
  4: f("asDouble", "double"),
  6: f("asInt", "sfixed64"),
  7: many("attributes", keyValue),
  8: f("flags", "uint32")
})
const histogramPoint: Table = () => ({
  2: f("startTimeUnixNano", "fixed64"),
  3: f("timeUnixNano", "fixed64"),
  4: f("count", "fixed64"),
  5: f("sum", "double"),
  6: many("bucketCounts", "fixed64"),
  7: many("explicitBounds", "double"),
  9: many("attributes", keyValue),
  10: f("flags", "uint32"),
  11: f("min", "double"),
  12: f("max", "double")
})
const metric: Table = () => ({
  1: f("name", "string"),
  2: f("description", "string"),
  3: f("unit", "string"),
  5: f("gauge", () => ({ 1: many("dataPoints", numberPoint) })),
  7: f("sum", () => ({
    1: many("dataPoints", numberPoint),
    2: f("aggregationTemporality", "enum"),
    3: f("isMonotonic", "bool")
  })),
  9: f("histogram", () => ({ 1: many("dataPoints", histogramPoint), 2: f("aggregationTemporality", "enum") }))
})

/** One request of a signal: `resourceX` with `scopeX` with what it is about. */
const request =
  (x: string, inner: string, item: Table): Table =>
  () => ({
    1: many(`resource${x}`, () => ({
      1: f("resource", resource),
      2: many(`scope${x}`, () => ({ 1: f("scope", scope), 2: many(inner, item), 3: f("schemaUrl", "string") })),
      3: f("schemaUrl", "string")
    }))
  })

const requests = {
  traces: request("Spans", "spans", span),
  logs: request("Logs", "logRecords", logRecord),
  metrics: request("Metrics", "metrics", metric)
}

type Value = string | number | boolean | { readonly [name: string]: Value } | ReadonlyArray<Value>

const wireTypes: Readonly<Record<Kind, number>> = {
  string: 2,
  bool: 0,
  enum: 0,
  uint32: 0,
  fixed32: 5,
  fixed64: 1,
  // int64 of AnyValue is a varint, that of a data point sfixed64: both are read.
  sfixed64: 1,
  double: 1,
  id8: 2,
  id16: 2
}

class Octets {
  private at = 0
  private readonly bytes: Uint8Array
  private readonly view: DataView

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get more(): boolean {
    return this.at < this.bytes.length
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const octet = this.view.getUint8(this.at++)
      value |= BigInt(octet & 0x7f) << shift
      if (octet < 0x80) return value
    }
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw new Error("a field runs past its message")
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

const idOctets = { id8: 8, id16: 16 }

const scalar = (kind: Kind, wire: number, from: Octets): Value => {
  if (kind === "sfixed64" && wire === 0) return String(BigInt.asIntN(64, from.varint()))
  if (wire !== wireTypes[kind]) throw new Error(`wire type ${wire} for ${kind}`)
  if (wire === 0) return kind === "bool" ? from.varint() === 1n : Number(from.varint())
  if (wire === 2) {
    const octets = from.take(Number(from.varint()))
    if (kind === "string") return new TextDecoder("utf-8", { fatal: true }).decode(octets)
    if (octets.length !== idOctets[kind as "id8"]) throw new Error(`an ${kind} of ${octets.length} octets`)
    return octets.toHex()
  }
  const octets = from.take(wire === 1 ? 8 : 4)
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  if (kind === "double") return view.getFloat64(0, true)
  return wire === 5 ? view.getUint32(0, true) : String(view.getBigUint64(0, true))
}

const fromProtobuf = (table: Table, bytes: Uint8Array): { [name: string]: Value } => {
  const fields = table()
  const message: { [name: string]: Value } = {}
  const put = ({ name, many: repeated }: Field, value: Value) => {
    if (repeated === true) message[name] = [...((message[name] as ReadonlyArray<Value>) ?? []), value]
    else message[name] = value
  }
  for (const from = new Octets(bytes); from.more; ) {
    const key = Number(from.varint())
    const field = fields[key >>> 3]
    if (field === undefined)
      throw new Error(`no field ${key >>> 3} among ${Object.values(fields).map((one) => one.name)}`)
    const { kind } = field
    if (typeof kind === "function") put(field, fromProtobuf(kind, from.take(Number(from.varint()))))
    else if (field.many === true && (key & 7) === 2 && wireTypes[kind] !== 2) {
      // Repeated numbers come packed.
      const packed = new Octets(from.take(Number(from.varint())))
      while (packed.more) put(field, scalar(kind, wireTypes[kind], packed))
    } else put(field, scalar(kind, key & 7, from))
  }
  return message
}

/** The mapping of proto3 to JSON, with identifiers as hex (OTLP specification, "JSON Protobuf Encoding"). */
const fromJson = (kind: Kind | Table, value: unknown, where: string): Value => {
  if (typeof kind === "function") {
    if (typeof value !== "object" || value === null) throw new Error(`${where} is no object`)
    const fields = Object.values(kind())
    const message: { [name: string]: Value } = {}
    for (const [name, inner] of Object.entries(value)) {
      const field = fields.find((one) => one.name === name)
      if (field === undefined) throw new Error(`${where} has no ${name}`)
      if (field.many === true && !Array.isArray(inner)) throw new Error(`${where}.${name} is no array`)
      if (!field.many) message[name] = fromJson(field.kind, inner, `${where}.${name}`)
      else if (inner.length > 0)
        message[name] = inner.map((one: unknown) => fromJson(field.kind, one, `${where}.${name}`))
    }
    return message
  }
  const wrong = () => new Error(`${where} is ${JSON.stringify(value)}, no ${kind}`)
  if (kind === "string") {
    if (typeof value !== "string") throw wrong()
    return value
  }
  if (kind === "bool") {
    if (typeof value !== "boolean") throw wrong()
    return value
  }
  if (kind === "fixed64" || kind === "sfixed64") {
    if (!/^-?\d+$/.test(String(value))) throw wrong()
    return String(value)
  }
  if (kind === "id8" || kind === "id16") {
    if (!new RegExp(`^[0-9a-f]{${2 * idOctets[kind]}}$`).test(String(value))) throw wrong()
    return String(value)
  }
  if (typeof value !== "number") throw wrong()
  return value
}

export interface Point {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export class Collector {
  /** What every request had in its resource. */
  resource: Readonly<Record<string, string>> = {}
  readonly logs: Array<{
    readonly text: string
    readonly severity: string
    readonly attributes: Record<string, string>
  }> = []
  readonly spans: Array<{
    readonly name: string
    readonly tookMs: number
    readonly failed: boolean
    readonly attributes: Record<string, string>
  }> = []
  /** Of the last request: values, and the counts of histograms. */
  readonly metrics = new Map<string, { readonly type: string; readonly points: ReadonlyArray<Point> }>()
  readonly headers: Array<Headers> = []
  /** What a request had that OTLP does not. */
  readonly mistakes: Array<string> = []
  requests = 0
  /** Requests that waited for their answer at once, at most. */
  most = 0
  private waiting = 0
  /** How it answers. */
  answer: () => Response | Promise<Response> = () => Response.json({})
  private readonly server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: (one) => this.take(one)
  })

  get url(): string {
    return `http://127.0.0.1:${this.server.port}`
  }

  stop(): Promise<void> {
    return this.server.stop(true)
  }

  private async take(request: Request): Promise<Response> {
    this.requests++
    this.headers.push(request.headers)
    const signal = new URL(request.url).pathname.replace(/^\/v1\//, "") as keyof typeof requests
    const body = new Uint8Array(await request.arrayBuffer())
    const octets = request.headers.get("content-encoding") === "gzip" ? Bun.gunzipSync(body) : body
    try {
      const json = request.headers.get("content-type") === "application/json"
      const message = json
        ? (fromJson(requests[signal], JSON.parse(new TextDecoder().decode(octets)), signal) as {
            [name: string]: Value
          })
        : fromProtobuf(requests[signal], octets)
      this.read(signal, message)
    } catch (error) {
      this.mistakes.push(`${signal}: ${error instanceof Error ? error.message : String(error)}`)
    }
    this.most = Math.max(this.most, ++this.waiting)
    try {
      return await this.answer()
    } finally {
      this.waiting--
    }
  }

  // The shape has been checked by then.
  // biome-ignore lint/suspicious/noExplicitAny: a message of any of three signals
  private read(signal: keyof typeof requests, message: any): void {
    const x = { traces: "Spans", logs: "Logs", metrics: "Metrics" }[signal]
    for (const group of message[`resource${x}`]) {
      this.resource = attributesOf(group.resource.attributes)
      for (const { spans = [], logRecords = [], metrics = [] } of group[`scope${x}`]) {
        for (const one of spans)
          this.spans.push({
            name: one.name,
            tookMs: Number(BigInt(one.endTimeUnixNano) - BigInt(one.startTimeUnixNano)) / 1e6,
            failed: one.status?.code === 2,
            attributes: attributesOf(one.attributes)
          })
        for (const { body, severityText, attributes } of logRecords)
          this.logs.push({ text: body.stringValue, severity: severityText, attributes: attributesOf(attributes) })
        for (const one of metrics) {
          const type = ["gauge", "sum", "histogram"].find((name) => name in one) ?? "none"
          const points = one[type].dataPoints.map((point: { attributes?: []; asDouble?: number; count?: string }) => ({
            labels: attributesOf(point.attributes),
            value: Number(point.asDouble ?? point.count ?? 0)
          }))
          this.metrics.set(one.name, { type, points })
        }
      }
    }
  }
}

const attributesOf = (
  list: ReadonlyArray<{ key: string; value?: Record<string, unknown> }> = []
): Record<string, string> =>
  Object.fromEntries(list.map(({ key, value }) => [key, String(Object.values(value ?? {})[0])]))
