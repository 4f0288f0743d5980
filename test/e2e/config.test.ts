// The config of one node as its operator sees it: files that are watched, edited by real editors, changes through the commands, what is left of
// both after kill -9, and a change that takes itself back (S20, I5).
import { afterEach, describe, expect, test } from "bun:test"
import { renameSync, writeFileSync } from "node:fs"
import { clusterYaml, Directory, type Router, Running, runOnce, startRouter, statusAt, until } from "./world.ts"

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

let subnet = 0
const world = async () => {
  const base = `127.25.${++subnet}`
  const node = `${base}.10`
  const directory = new Directory()
  cleanups.push(() => directory.remove())
  const peers: Array<Router> = []
  for (const last of [254, 253]) {
    const router = await startRouter(`${base}.${last}`, node)
    cleanups.push(router.stop)
    peers.push(router)
  }
  const [first, second] = peers as [Router, Router]
  const one = clusterYaml(node, [first.address])
  const both = clusterYaml(node, [first.address, second.address])
  const file = directory.write("cluster.yaml", one)
  const socket = directory.at("a.sock")
  const start = () => {
    const daemon = new Running([
      ...["run", "--config", file, "--node", "node-01", "--data-dir", directory.at("data")],
      ...["--admin-socket", socket, "--admin-listen", "none"]
    ])
    cleanups.push(() => daemon.end("SIGKILL"))
    return daemon
  }
  const has = (router: Router, routes: number) =>
    until(`${router.address} to have ${routes} routes`, () => router.routes().length === routes)
  const command = (...words: ReadonlyArray<string>) => runOnce([...words, "--socket", socket])
  return { node, directory, first, second, one, both, file, socket, start, has, command }
}

const revision = async (socket: string) => (await statusAt(socket)).config.revision

describe("the file of a running daemon", () => {
  test("is taken up when it changes, by whatever way, and a broken one is told of once", async () => {
    const { first, second, one, both, file, socket, start, has, directory } = await world()
    const daemon = start()
    await has(first, 1)
    // As editors save: a new file moves into the place of the old one.
    renameSync(directory.write("new", both), file)
    await has(second, 1)
    writeFileSync(file, one)
    await has(second, 0)
    expect(await revision(socket)).toBe(3)
    for (const text of ["kind: [", `${both.replace("10.0.0.8", "10.0.0.800")}`]) {
      writeFileSync(file, text)
      await until("the refusal", async () => (await statusAt(socket)).config.lastError)
      writeFileSync(file, `# nothing new\n${one}`)
      await until("all to be well", async () => (await statusAt(socket)).config.lastError === undefined)
    }
    expect(daemon.output.match(/the config was refused and nothing changed/g)).toHaveLength(2)
    expect(await revision(socket)).toBe(3)
    expect((await statusAt(socket)).sessions[0]).toMatchObject({ state: "Established", flaps: 0 })
    expect(first.session.report().flaps).toBe(0)
  }, 30_000)
})

describe("changes through the commands", () => {
  test("outlive kill -9, also where the file was edited meanwhile", async () => {
    const { first, second, one, both, file, socket, start, has, command, directory, node } = await world()
    const daemon = start()
    await has(first, 1)
    const named = directory.write("both.yaml", both)
    const applied = await command("apply", "-m", "second router", named)
    expect([applied.code, applied.err]).toEqual([0, ""])
    await has(second, 1)
    await daemon.end("SIGKILL")
    // What the file changes is something else: how long the peers are waited for.
    writeFileSync(file, `${one}---\n{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n`)
    start()
    await has(second, 1)
    await has(first, 1)
    expect(await revision(socket)).toBe(3)
    const { out } = await command("history")
    expect(out).toMatch(/second router/)
    const rolled = await command("rollback", "1")
    expect(rolled.code).toBe(0)
    await has(second, 0)
    expect(first.routes()).toEqual([`10.0.0.8/32 via ${node}`])
  }, 30_000)

  test("that nobody confirms are taken back, also by the run after a kill -9", async () => {
    const { first, second, both, socket, start, has, command, directory } = await world()
    const daemon = start()
    await has(first, 1)
    const named = directory.write("both.yaml", both)
    expect((await command("apply", "--confirm-within", "6s", named)).code).toBe(0)
    await has(second, 1)
    expect((await statusAt(socket)).config.unconfirmed).toMatchObject({ rollbackTo: 1 })
    await daemon.end("SIGKILL")
    start()
    await has(first, 1)
    await has(second, 1)
    await until("the change to be taken back", async () => (await revision(socket)) === 3)
    await has(second, 0)
    expect((await command("history")).out).toMatch(/unconfirmed/)
  }, 30_000)
})
