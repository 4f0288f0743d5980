// The documents of a configuration from the file system: files as they are given, directories as the *.yaml and
// *.yml files in them, sorted by name, without those in deeper directories. Used by `validate`, `plan` and the
// daemon alike.
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import type { ConfigFile } from "../config/load.ts"

/** What the operating system's codes mean to somebody who gave a path. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  EACCES: "no permission to read it",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of the path is no directory"
}

const explained = (path: string, error: unknown): Error => {
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  return new Error(`${path}: ${REASONS[code] ?? (error instanceof Error ? error.message : String(error))}`)
}

const attempt = <T>(path: string, read: () => T): T => {
  try {
    return read()
  } catch (error) {
    throw explained(path, error)
  }
}

const filesOf = (path: string): ReadonlyArray<string> => {
  if (!attempt(path, () => statSync(path).isDirectory())) return [path]
  const names = attempt(path, () => readdirSync(path)).filter((name) => /\.ya?ml$/.test(name))
  const files = names.sort().map((name) => join(path, name))
  const readable = files.filter((file) => attempt(file, () => statSync(file).isFile()))
  if (readable.length === 0) throw new Error(`${path}: the directory has no *.yaml or *.yml file`)
  return readable
}

/** What stands for standard input among paths; a file of that name is `./-`. */
export const STANDARD_INPUT = "-"

/**
 * The texts behind `paths`. Throws an Error whose message names the path and the reason.
 * @param standardInput what `-` stands for; without it that is a file like any other
 */
export const readConfig = (paths: ReadonlyArray<string>, standardInput?: string): ReadonlyArray<ConfigFile> => {
  const isInput = (path: string): boolean => path === STANDARD_INPUT && standardInput !== undefined
  const files = paths.flatMap((path) => (isInput(path) ? [path] : filesOf(path)))
  return [...new Set(files)].map((path) =>
    isInput(path)
      ? { path: "standard input", text: standardInput ?? "" }
      : { path, text: attempt(path, () => readFileSync(path, "utf8")) }
  )
}
