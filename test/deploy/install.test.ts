// deploy/install.sh as an operator or a package uses it: into a root of its own (DESTDIR), again, with another binary, away
// again; and on a whole system, whose /etc and /usr/local are stand-ins in a mount namespace.
import { afterEach, beforeEach, describe, test as everywhere, expect } from "bun:test"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parse } from "yaml"
import { loadCluster } from "../../src/config/load.ts"
import { type Output, run } from "../lab/process.ts"
import { requires } from "../lab/requires.ts"
import { ROOT } from "./unitFile.ts"

const SCRIPT = join(ROOT, "deploy/install.sh")
const EXAMPLE = join(ROOT, "deploy/cluster.yaml.example")
const MACHINES = { x86_64: 0x3e, aarch64: 0xb7 } as const

let directory: string
let root: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "viaduct-install-"))
  root = join(directory, "root with space")
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** The head of an ELF executable, which is all that the script looks at under DESTDIR. */
const binary = (name: string, machine: keyof typeof MACHINES = "x86_64"): string => {
  const head = new Uint8Array(64)
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  head[18] = MACHINES[machine]
  const path = join(directory, name)
  writeFileSync(path, Buffer.concat([head, Buffer.from(name)]))
  return path
}

const script = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): Promise<Output> =>
  run(["env", `DESTDIR=${root}`, "ARCH=x86_64", ...Object.entries(env).map((pair) => pair.join("=")), SCRIPT, ...args])

const installed = (path: string): string => join(root, path)

/** Every file and link under the root. */
const files = (): ReadonlyArray<string> =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .sort()

const SYSTEM = [
  "/etc/systemd/system/viaduct.service",
  "/etc/viaduct/cluster.yaml.example",
  "/usr/local/bin/bgpadvertiser",
  "/usr/local/bin/viaduct"
]

describe("install.sh under DESTDIR", () => {
  everywhere("installs the binary, its second name, the unit and an example that is not read as a config", async () => {
    const { code, stdout, stderr } = await script([binary("viaduct-1")])
    expect(stderr).toBe("")
    expect(code).toBe(0)
    expect(files()).toEqual(SYSTEM)
    expect(stdout.match(/^installed /gm)).toHaveLength(4)
    expect(readFileSync(installed("/usr/local/bin/viaduct"), "utf8")).toEndWith("viaduct-1")
    expect(statSync(installed("/usr/local/bin/viaduct")).mode & 0o777).toBe(0o755)
    expect(readlinkSync(installed("/usr/local/bin/bgpadvertiser"))).toBe("viaduct")
    expect(statSync(installed("/etc/viaduct")).mode & 0o007).toBe(0)
  })

  everywhere("again: says that nothing changed, and nothing did", async () => {
    const one = binary("viaduct-1")
    await script([one])
    const before = SYSTEM.map((path) => statSync(installed(path)).ino)
    const { code, stdout } = await script([one])
    expect(code).toBe(0)
    expect(
      stdout
        .trim()
        .split("\n")
        .every((line) => line.startsWith("unchanged "))
    ).toBe(true)
    expect(SYSTEM.map((path) => statSync(installed(path)).ino)).toEqual(before)
  })

  everywhere("an upgrade puts the new binary in the place of the old one and leaves the config alone", async () => {
    await script([binary("viaduct-1")])
    const config = installed("/etc/viaduct/cluster.yaml")
    writeFileSync(config, "the operator's own\n")
    const old = statSync(installed("/usr/local/bin/viaduct")).ino
    const { code, stdout } = await script([binary("viaduct-2")])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^upgraded +\S.*\/bin\/viaduct$/m)
    expect(readFileSync(installed("/usr/local/bin/viaduct"), "utf8")).toEndWith("viaduct-2")
    // Renamed into place: the running program keeps the file that it was started from.
    expect(statSync(installed("/usr/local/bin/viaduct")).ino).not.toBe(old)
    expect(readFileSync(config, "utf8")).toBe("the operator's own\n")
    expect(files()).toEqual([...SYSTEM, "/etc/viaduct/cluster.yaml"].sort())
  })

  everywhere("--uninstall keeps the config and says so; --purge takes that too", async () => {
    await script([binary("viaduct-1")])
    writeFileSync(installed("/etc/viaduct/cluster.yaml"), "the operator's own\n")
    const kept = await script(["--uninstall"])
    expect(kept.code).toBe(0)
    expect(kept.stdout).toMatch(/^kept +.*\/etc\/viaduct /m)
    expect(files()).toEqual(["/etc/viaduct/cluster.yaml", "/etc/viaduct/cluster.yaml.example"])
    expect((await script(["--uninstall"])).code).toBe(0)
    expect((await script(["--uninstall", "--purge"])).code).toBe(0)
    expect(files()).toEqual([])
    expect(existsSync(installed("/etc/viaduct"))).toBe(false)
  })

  everywhere("PREFIX and UNITDIR move the files, and the unit starts what is there", async () => {
    const env = { PREFIX: "/usr", UNITDIR: "/usr/lib/systemd/system" }
    expect((await script([binary("viaduct-1")], env)).code).toBe(0)
    expect(files()).toContain("/usr/bin/viaduct")
    const unit = readFileSync(installed("/usr/lib/systemd/system/viaduct.service"), "utf8")
    expect(unit).toContain("\nExecStart=/usr/bin/viaduct run ")
    expect(unit).not.toContain("/usr/local/")
    expect((await script(["--uninstall", "--purge"], env)).code).toBe(0)
    expect(files()).toEqual([])
  })

  everywhere("somebody else's bgpadvertiser is neither replaced nor removed", async () => {
    const theirs = installed("/usr/local/bin/bgpadvertiser")
    mkdirSync(installed("/usr/local/bin"), { recursive: true })
    writeFileSync(theirs, "theirs")
    const { code, stderr } = await script([binary("viaduct-1")])
    expect(code).toBe(1)
    expect(stderr).toContain("bgpadvertiser: is not ours")
    expect(files()).toEqual(["/usr/local/bin/bgpadvertiser"])
    await script(["--uninstall"])
    expect(readFileSync(theirs, "utf8")).toBe("theirs")
  })
})

