// HTTPS with client certificates. `Bun.serve` does not say whose certificate a client has and drops its connections to take another one of
// its own; node:tls does both (getPeerCertificate, setSecureContext), and node:http reads HTTP from its sockets. Requests and answers are
// turned into those of fetch here: bodies flow as fast as the other end takes them, and a client that leaves aborts its request.
import { createPrivateKey, X509Certificate } from "node:crypto"
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { createServer, type TLSSocket, type TlsOptions } from "node:tls"
import type { Client, ClientCertificate, FetchHandler, TlsCredentials } from "../../ports/AdminServer.ts"

/** How long a client may take for each of its parts, in ms. How long an answer takes is nobody's affair: watches go on for days. */
export interface Patience {
  readonly handshakeMs: number
  /** From the handshake, or from the answer before, to the end of the next request's headers. */
  readonly headersMs: number
  /** From there to the end of the body. */
  readonly bodyMs: number
}

const PATIENCE: Patience = { handshakeMs: 10_000, headersMs: 20_000, bodyMs: 60_000 }
const CONNECTIONS_MAX = 512

/** Throws with what is wrong where a certificate and its key cannot be used together. */
const checked = ({ cert, key, clientCa }: TlsCredentials): TlsOptions => {
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error("the key does not belong to the certificate")
  if (clientCa !== undefined) new X509Certificate(clientCa)
  return { cert, key, minVersion: "TLSv1.2", ...(clientCa === undefined ? {} : { ca: clientCa }) }
}

const listOf = (value: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> =>
  value === undefined ? [] : typeof value === "string" ? [value] : value

const certificateOf = (socket: TLSSocket): ClientCertificate | undefined => {
  const shown = socket.getPeerCertificate()
  // A client without a certificate gives an empty one here.
  const subject: Readonly<Record<string, string | ReadonlyArray<string> | undefined>> | undefined = shown?.subject
  if (subject === undefined) return undefined
  const [name = ""] = listOf(subject.CN)
  const why = socket.authorizationError
  const refused = socket.authorized
    ? {}
    : { refused: String(why instanceof Error ? why.message : (why ?? "not signed")) }
  return { name, organizations: listOf(subject.O), ...refused }
}

const clientOf = (socket: TLSSocket, asked: boolean): Client => {
  const certificate = asked ? certificateOf(socket) : undefined
  return {
    ...(socket.remoteAddress === undefined ? {} : { address: socket.remoteAddress }),
    ...(certificate === undefined ? {} : { certificate })
  }
}

const bodyOf = (message: IncomingMessage): ReadableStream<Uint8Array> => {
  const chunks = message[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await chunks.next()
      if (done === true) controller.close()
      else controller.enqueue(new Uint8Array(value))
    },
    cancel: () => {
      message.resume()
    }
  })
}

const requestOf = (message: IncomingMessage, signal: AbortSignal): Request => {
  const headers = new Headers()
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2)
    headers.append(message.rawHeaders[i] ?? "", message.rawHeaders[i + 1] ?? "")
  const { method = "GET", url = "/" } = message
  const init: RequestInit = { method, headers, signal }
  if (method === "GET" || method === "HEAD") message.resume()
  else init.body = bodyOf(message)
  return new Request(new URL(url, `https://${headers.get("host") ?? "localhost"}`).href, init)
}

/** Waits until the other end has read on, or is gone. */
const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      response.off("drain", done)
      response.off("close", done)
      resolve()
    }
    response.once("drain", done)
    response.once("close", done)
  })

const send = async (answer: Response, response: ServerResponse, gone: AbortSignal): Promise<void> => {
  const headers: Record<string, string | Array<string>> = {}
  answer.headers.forEach((value, name) => {
    headers[name] = value
  })
  const cookies = answer.headers.getSetCookie()
  if (cookies.length > 0) headers["set-cookie"] = cookies
  response.writeHead(answer.status, headers)
  const reader = answer.body?.getReader()
  // A body that failed rejects this too; what failed is told by its read below.
  const leave = () => void reader?.cancel().catch(() => undefined)
  gone.addEventListener("abort", leave, { once: true })
  try {
    while (reader !== undefined && !gone.aborted) {
      const { done, value } = await reader.read()
      if (done) break
      if (!response.write(value)) await drained(response)
    }
  } finally {
    gone.removeEventListener("abort", leave)
    response.end()
  }
}

