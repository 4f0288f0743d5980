// Runs inside a host: `bun traffic.ts FILE MODE ADDRESS PORT INTERVAL_MS TIMEOUT_MS FLOWS` asks at a steady rate until SIGTERM,
// then writes its result to FILE and ends: `{ names, probes: [[sentAtMs, decidedAfterMs, who], …] }`, times in epoch
// milliseconds, who: the index of a name, -1 no answer in time, -2 the connection was refused or reset. Modes: `udp` and `tcp` ask from a new source port each time, so that each probe is a flow of its own;
// with FLOWS above 0 `udp` keeps to that many sockets. A probe is lost when its answer is not there in time, or when it
// is refused; an answer that waits in this process's own queue is read before that is decided.
const [file = "", mode, hostname = "", port = "0", interval = "5", timeout = "950", flowCount = "0"] =
  process.argv.slice(2)
const intervalMs = Number(interval)
const timeoutMs = Number(timeout)
/** A late look after the time-out, so that input which came in time is read first. */
const GRACE_MS = 20

interface Probe {
  readonly atMs: number
  readonly answered: (name: string) => void
  readonly reset: () => void
}

const names: Array<string> = []
const probes: Array<[atMs: number, afterMs: number, name: number]> = []
const open = new Set<Promise<void>>()
const nowMs = (): number => performance.timeOrigin + performance.now()

const TIMED_OUT = -1
const RESET = -2

const nameIndex = (name: string): number => {
  const known = names.indexOf(name)
  return known < 0 ? names.push(name) - 1 : known
}

/** Enters a probe in the books; `close` is called when it is decided. */
const begin = (close: () => void): Probe => {
  const atMs = nowMs()
  const record: [number, number, number] = [Math.round(atMs * 10) / 10, timeoutMs, TIMED_OUT]
  probes.push(record)
  let finish = (): void => undefined
  const over = new Promise<void>((resolve) => {
    finish = resolve
  })
  open.add(over)
  let decided = false
  const decide = (who: number) => {
    if (decided) return
    decided = true
    clearTimeout(timer)
    record[1] = Math.round((nowMs() - atMs) * 10) / 10
    record[2] = who
    open.delete(over)
    finish()
    close()
  }
  const timer = setTimeout(() => setTimeout(() => decide(TIMED_OUT), GRACE_MS), timeoutMs)
  return { atMs, answered: (name) => decide(nameIndex(name)), reset: () => decide(RESET) }
}

const overTcp = (): void => {
  let socket: Bun.Socket | undefined
  let over = false
  const probe = begin(() => {
    over = true
    socket?.terminate()
  })
  Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: (one) => {
        socket = one
        if (over) one.terminate()
      },
      data: (_, bytes) => probe.answered(bytes.toString()),
      close: () => probe.reset(),
      error: () => probe.reset()
    }
  }).catch(() => probe.reset())
}

const family = hostname.includes(":") ? { hostname: "::" } : { hostname: "0.0.0.0" }
const udp = (data: (text: string) => void) =>
  Bun.udpSocket({
    ...family,
    connect: { hostname, port: Number(port) },
    // An ICMP error is not the answer; the time-out decides.
    socket: { data: (_, bytes) => data(bytes.toString()), error: () => undefined }
  })

const overUdp = async (): Promise<void> => {
  const state: { probe?: Probe } = {}
  const socket = await udp((text) => state.probe?.answered(text))
  state.probe = begin(() => socket.close())
  socket.send("?")
}

/** A fixed set of sockets: the answer names the question, so that late ones are not taken for others. */
const fixedFlows = async (count: number): Promise<() => void> => {
  const waiting = new Map<string, Probe>()
  const sockets = await Promise.all(
    Array.from({ length: count }, () =>
      udp((text) => {
        const [name = "", number = ""] = text.split(" ")
        waiting.get(number)?.answered(name)
      })
    )
  )
  let number = 0
  return () => {
    const key = String(number)
    waiting.set(
      key,
      begin(() => waiting.delete(key))
    )
    sockets[number % count]?.send(key)
    number += 1
  }
}

const ask =
  mode === "tcp"
    ? overTcp
    : Number(flowCount) > 0
      ? await fixedFlows(Number(flowCount))
      : () => void overUdp().catch((error: unknown) => console.error(String(error)))

const startMs = performance.now()
let asked = 0
const pace = setInterval(
  () => {
    // A late tick asks for all that should have been asked by now: the rate holds.
    for (; asked * intervalMs <= performance.now() - startMs; asked++) ask()
  },
  Math.min(5, intervalMs)
)
console.log("ready")
process.once("SIGTERM", async () => {
  clearInterval(pace)
  await Promise.all(open)
  await Bun.write(file, JSON.stringify({ names, probes }))
  process.exit(0)
})
