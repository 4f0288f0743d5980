// The rooms and who may enter (ARCHITECTURE.md), held by a test: which room imports which, that the pure ones and the
// services know no clock, random source, process or runtime, and that one file picks the adapters.
import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, normalize, relative } from "node:path"

const root = join(import.meta.dir, "..", "..")

/** Room → rooms it may import, itself aside. Packages are another matter, below. */
const mayImport: Readonly<Record<string, ReadonlyArray<string>>> = {
  net: [],
  bgp: ["net"],
  vip: ["net"],
  ipam: ["net"],
  election: ["net"],
  cluster: ["net", "ipam", "election", "plan", "config"],
  plan: ["net", "bgp", "vip", "ipam", "election"],
  config: ["net", "bgp", "ipam", "election", "plan"],
  resources: ["net", "plan", "config"],
  explain: ["net", "plan", "config", "resources"],
  preflight: ["net", "bgp", "plan", "config"],
  routerConfig: ["net", "plan", "config"],
  ports: ["net", "bgp", "vip", "ipam", "election", "cluster", "plan", "config", "resources"],
  services: ["net", "bgp", "vip", "ipam", "election", "cluster", "plan", "config", "resources", "preflight", "ports"],
  observe: ["net", "bgp", "resources"],
  adapters: ["net", "bgp", "vip", "ipam", "election", "cluster", "plan", "config", "resources", "ports"],
  api: ["net", "plan", "config", "resources", "explain", "observe", "preflight", "web"],
  // Of the API and of what is recorded, the client knows the shapes that it is answered.
  web: ["net", "plan", "config", "resources", "explain", "observe", "api"],
  simulation: [
    "net",
    "bgp",
    "vip",
    "ipam",
    "election",
    "cluster",
    "plan",
    "config",
    "resources",
    "ports",
    "services",
    "adapters"
  ],
  cli: [
    "net",
    "bgp",
    "ipam",
    "election",
    "cluster",
    "plan",
    "config",
    "resources",
    "ports",
    "services",
    "explain",
    "preflight",
    "routerConfig",
    "api",
    "observe",
    "simulation",
    "version.ts"
  ],
  "version.ts": [],
  "types.d.ts": []
}

/** Rooms in which nothing but values and effects may happen. */
const silent = [
  "net",
  "bgp",
  "vip",
  "ipam",
  "election",
  "cluster",
  "plan",
  "config",
  "resources",
  "explain",
  "preflight",
  "routerConfig",
  "ports",
  "services",
  "simulation",
  "api",
  "observe"
]
/** Adapters that touch nothing either; the simulation is made of them. */
const inMemory = /adapters\/(?:memory|store)\//
/** Packages of the silent rooms: none of them touches the system. */
const packages: Readonly<Record<string, RegExp>> = {
  net: /^ipaddr\.js$/,
  bgp: /^effect$/,
  vip: /^$/,
  ipam: /^$/,
  election: /^$/,
  cluster: /^(effect|fflate)$/,
  plan: /^$/,
  config: /^(effect|yaml)$/,
  resources: /^(yaml|effect)$/,
  explain: /^effect$/,
  preflight: /^effect$/,
  routerConfig: /^effect$/,
  ports: /^effect$/,
  services: /^effect$/,
  simulation: /^effect$/,
  api: /^(effect|hono)(\/|$)/,
  observe: /^effect$/
}
/** What a silent room may not so much as mention. */
const loud = [
  /\bDate\.now\b/,
  /\bnew Date\(\)/,
  /\bMath\.random\b/,
  /\bperformance\.now\b/,
  /\bset(Timeout|Interval|Immediate)\(/,
  /(?<![.\w])process\.(?!residentBytes|cpuSeconds)/,
  /\bBun\./,
  /\bcrypto\./,
  /\bfetch\(/
]

const filesIn = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory).flatMap((name) => {
    const path = join(directory, name)
    return statSync(path).isDirectory() ? filesIn(path) : /\.tsx?$/.test(name) ? [path] : []
  })

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1")

const importsOf = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/(?:^|\n)\s*(?:import|export)\s[^"']*?from\s+"([^"]+)"|import\s*\(?\s*"([^"]+)"/g)].map(
    (match) => match[1] ?? match[2] ?? ""
  )

const roomOf = (path: string): string => relative(join(root, "src"), path).split("/")[0] ?? ""

const files = filesIn(join(root, "src")).map((path) => {
  const text = withoutComments(readFileSync(path, "utf8"))
  return { path, name: relative(root, path), room: roomOf(path), text, imports: importsOf(text) }
})

describe("rooms", () => {
  test("every room is known, and the files are there to be looked at", () => {
    const rooms = new Set(files.map(({ room }) => room))
    rooms.delete("main.ts")
    expect([...rooms].filter((room) => !(room in mayImport))).toEqual([])
    expect(files.length).toBeGreaterThan(80)
  })

  test("imports go in the allowed directions only", () => {
    const wrong = files.flatMap(({ path, name, room, imports }) =>
      imports
        .filter((specifier) => specifier.startsWith("."))
        .map((specifier) => normalize(join(dirname(path), specifier)))
        .filter((target) => target.startsWith(join(root, "src")))
        .filter((target) => roomOf(target) !== room && room !== "main.ts" && !mayImport[room]?.includes(roomOf(target)))
        .map((target) => `${name} imports ${relative(root, target)}`)
    )
    expect(wrong).toEqual([])
  })

  test("silent rooms use only the packages that touch nothing", () => {
    const wrong = files.flatMap(({ name, room, imports }) =>
      imports
        .filter((specifier) => !specifier.startsWith("."))
        .filter((specifier) => silent.includes(room) && !packages[room]?.test(specifier))
        .map((specifier) => `${name} imports ${specifier}`)
    )
    expect(wrong).toEqual([])
  })

  test("silent rooms mention no clock, timer, random source, process or runtime", () => {
    const wrong = files
      .filter(({ room }) => silent.includes(room))
      .flatMap(({ name, text }) => loud.filter((pattern) => pattern.test(text)).map((pattern) => `${name}: ${pattern}`))
    expect(wrong).toEqual([])
  })

  test("only main.ts picks adapters", () => {
    const wrong = files
      .filter(
        ({ room, imports }) =>
          room !== "adapters" &&
          room !== "main.ts" &&
          imports.some((s) => s.includes("adapters/") && !(room === "simulation" && inMemory.test(s)))
      )
      .map(({ name }) => name)
    expect(wrong).toEqual([])
  })

  test("the workers are made of pure rooms and the API", () => {
    const workers = existsSync(join(root, "workers")) ? filesIn(join(root, "workers")) : []
    const wrong = workers.flatMap((path) =>
      importsOf(withoutComments(readFileSync(path, "utf8"))).filter(
        (specifier) =>
          !/^\.\.?\/(.*\/)?(net|bgp|vip|plan|config|resources|explain|observe|web|api)\/|^\.\/|^\.\.\/src\/version\.ts$|^hono/.test(
            specifier
          )
      )
    )
    expect(wrong).toEqual([])
  })
})

describe("house rules", () => {
  test("every source file opens by saying what it is", () => {
    const bare = files
      .filter(({ path }) => !/^(#!.*\n)?\/\/ \S/.test(readFileSync(path, "utf8")))
      .map(({ name }) => name)
    expect(bare).toEqual([])
  })

  test("no file is longer than 500 lines", () => {
    const long = files.filter(({ path }) => readFileSync(path, "utf8").split("\n").length > 500).map(({ name }) => name)
    expect(long).toEqual([])
  })
})
