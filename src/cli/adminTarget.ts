// Where a command sends its requests and how it shows who it is: flags first, then the environment, then the socket of this node. A token goes
// over TLS or stays on this machine. What can go wrong is told in one line that says who was asked and what to do.
import { readFileSync } from "node:fs"
import { Option } from "effect"
import type { Connection } from "./adminClient.ts"
import { isLoopback } from "./listenAddress.ts"

export const DEFAULT_SOCKET = "/run/viaduct/admin.sock"

export interface Target {
  /** For people. */
  readonly name: string
  readonly base: string
  readonly headers: Readonly<Record<string, string>>
  /** Bun's own options of fetch. */
  readonly how: {
    readonly unix?: string
    readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  }
  readonly socket?: string
}

const read = (flag: string, path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    throw new Error(`${flag} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const some = (value: Option.Option<string> | undefined): string | undefined =>
  value === undefined ? undefined : Option.getOrUndefined(value)

const tokenOf = (url: URL, path: string): string => {
  const hostname = url.hostname.replace(/^\[|\]$/g, "")
  if (url.protocol !== "https:" && hostname !== "localhost" && !isLoopback(hostname))
    throw new Error(`a token is not sent to ${url.origin} without TLS: use https`)
  const token = read("--token-file", path).trim()
  if (!/^[\w.~+/=-]+$/.test(token)) throw new Error(`--token-file ${path} holds no token`)
  return token
}

const overTcp = (given: string, { server }: Connection, env: NodeJS.ProcessEnv): Target => {
  if (!/^https?:\/\//.test(given) || !URL.canParse(given))
    throw new Error(`--server ${given} is no URL; expected https://HOST:7180 or http://127.0.0.1:7179`)
  const url = new URL(given)
  const tokenFile = some(server.tokenFile) ?? env.VIADUCT_TOKEN_FILE
  const caFile = some(server.caFile) ?? env.VIADUCT_CA_FILE
  const [cert, key] = [some(server.clientCert), some(server.clientKey)]
  if ((cert === undefined) !== (key === undefined)) throw new Error("--client-cert and --client-key need each other")
  const tls = {
    ...(caFile === undefined ? {} : { ca: read("--ca-file", caFile) }),
    ...(cert === undefined ? {} : { cert: read("--client-cert", cert) }),
    ...(key === undefined ? {} : { key: read("--client-key", key) })
  }
  return {
    name: given,
    base: given.replace(/\/+$/, ""),
    headers: tokenFile === undefined ? {} : { authorization: `Bearer ${tokenOf(url, tokenFile)}` },
    how: url.protocol === "https:" && Object.keys(tls).length > 0 ? { tls } : {}
  }
}

/** Throws an Error with what to do about flags and files that cannot be used. */
export const targetOf = (connection: Connection, env: NodeJS.ProcessEnv): Target => {
  const given = some(connection.socket)
  const url = some(connection.server.url) ?? (given === undefined ? env.VIADUCT_SERVER : undefined)
  if (url !== undefined && url !== "") return overTcp(url, connection, env)
  const socket = given ?? env.VIADUCT_SOCKET ?? DEFAULT_SOCKET
  return { name: socket, base: "http://localhost", headers: {}, how: { unix: socket }, socket }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""

const UNTRUSTED = /UNABLE_TO_(VERIFY|GET_ISSUER)|SELF_SIGNED|CERT_UNTRUSTED/

const overTls = (name: string, code: string): string | undefined => {
  if (UNTRUSTED.test(code))
    return `the certificate of ${name} is of no CA that is known here: name its CA with --ca-file (DATA-DIR/tls/ca.pem on the node)`
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return `the certificate of ${name} is not for that name: use one that it has, or add it to allowedHosts on the node`
  if (code === "CERT_HAS_EXPIRED") return `the certificate of ${name} has expired`
  return undefined
}

/** Why nobody answered, and what to do about it. */
export const unreachable = ({ name, socket }: Target, error: unknown): string => {
  const said = error instanceof Error ? error.message : String(error)
  const code = codeOf(error)
  if (socket === undefined)
    return (
      overTls(name, code) ?? `no admin API answers at ${name}: ${code === "ECONNREFUSED" ? "connection refused" : said}`
    )
  switch (code) {
    case "ENOENT":
    case "ECONNREFUSED":
      return (
        `no daemon answers at ${socket}: start it with "viaduct run", ` +
        "or name its socket with --socket or VIADUCT_SOCKET"
      )
    case "EACCES":
    case "EPERM":
      return `no permission to use ${socket}: run the command as root or as a member of the socket's group`
    default:
      return `cannot talk to the daemon at ${socket}: ${said}`
  }
}

/** What to say where connections are taken and nothing is answered. */
export const unanswering = ({ name, socket }: Target, seconds: number): string => {
  const look = 'look at "systemctl status viaduct" and its log, "journalctl -u viaduct"'
  return socket === undefined
    ? `${name} has answered nothing for ${seconds} s: its daemon may be hung, or the network loses what is sent there; on that node ${look}`
    : `the daemon at ${socket} has answered nothing for ${seconds} s and may be hung: ${look}`
}
