// Connecting on the machine's own kernel: sockets made through FFI, because Bun cannot bind a local address or set options before
// connecting, then taken into Bun's event loop.
//
// A fixed local port takes the session of a dead owner of the address over (D7). Our SYN meets the peer's old socket, which
// answers with a challenge ACK (RFC 5961, 4.2); our kernel answers that with a reset, and the peer drops the session. Some kernels
// send the SYN again only after a second, so that the first attempts are short. Where the port is not to be had or
// the peer's session does not give way, any other port serves. A session that ended here leaves the port in TIME-WAIT.
import { Effect } from "effect"
import { type Connection, type DialRequest, TransportError } from "../../ports/Transport.ts"
import * as c from "./libc.ts"
import { setOptions } from "./socketOptions.ts"
import { BunConnection, socketHandler } from "./sockets.ts"
import { endTimeWait } from "./timeWait.ts"

/** How long the first attempts from a fixed port wait for an answer, in ms. */
const quickMs = [20, 60]
/** Then one that lets the kernel send its SYN three times, in ms. */
const patientMs = 3500

const kinds: Readonly<Record<number, "timeout" | "refused" | "unreachable" | "reset">> = {
  [c.ENETUNREACH]: "unreachable",
  [c.ECONNRESET]: "reset",
  [c.ETIMEDOUT]: "timeout",
  [c.ECONNREFUSED]: "refused",
  [c.EHOSTUNREACH]: "unreachable"
}

const kindOf = (errno: number) => {
  const kind = kinds[errno]
  return kind === undefined ? {} : { kind }
}

export const transportError = (error: unknown): TransportError =>
  new TransportError({
    message: error instanceof Error ? error.message : String(error),
    ...(error instanceof c.Errno ? kindOf(error.errno) : {})
  })

interface Attempt {
  /** 0: any. */
  readonly port: number
  /** Gives up after so many ms. */
  readonly withinMs: number
}

/** Thrown where another port may do. */
class PortTaken extends Error {}

const socketFor = (request: DialRequest, port: number): number => {
  const fd = c.streamSocket(request.localAddress)
  try {
    setOptions(fd, request.localAddress, request)
    if (request.md5Key !== undefined) c.setMd5Key(fd, request.peerAddress, request.md5Key)
    if (port !== 0) c.setInt(fd, c.SOL_SOCKET, 2, 1, "SO_REUSEADDR")
    return fd
  } catch (error) {
    c.close(fd)
    throw error
  }
}

const isErrno = (error: unknown, ...codes: ReadonlyArray<number>): boolean =>
  error instanceof c.Errno && codes.includes(error.errno)

/** The socket, bound and on its way. */
const begin = (request: DialRequest, port: number): { fd: number; done: boolean } => {
  const fd = socketFor(request, port)
  let bound = false
  try {
    c.bindTo(fd, request.localAddress, port)
    bound = true
    return { fd, done: c.startConnect(fd, request.peerAddress, request.peerPort) }
  } catch (error) {
    c.close(fd)
    // Before it is bound, EADDRNOTAVAIL is about the address; afterwards about a connection that still occupies both ports.
    const taken = isErrno(error, c.EADDRINUSE, ...(bound ? [c.EADDRNOTAVAIL] : []))
    throw port !== 0 && taken ? new PortTaken() : error
  }
}

/**
 * True: connected. False: no answer in time. Polls, first after 1 ms and then less often: adopting an unfinished connection
 * would hide a refusal from us.
 */
const established = Effect.fnUntraced(function* (fd: number, withinMs: number) {
  let waitedMs = 0
  for (let pauseMs = 1; ; pauseMs = Math.min(50, pauseMs * 2)) {
    const result = c.connectResult(fd)
    if (result === 0) return true
    if (result !== undefined) return yield* new TransportError({ message: c.errnoText(result), ...kindOf(result) })
    if (waitedMs >= withinMs) return false
    const sleepMs = Math.min(pauseMs, withinMs - waitedMs)
    yield* Effect.sleep(sleepMs)
    waitedMs += sleepMs
  }
})

/** Bun takes a descriptor here; its types know that only for other calls. */
type AdoptOptions = {
  readonly fd: number
  readonly socket: ReturnType<typeof socketHandler>
  readonly allowHalfOpen: true
}

const adopt = (fd: number, request: DialRequest) =>
  Effect.callback<Connection, TransportError>((resume) => {
    const options: AdoptOptions = {
      fd,
      allowHalfOpen: true,
      socket: socketHandler((socket) => {
        const connection = new BunConnection(socket, { ...request, localPort: socket.localPort })
        socket.data = connection
        resume(Effect.succeed(connection))
      })
    }
    Bun.connect(options as unknown as Bun.TCPSocketConnectOptions<BunConnection>).catch((error) =>
      resume(Effect.fail(transportError(error)))
    )
  })

/** The same, once more where only the remains of a connection are in the way. */
const beginAgain = (request: DialRequest, port: number): { fd: number; done: boolean } => {
  try {
    return begin(request, port)
  } catch (error) {
    if (!(error instanceof PortTaken && endTimeWait({ ...request, localPort: port }))) throw error
    return begin(request, port)
  }
}

/** The connection, or why there is none yet. */
const attempt = Effect.fnUntraced(function* (
  request: DialRequest,
  { port, withinMs }: Attempt
): Effect.fn.Return<Connection | "no answer" | "port taken", TransportError> {
  const begun = yield* Effect.try({
    try: () => beginAgain(request, port),
    catch: (error) => (error instanceof PortTaken ? error : transportError(error))
  }).pipe(
    Effect.catchIf(
      (error) => error instanceof PortTaken,
      () => Effect.succeed(undefined)
    )
  )
  if (begun === undefined) return "port taken"
  const { fd, done } = begun
  let ours = true
  return yield* Effect.gen(function* () {
    if (!done && !(yield* established(fd, withinMs))) return "no answer" as const
    ours = false
    return yield* adopt(fd, request)
  }).pipe(Effect.ensuring(Effect.sync(() => (ours ? c.close(fd) : undefined))))
})

const attemptsOf = ({ localPort, timeoutMs }: DialRequest): ReadonlyArray<Attempt> => {
  if (localPort === undefined) return [{ port: 0, withinMs: timeoutMs }]
  const fixed = [...quickMs, Math.min(patientMs, timeoutMs / 2)].map((withinMs) => ({ port: localPort, withinMs }))
  const spent = fixed.reduce((sum, { withinMs }) => sum + withinMs, 0)
  return [...fixed, { port: 0, withinMs: Math.max(timeoutMs - spent, 0) }]
}

export const dial = Effect.fnUntraced(function* (request: DialRequest): Effect.fn.Return<Connection, TransportError> {
  let anyPort = false
  for (const next of attemptsOf(request)) {
    if (anyPort && next.port !== 0) continue
    const outcome = yield* attempt(request, next)
    if (typeof outcome !== "string") return outcome
    anyPort ||= outcome === "port taken"
  }
  const { peerAddress, peerPort } = request
  return yield* new TransportError({ message: `no answer from ${peerAddress} port ${peerPort}`, kind: "timeout" })
})
