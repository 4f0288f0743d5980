// Files and directories as the commands and the daemon read them.
import { expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { readConfig } from "../../src/cli/readConfig.ts"

const inDirectory = (files: ReadonlyArray<string>, body: (directory: string) => void): void => {
  const directory = mkdtempSync(join(tmpdir(), "viaduct-config-"))
  try {
    for (const name of files) writeFileSync(join(directory, name), name)
    body(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test("a directory is its *.yaml and *.yml files in order, and no other", () => {
  inDirectory(["b.yml", "a.yaml", "c.txt", "d.yaml.bak"], (directory) => {
    mkdirSync(join(directory, "deeper.yaml"))
    const paths = ["a.yaml", "b.yml"].map((name) => join(directory, name))
    expect(readConfig([directory])).toEqual(paths.map((path) => ({ path, text: path.slice(directory.length + 1) })))
    expect(readConfig([join(directory, "b.yml"), directory]).map((file) => file.path)).toEqual(paths.toReversed())
    expect(readConfig([join(directory, "c.txt")]).map((file) => file.text)).toEqual(["c.txt"])
  })
})

test("what cannot be read is named with its reason", () => {
  expect(() => readConfig(["/nowhere/cluster.yaml"])).toThrow(
    "/nowhere/cluster.yaml: there is no such file or directory"
  )
  inDirectory(["c.txt"], (directory) => {
    expect(() => readConfig([directory])).toThrow(`${directory}: the directory has no *.yaml or *.yml file`)
  })
})
