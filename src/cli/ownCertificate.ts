// The certificate that a daemon makes for itself: a CA of its own, made once and kept, and a server's certificate under it, made anew
// before it expires and when the node has names or addresses that it lacks. What clients keep is the CA, so a new one means nothing to them.
//
//   DATA_DIR/tls/ca.pem ca.key server.pem server.key    keys are for the daemon's user alone
import { createPrivateKey, X509Certificate } from "node:crypto"
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseAddress } from "../net/ip.ts"
import { certificateBody, pem, signedCertificate } from "../net/x509.ts"

const DAY_MS = 86_400_000
const CA_DAYS = 3_650
const SERVER_DAYS = 365
/** Renewed when less of it is left. */
const RENEW_DAYS = 120
/** Clocks of clients may be behind. */
const SKEW_MS = 3_600_000

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }

interface KeyPair {
  readonly privateKey: CryptoKey
  readonly privatePem: string
  readonly publicKey: Uint8Array
  readonly keyId: Uint8Array
}

const keyIdOf = async (spki: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(spki))).slice(0, 20)

const newKeyPair = async (): Promise<KeyPair> => {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey))
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey))
  return { privateKey, privatePem: pem("PRIVATE KEY", pkcs8), publicKey: spki, keyId: await keyIdOf(spki) }
}

const newSerial = (): Uint8Array => {
  const serial = crypto.getRandomValues(new Uint8Array(16))
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  return serial
}

interface Issuer {
  readonly name: string
  readonly privateKey: CryptoKey
  readonly keyId: Uint8Array
}

const issue = async (
  { name, privateKey, keyId }: Issuer,
  subject: string,
  key: KeyPair,
  nowMs: number,
  days: number,
  names?: ReadonlyArray<string>
): Promise<string> => {
  const body = certificateBody({
    serial: newSerial(),
    ...{ issuer: name, subject, notBefore: nowMs - SKEW_MS, notAfter: nowMs + days * DAY_MS },
    ...{ publicKey: key.publicKey, keyId: key.keyId, issuerKeyId: keyId },
    ...(names === undefined ? {} : { names })
  })
  const signature = await crypto.subtle.sign(algorithm, privateKey, Uint8Array.from(body))
  return pem("CERTIFICATE", signedCertificate(body, new Uint8Array(signature)))
}

/** Whole or not at all, and readable by nobody else where `secret`. */
const put = (path: string, text: string, secret: boolean): void => {
  const fresh = `${path}.new`
  const mode = secret ? 0o600 : 0o644
  writeFileSync(fresh, text, { mode })
  chmodSync(fresh, mode)
  renameSync(fresh, path)
}

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

/** A certificate with its key; undefined where one of them is missing or cannot be read, or they do not belong together. */
const readPair = (certPath: string, keyPath: string) => {
  const [cert, key] = [readText(certPath), readText(keyPath)]
  if (cert === undefined || key === undefined) return undefined
  try {
    const certificate = new X509Certificate(cert)
    return certificate.checkPrivateKey(createPrivateKey(key)) ? { cert, key, certificate } : undefined
  } catch {
    return undefined
  }
}

const daysLeft = ({ validTo }: X509Certificate, nowMs: number): number => (Date.parse(validTo) - nowMs) / DAY_MS

/** DNS names and addresses of a certificate, addresses in canonical form. */
export const namesOf = ({ subjectAltName }: X509Certificate): ReadonlyArray<string> =>
  (subjectAltName ?? "").split(", ").flatMap((entry) => {
    const [, type, value = ""] = /^(DNS|IP Address):(.*)$/.exec(entry) ?? []
    if (type === undefined) return []
    return [type === "DNS" ? value.toLowerCase() : (parseAddress(value) ?? value)]
  })

const privateKeyOf = (text: string): Promise<CryptoKey> => {
  const der = createPrivateKey(text).export({ type: "pkcs8", format: "der" })
  return crypto.subtle.importKey("pkcs8", Uint8Array.from(der), algorithm, false, ["sign"])
}

const ownCa = async (directory: string, node: string, nowMs: number): Promise<Issuer & { readonly cert: string }> => {
  const [certPath, keyPath] = [join(directory, "ca.pem"), join(directory, "ca.key")]
  const kept = readPair(certPath, keyPath)
  if (kept !== undefined && daysLeft(kept.certificate, nowMs) > RENEW_DAYS) {
    const spki = new Uint8Array(kept.certificate.publicKey.export({ type: "spki", format: "der" }))
    const name = /^CN=(.*)$/m.exec(kept.certificate.subject)?.[1] ?? ""
    return { name, privateKey: await privateKeyOf(kept.key), keyId: await keyIdOf(spki), cert: kept.cert }
  }
  const key = await newKeyPair()
  // Two CAs of the same name would be one to a client that has both.
  const name = `viaduct ${node} ${newSerial().slice(0, 4).toHex()}`
  const issuer = { name, privateKey: key.privateKey, keyId: key.keyId }
  const cert = await issue(issuer, name, key, nowMs, CA_DAYS)
  put(keyPath, key.privatePem, true)
  put(certPath, cert, false)
  return { ...issuer, cert }
}

export interface OwnCertificate {
  /** PEM: the server's certificate with its CA behind it. */
  readonly cert: string
  readonly key: string
  readonly ca: string
}

/**
 * The daemon's certificate for `names`, from its directory, or a new one there. Throws what the file system says.
 * @param names DNS names and addresses in canonical form
 */
export const ownCertificate = async (
  dataDirectory: string,
  node: string,
  names: ReadonlyArray<string>,
  nowMs: number
): Promise<OwnCertificate> => {
  const directory = join(dataDirectory, "tls")
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  const ca = await ownCa(directory, node, nowMs)
  const [certPath, keyPath] = [join(directory, "server.pem"), join(directory, "server.key")]
  const kept = readPair(certPath, keyPath)
  if (kept !== undefined) {
    const has = new Set(namesOf(kept.certificate))
    const good = kept.certificate.verify(new X509Certificate(ca.cert).publicKey)
    if (good && daysLeft(kept.certificate, nowMs) > RENEW_DAYS && names.every((name) => has.has(name)))
      return { cert: kept.cert + ca.cert, key: kept.key, ca: ca.cert }
  }
  const key = await newKeyPair()
  const cert = await issue(ca, node, key, nowMs, SERVER_DAYS, [...new Set(names)])
  put(keyPath, key.privatePem, true)
  put(certPath, cert, false)
  return { cert: cert + ca.cert, key: key.privatePem, ca: ca.cert }
}
