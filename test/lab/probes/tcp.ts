// Runs inside a host: the daemon's TCP on the real kernel, one connection at a time. Lines of JSON with the time in ms since
// 1970.
//   serve ADDRESS PORT read|ignore           takes connections, and reads from them or not
//   dial LOCAL LOCAL_PORT PEER PORT OCTETS   connects and writes so many octets; SIGHUP: vanishes, SIGUSR2: closes at once,
//                                            SIGUSR1: closes in order, SIGWINCH: dials again
import { Effect } from "effect"
import { BunTransport } from "../../../src/adapters/bun/BunTransport.ts"
import type { Address } from "../../../src/net/ip.ts"
import { type Connection, Transport } from "../../../src/ports/Transport.ts"

const [verb = "", first = "", second = "", third = "", fourth = "", fifth = ""] = process.argv.slice(2)

const say = (event: string, more: object = {}): void => {
  process.stdout.write(`${JSON.stringify({ event, at: performance.timeOrigin + performance.now(), ...more })}\n`)
}

const dial = Effect.flatMap(Effect.service(Transport), (transport) =>
  transport.dial({
    localAddress: first as Address,
    localPort: Number(second),
    peerAddress: third as Address,
    peerPort: Number(fourth),
    timeoutMs: 5_000,
    ttlHops: 255,
    ttlHopsMin: 0,
    userTimeoutMs: 0
  })
).pipe(Effect.provide(BunTransport))

const connect = async (): Promise<Connection> => {
  const started = performance.now()
  const connection = await Effect.runPromise(dial)
  say("connected", { port: connection.localPort, tookMs: performance.now() - started })
  connection.start({
    onData: () => undefined,
    onDrain: () => say("drained"),
    onClose: (why) => say("over", { why })
  })
  return connection
}

if (verb === "serve") {
  Bun.listen({
    hostname: first,
    port: Number(second),
    socket: {
      open: (socket) => {
        if (third === "ignore") socket.pause()
        say("accepted", { port: socket.remotePort })
      },
      data: () => undefined
    }
  })
  say("ready")
} else {
  let connection = await connect()
  const written = Number(fifth) > 0 && connection.write(new Uint8Array(Number(fifth)))
  say("wrote", { written })
  process.on("SIGHUP", () => {
    connection.vanish()
    say("vanished")
  })
  process.on("SIGUSR2", () => {
    connection.close(true)
    say("aborted")
  })
  process.on("SIGUSR1", () => {
    connection.close()
    say("closed")
  })
  process.on("SIGWINCH", async () => {
    connection = await connect()
  })
  setInterval(() => undefined, 60_000)
}
