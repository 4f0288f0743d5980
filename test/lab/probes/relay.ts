// Runs inside a host: `bun relay.ts DELAY_FILE ADDRESS:PORT=ADDRESS:PORT …` passes TCP connections on, each left end to its right
// one, and holds back what comes from the right for as many milliseconds as the file says at that moment; in order, whole,
// and the end of a connection too. No file: no delay. Says "ready" when it listens everywhere.
import { readFileSync } from "node:fs"
import { connect, createServer, type Socket } from "node:net"

const [delayFile = "", ...pairs] = process.argv.slice(2)

const delayMs = (): number => {
  try {
    return Number(readFileSync(delayFile, "utf8"))
  } catch {
    return 0
  }
}

const endOf = (text = ""): { readonly host: string; readonly port: number } => {
  const [host = "", port = "0"] = text.split(":")
  return { host, port: Number(port) }
}

/** Gives `deliver` to be called later, one after the other in the order in which they were given. */
const inOrder = (): ((deliver: () => void) => void) => {
  const queue: Array<{ readonly atMs: number; readonly deliver: () => void }> = []
  const pump = (): void => {
    for (;;) {
      const [head] = queue
      if (head === undefined) return
      const restMs = head.atMs - performance.now()
      if (restMs > 0) {
        setTimeout(pump, restMs + 1)
        return
      }
      queue.shift()
      head.deliver()
    }
  }
  return (deliver) => {
    queue.push({ atMs: performance.now() + delayMs(), deliver })
    if (queue.length === 1) pump()
  }
}

const pass = (near: Socket, target: { readonly host: string; readonly port: number }): void => {
  const far = connect({ ...target, noDelay: true })
  const later = inOrder()
  near.setNoDelay(true)
  near.on("data", (bytes) => far.write(bytes))
  far.on("data", (bytes) => later(() => near.write(bytes)))
  near.on("end", () => far.end())
  far.on("end", () => later(() => near.end()))
  // An error or a reset on one side ends the other side too.
  near.on("error", () => far.destroy())
  far.on("error", () => later(() => near.destroy()))
  near.on("close", () => far.destroy())
  far.on("close", () => later(() => near.destroy()))
}

for (const pair of pairs) {
  const [from, to] = pair.split("=")
  const target = endOf(to)
  await new Promise<void>((resolve) => {
    createServer({ allowHalfOpen: true }, (near) => pass(near, target)).listen(endOf(from), resolve)
  })
}
console.log("ready")
