// What `viaduct top` shows: the node in one screen. Functions from two statuses, one after the other, to text.
import { age } from "../resources/age.ts"
import { holds } from "../resources/floatingIp.ts"
import type { MessageCounts, NodeStatus, SessionStatus } from "../resources/nodeStatus.ts"
import { readiness } from "../resources/readiness.ts"
import { alignColumns } from "../resources/table.ts"

/** A status and when it was taken, in ms since the epoch. */
export interface Sample {
  readonly status: NodeStatus
  readonly atMs: number
}

const CODES = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33" } as const

type Paint = (code: keyof typeof CODES, text: string) => string

const painter =
  (colours: boolean): Paint =>
  (code, text) =>
    colours ? `\x1b[${CODES[code]}m${text}\x1b[0m` : text

const total = (counts: MessageCounts): number => Object.values(counts).reduce((sum: number, n: number) => sum + n, 0)

const rate = (before: number, now: number, ms: number): string =>
  ms <= 0 ? "-" : (Math.max(0, now - before) / (ms / 1_000)).toFixed(1)

/** Messages a second in each direction since the sample before. */
const rates = (before: Sample | undefined, now: Sample, { name, sent, got }: SessionStatus) => {
  const was = before?.status.sessions.find((session) => session.name === name)
  if (before === undefined || was === undefined) return ["-", "-"]
  const ms = now.atMs - before.atMs
  return [rate(total(was.sent), total(sent), ms), rate(total(was.got), total(got), ms)]
}

const prefixes = ({ advertised }: SessionStatus): number => new Set(advertised.map(({ prefix }) => prefix)).size

const sessionLines = (before: Sample | undefined, now: Sample, paint: Paint): ReadonlyArray<string> => {
  const { sessions } = now.status
  const rows = sessions.map((session) => [
    session.name,
    session.state,
    age(session.since, now.atMs),
    String(prefixes(session)),
    String(session.received.routes),
    ...rates(before, now, session),
    String(session.flaps),
    session.reason ?? session.notes?.join("; ") ?? ""
  ])
  const headers = ["SESSION", "STATE", "FOR", "OUT", "IN", "SENT/S", "GOT/S", "FLAPS", "REASON"]
  const [head = "", ...lines] = alignColumns([headers, ...rows], []).text
  return [
    paint("bold", head),
    ...lines.map((line, at) => (sessions[at]?.state === "Established" ? line : paint("yellow", line)))
  ]
}

const elsewhereLines = ({ status: { elsewhere } }: Sample, paint: Paint): ReadonlyArray<string> => {
  if (elsewhere.length === 0) return []
  const lines = elsewhere.map(({ node, sessions }) => {
    const up = sessions.filter(({ state }) => state === "Established").length
    const text = `${node} ${up}/${sessions.length}`
    return up === sessions.length ? text : paint("yellow", text)
  })
  return [`${paint("bold", "OTHER NODES")}  sessions up: ${lines.join(", ")}`]
}

const floatingIpLines = ({ status: { floatingIps } }: Sample, paint: Paint): ReadonlyArray<string> => {
  if (floatingIps.length === 0) return []
  const lines = floatingIps.map((one) => {
    const text = `${one.address} ${holds(one) ? "here" : (one.node ?? "on no node")}${one.state === "conflict" ? " (conflict)" : ""}`
    if (one.state === "conflict" || one.node === undefined) return paint("red", text)
    return holds(one) ? paint("green", text) : text
  })
  return [`${paint("bold", "FLOATING IPS")} ${lines.join(", ")}`]
}

const poolLines = ({ status: { pools } }: Sample, paint: Paint): ReadonlyArray<string> =>
  pools.length === 0
    ? []
    : [
        `${paint("bold", "POOLS")}        ${pools.map(({ name, used, total: size }) => `${name} ${used}/${size}`).join(", ")}`
      ]

const eventLines = ({ status: { events }, atMs }: Sample, most: number, paint: Paint): ReadonlyArray<string> =>
  events.length === 0
    ? []
    : [
        "",
        paint("bold", "EVENTS"),
        ...events.slice(-most).map(({ type, lastAt, reason, message, count, about }) => {
          const times = count === 1 ? "" : ` (${count} times)`
          const line = `${age(lastAt, atMs).padEnd(6)} ${reason.padEnd(20)} ${about.name}: ${message}${times}`
          return type === "Warning" ? paint("yellow", line) : line
        })
      ]

/** One line each. `before` is an earlier sample, for rates. */
export const topLines = (
  before: Sample | undefined,
  now: Sample,
  { colours, events }: { readonly colours: boolean; readonly events: number }
): ReadonlyArray<string> => {
  const paint = painter(colours)
  const { status } = now
  const { ready, summary } = readiness(status)
  const { residentBytes, cpuSeconds } = status.process
  const cpu =
    before === undefined
      ? ""
      : `, CPU ${(((cpuSeconds - before.status.process.cpuSeconds) / Math.max(1, now.atMs - before.atMs)) * 100_000).toFixed(1)} %`
  const services = status.services.filter(({ addresses }) => addresses.length > 0).length
  return [
    `${paint("bold", `node ${status.node}`)}, cluster ${status.cluster}, viaduct ${status.version}, up ${age(status.startedAt, now.atMs)}, ` +
      `${(residentBytes / 1e6).toFixed(0)} MB${cpu}`,
    `${paint(ready ? "green" : "red", summary)}; ${services} of ${status.services.length} services have addresses; ` +
      `config ${status.config.hash.slice(0, 8)}${status.config.revision === 0 ? "" : `, revision ${status.config.revision}`}`,
    "",
    ...sessionLines(before, now, paint),
    "",
    ...elsewhereLines(now, paint),
    ...floatingIpLines(now, paint),
    ...poolLines(now, paint),
    ...eventLines(now, events, paint)
  ]
}
