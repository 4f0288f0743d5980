// Bearer tokens as a file has them: one a line, `NAME ROLE HASH [CREATED]`, where the hash is the SHA-256 of the token in hex. The file
// holds no token (I10), so whoever reads it cannot log in. A line that cannot be read lets nobody in and is told.
import type { Role } from "./actor.ts"

export interface Token {
  readonly name: string
  readonly role: Role
  /** 64 hex digits. */
  readonly hash: string
  /** RFC 3339. */
  readonly created?: string
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$/

/** What a name may look like, or true. */
export const explainName = (name: string): true | string =>
  NAME.test(name) ||
  "a name has 1 to 63 letters, digits, dots, underscores, hyphens or @ and begins with a letter or digit"

/** The tokens of a file and, by line from 1, what cannot be read. Never throws. */
export const parseTokens = (
  text: string
): { readonly tokens: ReadonlyArray<Token>; readonly problems: ReadonlyArray<string> } => {
  const tokens: Array<Token> = []
  const problems: Array<string> = []
  for (const [i, line] of text.split("\n").entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    const [name = "", role, hash = "", created] = line.trim().split(/\s+/)
    if (explainName(name) !== true || (role !== "read" && role !== "write") || !/^[0-9a-f]{64}$/.test(hash))
      problems.push(`line ${i + 1} is no "NAME read|write HASH"`)
    else if (tokens.some((token) => token.name === name)) problems.push(`line ${i + 1} has the name ${name} again`)
    else tokens.push({ name, role, hash, ...(created === undefined ? {} : { created }) })
  }
  return { tokens, problems }
}

export const printTokens = (tokens: ReadonlyArray<Token>): string =>
  tokens.map(({ name, role, hash, created }) => `${[name, role, hash, created ?? ""].join(" ").trimEnd()}\n`).join("")

/** Takes as long for every pair of texts of the same length. */
const same = (a: string, b: string): boolean => {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i % Math.max(1, b.length))
  return difference === 0
}

/** Looks at every token, whichever it is. */
export const findToken = (tokens: ReadonlyArray<Token>, hash: string): Token | undefined => {
  let found: Token | undefined
  for (const token of tokens) if (same(token.hash, hash)) found = token
  return found
}
