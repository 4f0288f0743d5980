// The file of tokens on a node: read by the daemon whenever it has changed, written by `viaduct token` and `viaduct kubeconfig`. It is
// replaced whole, is nobody's to read but its owner's, and belongs to whom it belonged before; at first to the owner of its directory,
// which is the daemon's user.
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Role } from "../api/access/actor.ts"
import { parseTokens, printTokens, type Token } from "../api/access/tokens.ts"

export const tokensPath = (dataDirectory: string): string => join(dataDirectory, "tokens")

export const sha256 = async (text: string): Promise<string> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex()

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return ""
    throw error
  }
}

/** None where there is no file. Throws what the file system says, and for a file with lines that cannot be read. */
export const readTokens = (path: string): ReadonlyArray<Token> => {
  const { tokens, problems } = parseTokens(textOf(path))
  if (problems.length > 0) throw new Error(`${path}: ${problems.join("; ")}`)
  return tokens
}

const writeTokens = (path: string, tokens: ReadonlyArray<Token>): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 })
  const fresh = `${path}.new`
  writeFileSync(fresh, printTokens(tokens), { mode: 0o600 })
  chmodSync(fresh, 0o600)
  const owner = statSync(existsSync(path) ? path : dirname(path))
  if (process.getuid?.() === 0) chownSync(fresh, owner.uid, owner.gid)
  renameSync(fresh, path)
}

/** Adds a token and gives it, for the only time. Throws where the name is taken. */
export const addToken = async (path: string, name: string, role: Role, nowMs: number): Promise<string> => {
  const tokens = readTokens(path)
  if (tokens.some((token) => token.name === name))
    throw new Error(`there is a token ${name} already; remove it first, or choose another name`)
  const secret = `vd_${crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true })}`
  const created = new Date(nowMs).toISOString()
  writeTokens(path, [...tokens, { name, role, hash: await sha256(secret), created }])
  return secret
}

/** Whether there was one. */
export const removeToken = (path: string, name: string): boolean => {
  const tokens = readTokens(path)
  const rest = tokens.filter((token) => token.name !== name)
  if (rest.length === tokens.length) return false
  writeTokens(path, rest)
  return true
}

/** What is wrong with who may open the file; hashes of tokens are nobody's business, and who can write them is in. */
const tooOpen = (
  path: string,
  { mode, uid }: { readonly mode: number; readonly uid: number },
  self: number
): ReadonlyArray<string> => {
  const others = [...(mode & 0o004 ? ["read"] : []), ...(mode & 0o002 ? ["write"] : [])]
  if (others.length === 0) return []
  // Whose it is may be all that the daemon can read it by.
  const own = self === 0 || self === uid ? "" : `chown ${self} ${path} && `
  const octal = (mode & 0o7777).toString(8).padStart(4, "0")
  return [`everybody on this machine may ${others.join(" and ")} ${path} (mode ${octal}): ${own}chmod 600 ${path}`]
}

/**
 * The tokens of the file as it is now; read again when it has changed. A file that is not there, or cannot be read, lets nobody in; one that
 * everybody may read is taken.
 * @param tell gets what is wrong with the file, once for each time that it is read
 * @param self user that the daemon runs as
 */
export const watchedTokens = (
  path: string,
  tell: (problem: string) => void,
  self = process.getuid?.() ?? 0
): (() => Promise<ReadonlyArray<Token>>) => {
  let seen = ""
  let told = ""
  let tokens: ReadonlyArray<Token> = []
  const say = (problem: string): void => {
    if (problem !== "" && problem !== told) tell(problem)
    told = problem
  }
  return async () => {
    try {
      const file = statSync(path)
      const stamp = `${file.ino} ${file.size} ${file.mtimeMs} ${file.mode} ${file.uid}`
      if (stamp === seen) return tokens
      const parsed = parseTokens(readFileSync(path, "utf8"))
      seen = stamp
      tokens = parsed.tokens
      told = ""
      say([...parsed.problems.map((problem) => `${path}: ${problem}`), ...tooOpen(path, file, self)].join("; "))
    } catch (error) {
      seen = ""
      tokens = []
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT"
      say(missing ? "" : `the tokens cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
    return tokens
  }
}
