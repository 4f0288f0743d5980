// What went wrong between us and etcd, in words that an operator can act on: whether the request can have reached anybody,
// whether another endpoint may know better, and what the three reasons of StoreError are for each answer and error code.
import { StoreError } from "../../ports/ClusterStore.ts"
import type { ErrorAnswer } from "./protocol.ts"

/** Numbers of gRPC's status codes that etcd uses. */
const code = {
  invalid: 3,
  notFound: 5,
  denied: 7,
  exhausted: 8,
  precondition: 9,
  unimplemented: 12,
  away: 14,
  token: 16
}

export class EtcdFailure extends Error {
  readonly reason: StoreError["reason"]
  /** Nobody got the request, so that it may be sent to another endpoint, whatever it asks for. */
  readonly notSent: boolean
  /** etcd itself said no: every other member would, too. */
  readonly final: boolean
  /** The token is no longer known: ask for a new one and repeat. */
  readonly tokenGone: boolean
  /** The revision that was asked for is not known (any more). */
  readonly revisionGone: boolean

  constructor(
    reason: StoreError["reason"],
    message: string,
    more: Partial<Pick<EtcdFailure, "notSent" | "final" | "tokenGone" | "revisionGone">> = {}
  ) {
    super(message)
    this.reason = reason
    this.notSent = more.notSent ?? false
    this.final = more.final ?? false
    this.tokenGone = more.tokenGone ?? false
    this.revisionGone = more.revisionGone ?? false
  }
}

export const toStoreError = (error: unknown): StoreError =>
  error instanceof EtcdFailure
    ? new StoreError({ reason: error.reason, message: error.message })
    : new StoreError({ reason: "unreachable", message: error instanceof Error ? error.message : String(error) })

const who = (username: string | undefined): string => (username === undefined ? "nobody" : `user ${username}`)

/** The gateway is a client of its own member, and shows it the server's certificate. */
const gatewayHint =
  "; if that stays: with --client-cert-auth the server's certificate must be good for clients, too " +
  "(extendedKeyUsage serverAuth and clientAuth)"

/** An answer of etcd that is an error. `status` is HTTP's, `prefix` the cluster's keys. */
export const answeredFailure = (
  answer: ErrorAnswer,
  endpoint: string,
  username: string | undefined,
  prefix: string
): EtcdFailure => {
  const number = answer.code ?? answer.grpc_code
  const words = (answer.message ?? answer.error ?? "an error without words").replace(/^etcdserver: /, "")
  const no = (message: string) => new EtcdFailure("refused", message, { final: true })
  if (number === code.token || words.includes("revision of auth store is old"))
    return new EtcdFailure("refused", `etcd does not take our token (${words})`, { tokenGone: true })
  if (words.includes("requested lease not found"))
    return new EtcdFailure("lease-gone", "the lease has ended: it was not kept alive in time", { final: true })
  if (words.includes("mvcc: required revision"))
    return new EtcdFailure("refused", `etcd: ${words}`, { final: true, revisionGone: true })
  if (words.includes("authentication failed"))
    return no(`etcd does not let ${who(username)} in: wrong user or password; look at username and passwordFile`)
  if (words.includes("user name is empty")) return no("etcd wants a user and a password: set username and passwordFile")
  if (number === code.denied)
    return no(
      `etcd does not let ${who(username)} use the keys below ${prefix}: ` +
        `etcdctl role grant-permission ROLE readwrite --prefix=true ${prefix}`
    )
  if (words.includes("database space exceeded"))
    return no("etcd is full (database space exceeded): compact and defragment it, then run etcdctl alarm disarm")
  if (words === "connection closed" || words.includes("handshake failed"))
    return new EtcdFailure(
      "unreachable",
      `${endpoint}: the JSON gateway has lost its own etcd (${words})${gatewayHint}`
    )
  if (words.includes("no leader") || words.includes("leader changed"))
    return new EtcdFailure("unreachable", `${endpoint}: etcd has no leader; too few of its members reach each other`)
  if (number === code.away || words.includes("timed out") || words.includes("too many requests"))
    return new EtcdFailure("unreachable", `${endpoint}: ${words}`)
  return no(`etcd refuses: ${words}`)
}

/** An answer that is no JSON: of the gateway before it asked etcd, or of something else. */
export const foreignFailure = (text: string, status: number, endpoint: string): EtcdFailure => {
  if (text.includes("CommonName"))
    return new EtcdFailure(
      "refused",
      `${endpoint}: etcd's JSON gateway takes no user from a client whose certificate has a CommonName; ` +
        "give viaduct a certificate whose subject has none (openssl: -subj /O=viaduct)"
    )
  if (status === 404)
    return new EtcdFailure(
      "refused",
      `${endpoint} has no JSON gateway: etcd must be 3.4 or later and run without --enable-grpc-gateway=false`
    )
  return new EtcdFailure(
    "refused",
    `${endpoint} does not answer as etcd does (HTTP status ${status}); is there a proxy in between?`
  )
}

/** Errors of a certificate, by OpenSSL's name as Bun has them. */
const certificateProblems: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate signs itself and is not in caFile",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate comes from an authority that is not in caFile",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate comes from an authority that is not in caFile",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate comes from an authority that is not in caFile",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate comes from an authority that is not in caFile",
  CERT_SIGNATURE_FAILURE: "its certificate was not signed by the authority in caFile",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet; compare the clocks",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for other names; add this one to its subjectAltName",
  INVALID_PURPOSE: "its certificate is not for servers (extendedKeyUsage serverAuth)",
  EPROTO:
    "the TLS handshake failed; it refuses our certificate (certFile, keyFile), wants one that is not set, or speaks no TLS"
}

const neverSent: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused; etcd does not run there",
  ENOTFOUND: "there is no such name",
  EAI_AGAIN: "its name cannot be looked up now",
  EHOSTUNREACH: "no way to the host",
  ENETUNREACH: "no route to the network",
  EADDRNOTAVAIL: "no local address for it"
}

/** What fetch threw. A request that may have been read by etcd is not `notSent`. */
export const thrownFailure = (error: unknown, endpoint: string): EtcdFailure => {
  if (error instanceof EtcdFailure) return error
  const name = error instanceof Error && "code" in error ? String(error.code) : ""
  const certificate = certificateProblems[name]
  if (certificate !== undefined) return new EtcdFailure("refused", `${endpoint}: ${certificate}`, { notSent: true })
  const unsent = neverSent[name]
  if (unsent !== undefined) return new EtcdFailure("unreachable", `${endpoint}: ${unsent}`, { notSent: true })
  if (name === "ECONNRESET")
    return new EtcdFailure(
      "unreachable",
      `${endpoint}: the connection broke (or one side speaks TLS and the other not)`
    )
  return new EtcdFailure("unreachable", `${endpoint}: ${error instanceof Error ? error.message : String(error)}`)
}
