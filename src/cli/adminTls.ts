// The TLS side of the admin API: which certificate is served, its own or one from files, who may log in, and the new certificate when there
// is one, for connections from then on. A certificate that cannot be used changes nothing and is told once.
import { X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { networkInterfaces } from "node:os"
import { Effect } from "effect"
import type { Reach } from "../api/access/access.ts"
import type { AdminSettings } from "../config/daemonSettings.ts"
import { parseAddress } from "../net/ip.ts"
import { AdminServer, AdminServerError, type FetchHandler, type TlsCredentials } from "../ports/AdminServer.ts"
import { isLoopback, type ListenAddress, urlHost } from "./listenAddress.ts"
import { namesOf, ownCertificate } from "./ownCertificate.ts"

/** How often files are looked at, and the own certificate. */
const LOOK_AT_FILES = "2 seconds"
const LOOK_AT_OWN = "1 hour"

interface Served {
  readonly credentials: TlsCredentials
  /** What clients have to trust; absent where only somebody else knows. */
  readonly ca?: string
  /** Names and addresses of the certificate. */
  readonly names: ReadonlyArray<string>
  /** Of one from files that clients do not take any more, or not yet. */
  readonly warning?: string
}

/** Names and addresses of this machine; not those that move, which have whole-length prefixes or stand on `lo`. */
export const machineNames = (hostname: string): ReadonlyArray<string> => {
  const addresses = Object.entries(networkInterfaces()).flatMap(([device, entries]) =>
    (entries ?? []).flatMap(({ address, cidr }) => {
      const parsed = parseAddress(address)
      const moves = device === "lo" || /\/(32|128)$/.test(cidr ?? "")
      return parsed === undefined || moves || /^fe80:/.test(parsed) ? [] : [parsed]
    })
  )
  const name = hostname.toLowerCase()
  return ["localhost", ...(/^[a-z0-9][a-z0-9.-]*$/.test(name) ? [name] : []), "127.0.0.1", "::1", ...addresses]
}

const certificatesIn = (pem: string): ReadonlyArray<string> =>
  pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []

const fromFiles = (certFile: string, keyFile: string, clientCa: string | undefined, nowMs: number): Served => {
  const [cert, key] = [readFileSync(certFile, "utf8"), readFileSync(keyFile, "utf8")]
  const chain = certificatesIn(cert).map((one) => new X509Certificate(one))
  const ca = chain.filter((one) => one.ca).map((one) => one.toString())
  const [from = 0, to = Number.POSITIVE_INFINITY] = chain
    .slice(0, 1)
    .flatMap((one) => [Date.parse(one.validFrom), Date.parse(one.validTo)])
  const valid = from <= nowMs && nowMs <= to
  const warning = `the TLS certificate ${certFile} is valid from ${chain[0]?.validFrom} to ${chain[0]?.validTo}: clients refuse it now`
  return {
    ...(valid ? {} : { warning }),
    credentials: { cert, key, ...(clientCa === undefined ? {} : { clientCa }) },
    ...(ca.length === 0 ? {} : { ca: ca.join("") }),
    names: chain[0] === undefined ? [] : namesOf(chain[0])
  }
}

export interface TlsOptions {
  readonly where: ListenAddress
  readonly settings: AdminSettings
  readonly dataDirectory: string
  readonly hostname: string
  /** Somebody asked for this address; otherwise one that is taken, or no certificate, is no reason not to start. */
  readonly asked: boolean
  /** Whether there is a token that somebody could log in with. */
  readonly anyToken: boolean
}

const load = async ({ settings, dataDirectory, hostname }: TlsOptions): Promise<Served> => {
  const { certFile, keyFile, clientCaFile, allowedHosts = [] } = settings
  const clientCa = clientCaFile === undefined ? undefined : readFileSync(clientCaFile, "utf8")
  if (certFile !== undefined && keyFile !== undefined) return fromFiles(certFile, keyFile, clientCa, Date.now())
  const names = [...machineNames(hostname), ...allowedHosts.map((name) => name.toLowerCase())]
  const { cert, key, ca } = await ownCertificate(dataDirectory, hostname, names, Date.now())
  return { credentials: { cert, key, ...(clientCa === undefined ? {} : { clientCa }) }, ca, names }
}

const certificateOf = ({ settings: { certFile }, dataDirectory }: TlsOptions): string =>
  certFile === undefined
    ? `the daemon's own TLS certificate (in ${dataDirectory}/tls)`
    : `the TLS certificate ${certFile}`

const loaded = (options: TlsOptions) =>
  Effect.tryPromise({
    try: () => load(options),
    catch: (error) =>
      new AdminServerError({
        message: `${certificateOf(options)} cannot be used: ${error instanceof Error ? error.message : String(error)}`
      })
  })

/** Nobody outside this machine gets as far as a login that nobody can pass. */
const mayBeServed = ({ where, settings, anyToken }: TlsOptions) => {
  if (isLoopback(where.hostname) || anyToken || settings.clientCaFile !== undefined) return Effect.void
  const message =
    `the admin API is not served at ${urlHost(where.hostname)}:${where.port}: nobody could log in there. ` +
    "Make a token first (viaduct token add NAME --role write), or name a CA of client certificates (--client-ca)"
  return Effect.fail(new AdminServerError({ message }))
}

/**
 * Serves `handler` under TLS while the scope lives, with whatever certificate there is at the time.
 * @returns how it is reached now; undefined where it cannot be served and nobody asked for it
 */
export const serveTls = Effect.fnUntraced(function* (options: TlsOptions, handler: FetchHandler) {
  const { where, settings } = options
  yield* mayBeServed(options)
  const server = yield* AdminServer
  const starting = Effect.gen(function* () {
    const served = yield* loaded(options)
    return { served, listener: yield* server.tls(where.hostname, where.port, served.credentials, handler) }
  })
  // What nobody asked for is no reason not to serve the network: a taken port, a full disk.
  const asked = options.asked || settings.certFile !== undefined || settings.clientCaFile !== undefined
  const started = asked
    ? yield* starting
    : yield* Effect.catch(starting, ({ message }) =>
        Effect.as(Effect.logWarning(`${message}; going on without TLS (--admin-tls-listen)`), undefined)
      )
  if (started === undefined) return undefined
  const { listener } = started
  if (started.served.warning !== undefined) yield* Effect.logWarning(started.served.warning)
  let { served } = started
  let told = ""
  const look = Effect.gen(function* () {
    const fresh = yield* loaded(options)
    const same = JSON.stringify(fresh.credentials) === JSON.stringify(served.credentials)
    if (!same) {
      yield* listener.replace(fresh.credentials)
      served = fresh
      if (fresh.warning !== undefined) yield* Effect.logWarning(fresh.warning)
      yield* Effect.logInfo("the admin API has a new TLS certificate; connections that are open keep the one they have")
    }
    told = ""
  }).pipe(
    Effect.catch(({ message }) => {
      const again = message === told
      told = message
      return again ? Effect.void : Effect.logError(`${message}; the one before goes on`)
    })
  )
  const interval = settings.certFile === undefined && settings.clientCaFile === undefined ? LOOK_AT_OWN : LOOK_AT_FILES
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(interval), look)))
  return (): NonNullable<Reach["tls"]> => ({
    hostname: where.hostname,
    port: listener.port,
    names: served.names,
    ...(served.ca === undefined ? {} : { ca: served.ca })
  })
})
