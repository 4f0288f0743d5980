// deploy/viaduct.service as systemd reads it: nothing unknown, nothing loose, and no system call of the daemon forbidden.
// Decision D12.
import { describe, expect } from "bun:test"
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Daemon } from "../interop/Daemon.ts"
import { CLUSTER_ASN, clusterFile, NODE, ROUTER, ROUTER_ASN, VIP } from "../interop/scenario.ts"
import { Lab } from "../lab/Lab.ts"
import { must, run } from "../lab/process.ts"
import { requires } from "../lab/requires.ts"
import { startRouter } from "../lab/routers/index.ts"
import { pair } from "../lab/topology.ts"
import { UNIT, unitValues, unitWords } from "./unitFile.ts"

/** What `systemd-analyze security` may find, in tenths: what a network daemon with a JIT cannot do without. */
const EXPOSURE_TENTHS_MAX = 22

/** Keys that came after systemd 252, by the version that brought them. */
const NEWER: Readonly<Record<string, number>> = { RestartSteps: 254, RestartMaxDelaySec: 254 }

const systemdVersion = async (): Promise<number> =>
  Number(/systemd (\d+)/.exec(await must(["systemd-analyze", "--version"]))?.[1])

/** The system calls behind the words of a SystemCallFilter=, sets of sets included. */
const systemCalls = async (words: ReadonlyArray<string>): Promise<ReadonlySet<string>> => {
  const names = new Set<string>()
  for (const word of words) {
    if (!word.startsWith("@")) names.add(word)
    else {
      const lines = (await must(["systemd-analyze", "syscall-filter", word])).split("\n").slice(1)
      const inside = lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"))
      for (const name of await systemCalls(inside)) names.add(name)
    }
  }
  return names
}

const allowedCalls = async (): Promise<ReadonlySet<string>> => {
  let allowed = new Set<string>()
  for (const value of unitValues("SystemCallFilter")) {
    const calls = await systemCalls(value.replace(/^~/, "").split(" "))
    allowed = value.startsWith("~") ? allowed.difference(calls) : allowed.union(calls)
  }
  return allowed
}

describe("the unit", () => {
  const { test } = requires("systemd-analyze")

  test("is understood by systemd, whole but for keys that are newer", async () => {
    const directory = mkdtempSync(join(tmpdir(), "viaduct-unit-"))
    try {
      const program = join(directory, "viaduct")
      const unit = join(directory, "viaduct.service")
      copyFileSync("/bin/true", program)
      writeFileSync(unit, readFileSync(UNIT, "utf8").replaceAll("/usr/local/bin/viaduct", program))
      const { stderr, code } = await run(["systemd-analyze", "verify", "--man=no", unit])
      const version = await systemdVersion()
      const complaints = stderr.split("\n").filter((line) => {
        const key = /Unknown key(?: name)? '(\w+)'/.exec(line)?.[1]
        return line !== "" && !(key !== undefined && version < (NEWER[key] ?? 0))
      })
      expect(complaints).toEqual([])
      expect(code).toBe(0)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  test("leaves little exposed (D12)", async () => {
    const found = await run([
      ...["systemd-analyze", "security", "--offline=true", "--no-pager"],
      ...[`--threshold=${EXPOSURE_TENTHS_MAX}`, UNIT]
    ])
    expect(found.stdout).toContain("Overall exposure level")
    expect(found.code, found.stdout).toBe(0)
  })
})

describe("the unit and the daemon", () => {
  const { test } = requires("root", "ip", "nft", "bird", "systemd-analyze", "strace")

  test("no system call and no address family that the daemon uses is forbidden", async () => {
    await using lab = await Lab.create(pair())
    const trace = join(lab.directory, "trace")
    const neighbors = [{ ip: NODE, asn: CLUSTER_ASN }]
    const router = await startRouter(lab, "bird", { host: "router", asn: ROUTER_ASN, routerId: ROUTER, neighbors })
    const daemon = await Daemon.start(lab, {
      host: "node",
      config: { text: clusterFile({}) },
      launcher: ["strace", "-f", "-qq", "-o", trace]
    })
    await router.routesTo(`${VIP}/32`)
    await daemon.stop()
    const lines = readFileSync(trace, "utf8").split("\n")
    const used = (pattern: RegExp) => [...new Set(lines.flatMap((line) => pattern.exec(line)?.[1] ?? []))].sort()
    const calls = used(/^\d+ +([a-z]\w*)\(/)
    expect(calls).toContain("sendto")
    const allowed = await allowedCalls()
    // SQLite gives a root's files back to their owner; the unit's user is not root and SQLite does not try.
    const asRoot = ["fchown"]
    expect(calls.filter((name) => !allowed.has(name) && !asRoot.includes(name))).toEqual([])
    const families = used(/ socket\((AF_\w+)/)
    expect(families).toContain("AF_NETLINK")
    expect(families.filter((name) => !unitWords("RestrictAddressFamilies").includes(name))).toEqual([])
  })
})
