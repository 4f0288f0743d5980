// Secrets in files, as systemd credentials and Kubernetes mount them: the first line is the secret.
import { readFile } from "node:fs/promises"
import { Effect, Layer } from "effect"
import { SecretError, Secrets } from "../../ports/Secrets.ts"

/** The kernel's limit for TCP-MD5 (TCP_MD5SIG_MAXKEYLEN). */
const octetsMax = 80

const reason = (error: unknown): string => {
  const code = error instanceof Error && "code" in error ? error.code : undefined
  if (code === "ENOENT") return "there is no such file"
  if (code === "EACCES") return "permission denied"
  if (code === "EISDIR") return "that is a directory"
  return error instanceof Error ? error.message : String(error)
}

const read = (path: string) =>
  Effect.gen(function* () {
    const text = yield* Effect.tryPromise({
      try: () => readFile(path, "utf8"),
      catch: (error) => new SecretError({ message: `password file ${path}: ${reason(error)}; the session stays down` })
    })
    const secret = text.split(/\r?\n/, 1)[0] ?? ""
    if (secret === "")
      return yield* new SecretError({ message: `password file ${path} is empty; the session stays down` })
    if (new TextEncoder().encode(secret).length > octetsMax)
      return yield* new SecretError({
        message: `password file ${path}: longer than ${octetsMax} octets, the kernel's limit`
      })
    return secret
  })

export const FileSecrets = Layer.succeed(Secrets, Secrets.of({ read }))
