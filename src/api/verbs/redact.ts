// Takes out of a JSON value what might be a secret that somebody put where none belongs (I10): values of fields that are called so, and
// passwords inside URLs. The names of files stay, they say where a secret is and not what.

const SECRET_NAME = /password|passwd|passphrase|secret|token|credential|authorization|private.?key|md5.?key|api.?key/i
const NAMES_A_FILE = /(file|path|dir|directory|files)$/i
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi
const BEARER = /\b(bearer|basic)\s+[\w+/.~=-]{8,}/gi
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g

/** `password: x`, `"token":"x"`, also inside JSON that is itself text. Names of files end otherwise and stay. */
const ASSIGNED =
  /((?:password|passwd|passphrase|secret|token|api[-_]?key)\\*["']?\s*[:=]\s*)(\\*"(?:[^"\\]|\\[^"])*\\*"|'[^']*'|[^\s"',;}\]]+)/gi

const REDACTED = "REDACTED"

/** Text without passwords and tokens that are called so, passwords in URLs, authorization headers and private keys. */
export const redactText = (text: string): string =>
  text
    .replace(PEM, REDACTED)
    .replace(URL_PASSWORD, `$1:${REDACTED}@`)
    .replace(BEARER, `$1 ${REDACTED}`)
    .replace(ASSIGNED, `$1${REDACTED}`)

const isSecret = (name: string, value: unknown): boolean =>
  SECRET_NAME.test(name) && !NAMES_A_FILE.test(name) && (typeof value === "string" || typeof value === "number")

/** A copy of `value` without them. */
export const redact = (value: unknown): unknown => {
  if (typeof value === "string") return redactText(value)
  if (Array.isArray(value)) return value.map(redact)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inside]) => [name, isSecret(name, inside) ? REDACTED : redact(inside)])
  )
}
