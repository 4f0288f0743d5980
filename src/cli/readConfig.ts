// Reading the operator's files: a file as it is, a directory as its *.yaml and *.yml files in the order of their names.
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or directory",
  EACCES: "permission denied",
  EISDIR: "that is a directory"
}

const attempt = <A>(path: string, read: () => A): A => {
  try {
    return read()
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : ""
    throw new Error(`${path}: ${reasons[code] ?? (error instanceof Error ? error.message : String(error))}`)
  }
}

const filesAt = (path: string): ReadonlyArray<string> =>
  attempt(path, () => {
    if (!statSync(path).isDirectory()) return [path]
    const names = readdirSync(path).filter((name) => /\.ya?ml$/.test(name))
    if (names.length === 0) throw new Error("the directory holds no *.yaml or *.yml file")
    return names.sort().map((name) => join(path, name))
  })

/** The files that `paths` name, with their text. Throws an Error that says which path and why. */
export const readConfig = (
  paths: ReadonlyArray<string>
): ReadonlyArray<{ readonly path: string; readonly text: string }> =>
  paths.flatMap(filesAt).map((path) => ({ path, text: attempt(path, () => readFileSync(path, "utf8")) }))
