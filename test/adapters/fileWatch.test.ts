// What editors and tools do to a file, call by call, and what a watcher is told: once they are done, of what is there then, and nothing
// of files that are no business of its own.
import { afterEach, describe, expect, test } from "bun:test"
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Fiber, Stream } from "effect"
import { LinuxFileWatch } from "../../src/adapters/file/LinuxFileWatch.ts"
import { FileWatch } from "../../src/ports/FileWatch.ts"

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const directory = (): string => {
  const made = mkdtempSync(join(tmpdir(), "viaduct-watch-"))
  cleanups.push(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const deadlineMs = 10_000

/** What a reader sees at each notice. */
const watching = async (paths: ReadonlyArray<string>, read: () => string) => {
  const seen: Array<string> = []
  const listening = Effect.gen(function* () {
    const { changes } = yield* FileWatch
    yield* Stream.runForEach(changes(paths), () =>
      Effect.sync(() => {
        try {
          seen.push(read())
        } catch {
          seen.push("(not there)")
        }
      })
    )
  })
  const fiber = Effect.runFork(Effect.provide(listening, LinuxFileWatch))
  cleanups.push(() => Effect.runPromise(Fiber.interrupt(fiber)))
  // The watches stand before the first turn of the event loop is over.
  await Bun.sleep(20)
  return {
    seen,
    until: async (what: string) => {
      for (const end = performance.now() + deadlineMs; performance.now() < end; ) {
        if (seen.at(-1) === what) return
        await Bun.sleep(10)
      }
      throw new Error(`not within ${deadlineMs} ms: ${what}; seen: ${JSON.stringify(seen)}`)
    }
  }
}

const soon = () => Bun.sleep(30)

/** Each writes NEW where OLD was. */
const habits: ReadonlyArray<{
  readonly name: string
  readonly how: (file: string, beside: (name: string) => string) => unknown
}> = [
  { name: "written in place", how: (file) => writeFileSync(file, "NEW") },
  {
    name: "cut to nothing, then written in two goes",
    how: async (file) => {
      truncateSync(file)
      await soon()
      appendFileSync(file, "N")
      await soon()
      appendFileSync(file, "EW")
    }
  },
  {
    name: "vim: the old one becomes the backup, a new one is written, the backup goes",
    how: async (file, beside) => {
      writeFileSync(beside("4913"), "")
      unlinkSync(beside("4913"))
      renameSync(file, `${file}~`)
      await soon()
      writeFileSync(file, "NEW")
      await soon()
      unlinkSync(`${file}~`)
    }
  },
  {
    name: "sed -i, emacs, editors that save safely: another file moves into its place",
    how: (file, beside) => {
      writeFileSync(beside(".#cluster.yaml.tmp"), "NEW")
      renameSync(beside(".#cluster.yaml.tmp"), file)
    }
  },
  {
    name: "git checkout: taken away and made anew",
    how: async (file) => {
      unlinkSync(file)
      await soon()
      writeFileSync(file, "NEW")
    }
  },
  {
    name: "away for longer than anybody waits",
    how: async (file) => {
      unlinkSync(file)
      await Bun.sleep(400)
      writeFileSync(file, "NEW")
    }
  }
]

describe("a watched file", () => {
  for (const { name, how } of habits)
    test(`${name}: what is there in the end is seen, also the second time`, async () => {
      const place = directory()
      const file = join(place, "cluster.yaml")
      writeFileSync(file, "OLD")
      const watch = await watching([file], () => readFileSync(file, "utf8"))
      await how(file, (other) => join(place, other))
      await watch.until("NEW")
      writeFileSync(file, "AGAIN")
      await watch.until("AGAIN")
      await how(file, (other) => join(place, other))
      await watch.until("NEW")
    })

  test("written in several goes is told of once, when it is whole", async () => {
    const file = join(directory(), "cluster.yaml")
    writeFileSync(file, "OLD")
    const watch = await watching([file], () => readFileSync(file, "utf8"))
    truncateSync(file)
    for (const part of ["a", "b", "c", "d"]) {
      appendFileSync(file, part)
      await soon()
    }
    await watch.until("abcd")
    // More than one only where this machine was busy for as long as the watch waits.
    expect(watch.seen.length).toBeLessThanOrEqual(2)
  })

  test("is not told of what happens to its neighbours", async () => {
    const place = directory()
    const file = join(place, "cluster.yaml")
    writeFileSync(file, "OLD")
    const watch = await watching([file], () => readFileSync(file, "utf8"))
    for (const other of ["other.yaml", ".cluster.yaml.swp", "cluster.yaml~"]) writeFileSync(join(place, other), "x")
    await Bun.sleep(400)
    expect(watch.seen).toEqual([])
    writeFileSync(file, "NEW")
    await watch.until("NEW")
  })

  test("that a ConfigMap mounts: links through one that is exchanged", async () => {
    const place = directory()
    const version = (name: string, text: string) => {
      mkdirSync(join(place, name))
      writeFileSync(join(place, name, "cluster.yaml"), text)
    }
    version("..1", "OLD")
    symlinkSync("..1", join(place, "..data"))
    symlinkSync("..data/cluster.yaml", join(place, "cluster.yaml"))
    const file = join(place, "cluster.yaml")
    const watch = await watching([file], () => readFileSync(file, "utf8"))
    for (const [name, text] of [
      ["..2", "NEW"],
      ["..3", "AGAIN"]
    ] as const) {
      version(name, text)
      symlinkSync(name, join(place, "..data_tmp"))
      renameSync(join(place, "..data_tmp"), join(place, "..data"))
      await watch.until(text)
    }
  })

  test("behind a link into another directory, and the link itself", async () => {
    const [here, there] = [directory(), directory()]
    writeFileSync(join(there, "real.yaml"), "OLD")
    const file = join(here, "cluster.yaml")
    symlinkSync(join(there, "real.yaml"), file)
    const watch = await watching([file], () => readFileSync(file, "utf8"))
    writeFileSync(join(there, "real.yaml"), "NEW")
    await watch.until("NEW")
    writeFileSync(join(there, "other.yaml"), "OTHER")
    symlinkSync(join(there, "other.yaml"), join(here, "link"))
    renameSync(join(here, "link"), file)
    await watch.until("OTHER")
    writeFileSync(join(there, "other.yaml"), "AGAIN")
    await watch.until("AGAIN")
  })

  test("whose directory is not there yet, and comes anew", async () => {
    const place = join(directory(), "etc")
    const file = join(place, "cluster.yaml")
    const watch = await watching([file], () => readFileSync(file, "utf8"))
    for (const text of ["NEW", "AGAIN"]) {
      mkdirSync(place)
      writeFileSync(file, text)
      await watch.until(text)
      rmSync(place, { recursive: true })
      await watch.until("(not there)")
    }
  })
})

describe("a watched directory", () => {
  const names = (place: string) => () => [...new Bun.Glob("*.yaml").scanSync(place)].sort().join(" ")

  test("documents that come, change and go are seen, editors' own files are not", async () => {
    const place = directory()
    writeFileSync(join(place, "a.yaml"), "a")
    const watch = await watching([place], names(place))
    for (const other of [".b.yaml.swp", "4913", "notes.txt"]) writeFileSync(join(place, other), "x")
    await Bun.sleep(400)
    expect(watch.seen).toEqual([])
    writeFileSync(join(place, "b.yaml"), "b")
    await watch.until("a.yaml b.yaml")
    renameSync(join(place, "b.yaml"), join(place, "c.yaml"))
    await watch.until("a.yaml c.yaml")
    unlinkSync(join(place, "a.yaml"))
    await watch.until("c.yaml")
  })

  test("documents behind links are seen", async () => {
    const [place, there] = [directory(), directory()]
    writeFileSync(join(there, "real"), "OLD")
    symlinkSync(join(there, "real"), join(place, "a.yaml"))
    const watch = await watching([place], () => readFileSync(join(place, "a.yaml"), "utf8"))
    writeFileSync(join(there, "real"), "NEW")
    await watch.until("NEW")
  })
})
