// The file of tokens on disk: who may read it, whose it is, and that the daemon sees every change of it at the next login.
import { afterEach, describe, expect, test } from "bun:test"
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { findToken } from "../../src/api/access/tokens.ts"
import { addToken, readTokens, removeToken, sha256, tokensPath, watchedTokens } from "../../src/cli/tokensFile.ts"

const directories: Array<string> = []
afterEach(() => {
  for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true })
})
const directory = (): string => {
  const path = mkdtempSync(join(tmpdir(), "viaduct-tokens-"))
  directories.push(path)
  return path
}

describe("the file of tokens", () => {
  test("has hashes, for its owner alone; a token is found by the text that was shown once", async () => {
    const path = tokensPath(directory())
    const alice = await addToken(path, "alice", "write", 0)
    const bob = await addToken(path, "bob", "read", 0)
    expect(alice).toMatch(/^vd_[\w-]{43}$/)
    expect(alice).not.toBe(bob)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readFileSync(path, "utf8")).not.toMatch(/vd_/)
    expect(findToken(readTokens(path), await sha256(bob))).toMatchObject({ name: "bob", role: "read" })
    await expect(addToken(path, "bob", "write", 0)).rejects.toThrow("there is a token bob already")
    expect([removeToken(path, "alice"), removeToken(path, "alice")]).toEqual([true, false])
    expect(readTokens(path).map(({ name }) => name)).toEqual(["bob"])
  })

  test("that has a line nobody understands is not written over", async () => {
    const path = tokensPath(directory())
    writeFileSync(path, "alice write short\n")
    await expect(addToken(path, "bob", "read", 0)).rejects.toThrow("line 1")
    expect(readFileSync(path, "utf8")).toBe("alice write short\n")
  })

  test.skipIf(process.getuid?.() !== 0)(
    "belongs to whoever owns the directory, so that the daemon may read it",
    async () => {
      const data = directory()
      chownSync(data, 65_534, 65_534)
      await addToken(tokensPath(data), "alice", "write", 0)
      expect(statSync(tokensPath(data)).uid).toBe(65_534)
    }
  )
})

describe("the daemon", () => {
  test("sees tokens come and go; without a file, or with one it cannot read, nobody gets in", async () => {
    const path = tokensPath(directory())
    const told: Array<string> = []
    const tokens = watchedTokens(path, (problem) => told.push(problem))
    const names = async () => (await tokens()).map(({ name }) => name)
    expect(await names()).toEqual([])
    await addToken(path, "alice", "write", 0)
    expect(await names()).toEqual(["alice"])
    await addToken(path, "bob", "read", 0)
    expect(await names()).toEqual(["alice", "bob"])
    removeToken(path, "alice")
    expect(await names()).toEqual(["bob"])
    rmSync(path)
    expect([await names(), told]).toEqual([[], []])
    writeFileSync(path, "nonsense\n")
    expect([await names(), await names()]).toEqual([[], []])
    expect(told).toEqual([expect.stringContaining("line 1")])
  })

  test("warns of a file that everybody may read or write, each time that it is read, and takes it", async () => {
    const path = tokensPath(directory())
    const told: Array<string> = []
    const tokens = watchedTokens(path, (problem) => told.push(problem))
    await addToken(path, "alice", "write", 0)
    chmodSync(path, 0o640)
    expect([(await tokens()).length, told]).toEqual([1, []])
    const warning = (may: string, mode: string) =>
      `everybody on this machine may ${may} ${path} (mode ${mode}): chmod 600 ${path}`
    chmodSync(path, 0o644)
    expect([(await tokens()).length, (await tokens()).length]).toEqual([1, 1])
    chmodSync(path, 0o622)
    await tokens()
    chmodSync(path, 0o666)
    await tokens()
    const all = [warning("read", "0644"), warning("write", "0622"), warning("read and write", "0666")]
    expect(told).toEqual(all)
    writeFileSync(path, `# by hand\n${readFileSync(path, "utf8")}`)
    await tokens()
    chmodSync(path, 0o600)
    await tokens()
    expect(told).toEqual([...all, warning("read and write", "0666")])
  })

  test("keeps a file that it may read only because everybody may: the advice takes nobody's access away", async () => {
    const path = tokensPath(directory())
    await addToken(path, "alice", "write", 0)
    chmodSync(path, 0o644)
    const told: Array<string> = []
    const owner = statSync(path).uid
    await watchedTokens(path, (problem) => told.push(problem), owner + 1)()
    expect(told).toEqual([expect.stringMatching(new RegExp(`: chown ${owner + 1} \\S+ && chmod 600 \\S+$`))])
  })
})
