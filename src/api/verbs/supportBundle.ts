// What somebody needs who is asked for help: the status, the config, its history, events, metrics, the last of the log and of the messages of every session,
// as a tar.gz. Secrets are not in any of these; what looks like one all the same is taken out (I10). What cannot be had is said in its place.

import type { NodeControl } from "../control.ts"
import { metricsText } from "../metrics.ts"
import type { NodeSource } from "../source.ts"
import { redact, redactText } from "./redact.ts"
import { tar } from "./tar.ts"
import { otherVerb, type Verb } from "./verb.ts"

/** Of each daemon, over all its sessions. */
const MESSAGES_MAX = 20_000

const json = (value: unknown): string => `${JSON.stringify(redact(value), undefined, 2)}\n`

const logText = async (logs: NonNullable<NodeControl["logs"]>): Promise<string> => {
  const lines: Array<string> = []
  for await (const { text } of logs({ follow: false }, new AbortController().signal))
    lines.push(`${redactText(text)}\n`)
  return lines.join("")
}

const traceText = async (trace: NonNullable<NodeControl["trace"]>): Promise<string> => {
  const lines: Array<string> = []
  const { signal } = new AbortController()
  for await (const { at, session, direction, type, text } of trace({ follow: false }, signal)) {
    lines.push(`${at} ${session} ${direction} ${type} ${text}`)
    if (lines.length > MESSAGES_MAX) lines.shift()
  }
  return lines.map((line) => `${redactText(line)}\n`).join("")
}

const filesOf = async (source: NodeSource, control: NodeControl): Promise<Readonly<Record<string, string>>> => {
  const status = await source.status()
  const { trace, logs } = control
  const pieces: Readonly<Record<string, () => string | Promise<string>>> = {
    "version.json": () =>
      json({ version: status.version, node: status.node, cluster: status.cluster, startedAt: status.startedAt }),
    "status.json": () => json(status),
    "events.json": () => json(status.events),
    "metrics.txt": () => metricsText(status),
    "config.json": async () => json((await source.config()).objects),
    "history.json": async () => json((await source.config()).history),
    ...(logs === undefined ? {} : { "log.txt": () => logText(logs) }),
    ...(trace === undefined ? {} : { "messages.txt": () => traceText(trace) })
  }
  const made = Object.entries(pieces).map(async ([name, piece]) => {
    const text = await Promise.resolve()
      .then(piece)
      .catch((error: unknown) => {
        return `could not be had: ${error instanceof Error ? redactText(error.message) : "unknown"}\n`
      })
    return [name, text] as const
  })
  return Object.fromEntries(await Promise.all(made))
}

export const supportBundleVerb = (source: NodeSource, control: NodeControl, now: () => number): Verb =>
  otherVerb(
    {
      method: "GET",
      path: "/v1/support-bundle",
      summary: "Everything that helps to help",
      description:
        "Status, config, history, events, metrics, the last of the log and of the messages in words, as a tar.gz. Secrets are not in it; " +
        "addresses and names are.",
      role: "read",
      contentType: "application/gzip",
      answersWhat: "The archive."
    },
    async () => {
      const { node } = await source.status()
      const nowMs = now()
      const stamp = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, "")
      const directory = `viaduct-${node.replaceAll(/[^\w.-]/g, "_").slice(0, 40)}-${stamp}`
      const encoder = new TextEncoder()
      const files = Object.entries(await filesOf(source, control)).map(([name, text]) => ({
        name: `${directory}/${name}`,
        content: encoder.encode(text)
      }))
      const archive = new Blob([tar(files, Math.floor(nowMs / 1000))]).stream()
      return new Response(archive.pipeThrough(new CompressionStream("gzip")), {
        headers: {
          "content-type": "application/gzip",
          "content-disposition": `attachment; filename="${directory}.tar.gz"`,
          "cache-control": "no-store"
        }
      })
    }
  )
