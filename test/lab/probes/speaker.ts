// Runs inside a host: `bun speaker.ts PLAN.json` is a BGP speaker that says exactly what its plan says and decides nothing.
// It dials until somebody answers, sends `greeting`, and after the peer's first KEEPALIVE `established`. Each SIGHUP sends the
// next of `later`. It prints "established", "heard N" for each message that is no KEEPALIVE, and "closed".
import { Framer } from "../../../src/bgp/framer.ts"

interface Plan {
  readonly remote: string
  /** Messages as hex. */
  readonly greeting: ReadonlyArray<string>
  readonly established: ReadonlyArray<string>
  readonly later: ReadonlyArray<ReadonlyArray<string>>
  /** Answers the OPEN and goes on with a KEEPALIVE each second. */
  readonly keepalive: boolean
}

const RETRY_MS = 150
const OPEN = 1
const KEEPALIVE = 4
const plan: Plan = await Bun.file(process.argv[2] ?? "").json()
const keepalive = Uint8Array.fromHex(`${"ff".repeat(16)}001304`)
const later = [...plan.later]
let heard = 0
let up = false

const talk = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const framer = new Framer(65_535)
    const say = (socket: Bun.Socket, all: ReadonlyArray<string>) => {
      for (const hex of all) socket.write(Uint8Array.fromHex(hex))
    }
    const hear = (socket: Bun.Socket, type: number | undefined) => {
      if (type === OPEN && plan.keepalive) socket.write(keepalive)
      if (type !== KEEPALIVE) console.log(`heard ${++heard}`)
      else if (!up) {
        up = true
        console.log("established")
        say(socket, plan.established)
      }
    }
    const socket = {
      open: (one: Bun.Socket) => {
        say(one, plan.greeting)
        process.on("SIGHUP", () => say(one, later.shift() ?? []))
        if (plan.keepalive) setInterval(() => up && one.write(keepalive), 1_000)
      },
      data: (one: Bun.Socket, bytes: Uint8Array) => {
        framer.push(bytes)
        for (let frame = framer.next(); frame instanceof Uint8Array; frame = framer.next()) hear(one, frame[18])
      },
      close: () => resolve()
    }
    Bun.connect({ hostname: plan.remote, port: 179, socket }).catch(reject)
  })

// A daemon that is still starting refuses, or takes the connection and drops it: neither counts.
while (heard === 0) {
  await talk().catch(() => undefined)
  if (heard === 0) await Bun.sleep(RETRY_MS)
}
console.log("closed")
process.exit(0)
