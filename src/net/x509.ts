// X.509 certificates (RFC 5280) of the one shape that a daemon makes for itself: a P-256 key, a CA that may sign servers and nothing
// else, and a server's certificate with its names and addresses. Values in, octets out: keys and signatures are the caller's affair.
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String
} from "./der.ts"
import { addressBytes, parseAddress } from "./ip.ts"

const ecdsaWithSha256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"))

/** A distinguished name of a common name alone. */
const commonName = (name: string): Uint8Array => sequence(set(sequence(objectIdentifier("2.5.4.3"), utf8String(name))))

interface Extension {
  readonly id: string
  readonly critical?: true
  readonly value: Uint8Array
}

const extension = ({ id, critical, value }: Extension): Uint8Array =>
  sequence(objectIdentifier(id), ...(critical === undefined ? [] : [boolean(true)]), octetString(value))

const BASIC_CONSTRAINTS = "2.5.29.19"
const KEY_USAGE = "2.5.29.15"
const EXTENDED_KEY_USAGE = "2.5.29.37"
const ALTERNATIVE_NAMES = "2.5.29.17"
const SUBJECT_KEY = "2.5.29.14"
const AUTHORITY_KEY = "2.5.29.35"
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1"

/** DNS names and IP addresses (RFC 5280 4.2.1.6). */
const alternativeNames = (names: ReadonlyArray<string>): Uint8Array =>
  sequence(
    ...names.map((name) => {
      const address = parseAddress(name)
      return address === undefined ? implicit(2, new TextEncoder().encode(name)) : implicit(7, addressBytes(address))
    })
  )

export interface CertificateFields {
  /** Up to 20 octets, the first bit clear. */
  readonly serial: Uint8Array
  readonly issuer: string
  readonly subject: string
  /** Milliseconds since the epoch; whole seconds count. */
  readonly notBefore: number
  readonly notAfter: number
  /** SubjectPublicKeyInfo of the subject. */
  readonly publicKey: Uint8Array
  /** What the keys are known by; up to 20 octets of a hash of each. */
  readonly keyId: Uint8Array
  readonly issuerKeyId: Uint8Array
  /** Absent: a CA. */
  readonly names?: ReadonlyArray<string>
}

const extensionsOf = ({ keyId, issuerKeyId, names }: CertificateFields): ReadonlyArray<Extension> => [
  ...(names === undefined
    ? ([
        { id: BASIC_CONSTRAINTS, critical: true, value: sequence(boolean(true), integer(Uint8Array.of(0))) },
        // keyCertSign
        { id: KEY_USAGE, critical: true, value: bitString(Uint8Array.of(0b0000_0100), 2) }
      ] as const)
    : ([
        { id: BASIC_CONSTRAINTS, critical: true, value: sequence() },
        // digitalSignature
        { id: KEY_USAGE, critical: true, value: bitString(Uint8Array.of(0b1000_0000), 7) },
        { id: EXTENDED_KEY_USAGE, value: sequence(objectIdentifier(SERVER_AUTH)) },
        { id: ALTERNATIVE_NAMES, value: alternativeNames(names) }
      ] as const)),
  { id: SUBJECT_KEY, value: octetString(keyId) },
  { id: AUTHORITY_KEY, value: sequence(implicit(0, issuerKeyId)) }
]

/** What the issuer signs (TBSCertificate). */
export const certificateBody = (fields: CertificateFields): Uint8Array =>
  sequence(
    explicit(0, integer(Uint8Array.of(2))),
    integer(fields.serial),
    ecdsaWithSha256,
    commonName(fields.issuer),
    sequence(time(fields.notBefore), time(fields.notAfter)),
    commonName(fields.subject),
    fields.publicKey,
    explicit(3, sequence(...extensionsOf(fields).map(extension)))
  )

/** The certificate: a body with its signature, which is r and s one after the other, 32 octets each (as WebCrypto gives it). */
export const signedCertificate = (body: Uint8Array, signature: Uint8Array): Uint8Array => {
  const ecdsa = sequence(integer(signature.slice(0, 32)), integer(signature.slice(32)))
  return sequence(body, ecdsaWithSha256, bitString(ecdsa))
}

/** `label`: "CERTIFICATE", "PRIVATE KEY" (RFC 7468). */
export const pem = (label: string, der: Uint8Array): string => {
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`
}