/** Answers one request; what the handler throws ends the connection, since nothing is known of it. */
const answer = async (message: IncomingMessage, response: ServerResponse, client: Client, handler: FetchHandler) => {
  const gone = new AbortController()
  response.once("close", () => gone.abort())
  let request: Request
  try {
    request = requestOf(message, gone.signal)
  } catch {
    // No URL, or a method that fetch does not know.
    response.writeHead(400).end()
    return
  }
  try {
    await send(await handler(request, client), response, gone.signal)
  } catch {
    message.socket.destroy()
  }
}

/**
 * Closes connections whose clients take too long: anybody can open one, and there is an end to how many there may be. Bun has
 * node:http's timeouts and does nothing by them on sockets that it was handed.
 */
const deadlines = ({ headersMs, bodyMs }: Patience) => {
  const timers = new WeakMap<Socket, Timer>()
  const active = new WeakMap<Socket, number>()
  const arm = (socket: Socket, ms: number | undefined): void => {
    clearTimeout(timers.get(socket))
    if (ms !== undefined)
      timers.set(
        socket,
        setTimeout(() => socket.destroy(), ms)
      )
  }
  return {
    opened: (socket: Socket): void => {
      arm(socket, headersMs)
      socket.once("close", () => arm(socket, undefined))
    },
    asked: (message: IncomingMessage, response: ServerResponse): void => {
      const { socket } = message
      active.set(socket, (active.get(socket) ?? 0) + 1)
      arm(socket, bodyMs)
      message.once("end", () => arm(socket, undefined))
      response.once("close", () => {
        const left = (active.get(socket) ?? 1) - 1
        active.set(socket, left)
        if (left === 0 && !socket.destroyed) arm(socket, headersMs)
      })
    }
  }
}

export interface TlsServer {
  readonly port: number
  readonly replace: (credentials: TlsCredentials) => void
  readonly stop: () => Promise<void>
}

/** Listens; rejects where the address cannot be had or the credentials cannot be used. */
export const serveTls = (
  hostname: string,
  port: number,
  credentials: TlsCredentials,
  handler: FetchHandler,
  patience: Patience = PATIENCE
): Promise<TlsServer> => {
  const { opened, asked } = deadlines(patience)
  const clients = new WeakMap<Socket, Client>()
  const open = new Set<Socket>()
  // Whether clients are asked for a certificate stands fast from the start, what they have to show does not.
  const asks = credentials.clientCa !== undefined
  const http = createHttpServer((message, response) => {
    asked(message, response)
    void answer(message, response, clients.get(message.socket) ?? {}, handler)
  })
  http.on("clientError", (_error, socket) => socket.destroy())
  const options: TlsOptions = {
    ...checked(credentials),
    ...{
      requestCert: asks,
      rejectUnauthorized: false,
      handshakeTimeout: patience.handshakeMs,
      ALPNProtocols: ["http/1.1"]
    }
  }
  const server = createServer(options, (socket) => {
    clients.set(socket, clientOf(socket, asks))
    opened(socket)
    http.emit("connection", socket)
  })
  server.maxConnections = CONNECTIONS_MAX
  server.on("connection", (socket: Socket) => {
    open.add(socket)
    socket.once("close", () => open.delete(socket))
  })
  server.on("secureConnection", (socket: TLSSocket) => {
    open.add(socket)
    socket.once("close", () => open.delete(socket))
  })
  // Somebody who speaks no TLS, or leaves in the middle of the handshake: nothing to do about it.
  server.on("tlsClientError", (_error, socket) => socket.destroy())
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const socket of open) socket.destroy()
    })
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, hostname, () => {
      server.off("error", reject)
      server.on("error", () => undefined)
      const at = server.address()
      resolve({
        port: typeof at === "object" && at !== null ? at.port : port,
        replace: (next) => server.setSecureContext(checked(next)),
        stop
      })
    })
  })
}