describe("install.sh refuses, changes nothing, and says why:", () => {
  const refusals: ReadonlyArray<readonly [string, () => Promise<Output>, RegExp]> = [
    ["no argument", () => script([]), /which binary\?[\s\S]*usage:/],
    ["an unknown option", () => script(["--force"]), /unknown option --force/],
    ["two binaries", () => script(["a", "b"]), /one binary, not 2/],
    ["a word after --uninstall", () => script(["--uninstall", "now"]), /usage:/],
    ["a file that is not there", () => script([join(directory, "nowhere")]), /nowhere: there is no such file/],
    ["a text", () => script([EXAMPLE]), /not an executable for Linux/],
    [
      "another machine's binary",
      () => script([binary("viaduct-arm64", "aarch64")]),
      /made for aarch64, and this machine is x86_64/
    ]
  ]
  for (const [what, attempt, words] of refusals) {
    everywhere(what, async () => {
      const { code, stderr } = await attempt()
      expect(code).toBe(1)
      expect(stderr).toMatch(words)
      expect(existsSync(root)).toBe(false)
    })
  }
})

describe("the example config", () => {
  everywhere("is valid, and means what the README's first config means", () => {
    const text = readFileSync(EXAMPLE, "utf8")
    expect(loadCluster([{ path: EXAMPLE, text }]).problems).toEqual([])
    const readme = /^```yaml\n(apiVersion: [\s\S]*?)^```/m.exec(readFileSync(join(ROOT, "README.md"), "utf8"))?.[1]
    expect(parse(text)).toEqual(parse(readme ?? ""))
  })
})

describe("install.sh on a whole system", () => {
  const { test } = requires("root", "setpriv")

  /** Runs `commands` where /etc and /usr/local are copies and /run/systemd is gone; what they do there is forgotten. */
  const aside = (commands: string): Promise<Output> => {
    const setup = [
      "set -e",
      `cp -a /etc '${directory}/etc'`,
      `mount --bind '${directory}/etc' /etc`,
      "mount -t tmpfs -o mode=755 tmpfs /usr/local",
      "mount -t tmpfs -o mode=755 tmpfs /var/lib",
      `cd '${directory}'`
    ]
    return run(["unshare", "--mount", "--propagation=private", "sh", "-c", [...setup, commands].join("\n")])
  }

  test("makes the user, gives the daemon the config to read, names the next steps; --purge undoes it", async () => {
    const { code, stdout, stderr } = await aside(`
      ${SCRIPT} /bin/true
      stat -c '%A %U:%G' /etc/viaduct
      stat -c '%A %U:%G' /usr/local/bin/viaduct
      setpriv --reuid=viaduct --regid=viaduct --clear-groups cat /etc/viaduct/cluster.yaml.example >/dev/null
      echo again
      ${SCRIPT} /bin/true
      ${SCRIPT} --uninstall --purge
      ls /usr/local/bin
      getent passwd viaduct || getent group viaduct || echo nobody left
    `)
    expect(stderr).toBe("")
    expect(code).toBe(0)
    expect(stdout).toContain("drwxr-s--- root:viaduct\n-rwxr-xr-x root:root\n")
    const [first = "", second = ""] = stdout.split("again\n")
    expect(first).toContain("installed  user viaduct")
    expect(first).toContain("systemctl enable --now viaduct")
    expect(second).not.toContain("installed")
    expect(stdout).toEndWith("nobody left\n")
  })

  test("a binary that does not run here is refused and the old one stays", async () => {
    const broken = binary("broken", process.arch === "arm64" ? "aarch64" : "x86_64")
    chmodSync(broken, 0o755)
    const { code, stdout, stderr } = await aside(`
      ${SCRIPT} /bin/true >/dev/null
      ${SCRIPT} '${broken}' || echo "status $?"
      cmp /bin/true /usr/local/bin/viaduct && ls /usr/local/bin
    `)
    expect(code).toBe(0)
    expect(stderr).toContain("broken: does not run here")
    expect(stdout).toBe("status 1\nbgpadvertiser\nviaduct\n")
  })

  test("without root: says so", async () => {
    const { stderr, stdout } = await aside(`
      cp ${SCRIPT} /usr/local/install.sh
      cd /
      setpriv --reuid=64998 --regid=64998 --clear-groups /usr/local/install.sh /bin/true || echo "status $?"
    `)
    expect(stderr).toContain("needs root (or DESTDIR")
    expect(stdout).toBe("status 1\n")
  })
})

describe("the shell scripts", () => {
  const { test } = requires("shellcheck")

  test("have nothing that shellcheck objects to", async () => {
    const { stdout } = await run(["shellcheck", SCRIPT, join(ROOT, "test/deploy/confine.sh")])
    expect(stdout).toBe("")
  })
})
