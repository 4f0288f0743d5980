// The files that etcd's settings name: certificates for TLS and the password. They are read when they are used, so that a
// renewed file counts without a restart, and what is wrong with one is said before a handshake fails without words.
import { createPrivateKey, X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import type { EtcdSettings } from "../../config/daemonSettings.ts"
import { EtcdFailure } from "./failure.ts"

export interface TlsFiles {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

const refused = (message: string) => new EtcdFailure("refused", message, { notSent: true })

const reason = (error: unknown): string => {
  const code = error instanceof Error && "code" in error ? error.code : undefined
  if (code === "ENOENT") return "there is no such file"
  if (code === "EACCES") return "permission denied"
  if (code === "EISDIR") return "that is a directory"
  return error instanceof Error ? error.message : String(error)
}

const read = (name: string, path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    throw refused(`etcd's ${name} ${path}: ${reason(error)}`)
  }
}

const parsed = <A>(what: string, body: () => A): A => {
  try {
    return body()
  } catch {
    throw refused(`${what} in PEM`)
  }
}

/** Throws where a handshake with these files could only fail. */
const examine = (files: TlsFiles, settings: EtcdSettings): void => {
  const { ca, cert, key } = files
  if (ca !== undefined) parsed(`etcd's caFile ${settings.caFile} has no certificate`, () => new X509Certificate(ca))
  if ((cert === undefined) !== (key === undefined))
    throw refused("etcd's certFile and keyFile belong together: set both or none")
  if (cert === undefined || key === undefined) return
  const own = parsed(`etcd's certFile ${settings.certFile} has no certificate`, () => new X509Certificate(cert))
  const secret = parsed(`etcd's keyFile ${settings.keyFile} has no private key`, () => createPrivateKey(key))
  if (!own.checkPrivateKey(secret))
    throw refused(`etcd's keyFile ${settings.keyFile} is not the key of the certificate in ${settings.certFile}`)
}

/** Gives the files as they are now; the same value as long as they do not change. Throws an EtcdFailure. */
export const tlsFiles = (settings: EtcdSettings): (() => TlsFiles) => {
  let last: TlsFiles = {}
  return () => {
    const { caFile, certFile, keyFile } = settings
    const now: TlsFiles = {
      ...(caFile === undefined ? {} : { ca: read("caFile", caFile) }),
      ...(certFile === undefined ? {} : { cert: read("certFile", certFile) }),
      ...(keyFile === undefined ? {} : { key: read("keyFile", keyFile) })
    }
    if (now.ca === last.ca && now.cert === last.cert && now.key === last.key) return last
    examine(now, settings)
    last = now
    return now
  }
}

/** The first line of the password file; no file: an empty password. Throws an EtcdFailure. */
export const readPassword = (settings: EtcdSettings): string => {
  if (settings.passwordFile === undefined) return ""
  const password = read("passwordFile", settings.passwordFile).split(/\r?\n/, 1)[0] ?? ""
  if (password === "") throw refused(`etcd's passwordFile ${settings.passwordFile} is empty`)
  return password
}
