// What a test needs of the machine it runs on, and what happens where that is missing: the test is registered as skipped
// and one line "SKIP <name>: <reason>" goes to stdout, so that a runner can count skips and a reader sees why.

import { test } from "bun:test"
import { existsSync } from "node:fs"

/** Where the daemons and tools live that the lab drives. */
export const PROGRAMS = {
  frr: "/usr/lib/frr/bgpd",
  bird: "/usr/sbin/bird",
  gobgp: "/usr/bin/gobgpd",
  exabgp: "/usr/sbin/exabgp",
  openbgpd: "/usr/sbin/bgpd",
  ip: "/usr/sbin/ip",
  nft: "/usr/sbin/nft",
  tcpdump: "/usr/bin/tcpdump",
  setpriv: "/usr/bin/setpriv",
  "systemd-analyze": "/usr/bin/systemd-analyze",
  strace: "/usr/bin/strace",
  shellcheck: "/usr/bin/shellcheck",
  etcd: "/usr/bin/etcd",
  etcdctl: "/usr/bin/etcdctl",
  openssl: "/usr/bin/openssl",
  chromium: "/usr/bin/chromium",
  tshark: "/usr/bin/tshark",
  prometheus: "/usr/bin/prometheus"
} as const

export type Need = keyof typeof PROGRAMS | "root"

const missing = (need: Need): string | undefined => {
  if (need === "root") return process.getuid?.() === 0 ? undefined : "needs root for network namespaces"
  const path = PROGRAMS[need]
  return existsSync(path) || Bun.which(path.slice(path.lastIndexOf("/") + 1)) !== null
    ? undefined
    : `${path} is not there`
}

export interface Switch {
  readonly met: boolean
  /** `test` of bun:test, or its skipping form with the reason on stdout. */
  readonly test: (name: string, body: () => Promise<void>, timeoutMs?: number) => void
}

/** Tests declared through the result run only where every need is met. */
export const requires = (...needs: ReadonlyArray<Need>): Switch => {
  const reason = needs
    .map(missing)
    .filter((text) => text !== undefined)
    .join(", ")
  const met = reason === ""
  return {
    met,
    test: (name, body, timeoutMs = 30_000) => {
      if (!met) process.stdout.write(`SKIP ${name}: ${reason}\n`)
      test.skipIf(!met)(name, body, timeoutMs)
    }
  }
}
