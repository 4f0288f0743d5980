// The programs that the interop tests need, by the Debian package that brings them, and their installation where this
// process may do that: root, on a machine with apt.
import { existsSync } from "node:fs"
import { unpackDebianKubectl } from "./kubectl.ts"

const packages: Readonly<Record<string, string>> = {
  "/usr/lib/frr/bgpd": "frr",
  "/usr/sbin/bird": "bird2",
  "/usr/bin/gobgpd": "gobgpd",
  "/usr/sbin/exabgp": "exabgp",
  "/usr/sbin/bgpctl": "openbgpd",
  "/usr/sbin/ip": "iproute2",
  "/usr/sbin/nft": "nftables",
  "/usr/sbin/ethtool": "ethtool",
  "/usr/bin/tcpdump": "tcpdump",
  "/usr/bin/ping": "iputils-ping",
  "/usr/sbin/sysctl": "procps",
  "/usr/bin/setpriv": "util-linux",
  "/usr/bin/systemd-analyze": "systemd",
  "/usr/bin/strace": "strace",
  "/usr/bin/shellcheck": "shellcheck",
  "/usr/bin/etcd": "etcd-server",
  "/usr/bin/etcdctl": "etcd-client",
  "/usr/bin/openssl": "openssl",
  "/usr/bin/tshark": "tshark",
  "/usr/bin/prometheus": "prometheus"
}

const found = (path: string): boolean =>
  existsSync(path) || existsSync(path.replace("/usr/sbin/", "/usr/bin/")) || existsSync(path.replace("/usr/", "/"))

const missing = (): ReadonlyArray<string> =>
  Object.entries(packages).flatMap(([path, name]) => (found(path) ? [] : [name]))

const quietly = async (command: ReadonlyArray<string>): Promise<boolean> => {
  const child = Bun.spawn([...command], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const [error, code] = await Promise.all([new Response(child.stderr).text(), child.exited])
  if (code !== 0) process.stdout.write(error)
  return code === 0
}

/** Installs what is missing, or says what is and why it stays so. */
export const installPeers = async (): Promise<void> => {
  const wanted = [...missing()]
  // kubectl may come from elsewhere; another package may own its path.
  if (!existsSync("/usr/bin/kubectl") && !existsSync("/usr/local/bin/kubectl")) wanted.push("kubernetes-client")
  const old = async () => {
    const failed = process.getuid?.() === 0 ? await unpackDebianKubectl() : undefined
    if (failed !== undefined) process.stdout.write(`Debian's kubectl is not there, its tests are skipped: ${failed}\n`)
  }
  if (wanted.length === 0) return old()
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    process.stdout.write(`not installed: ${wanted.join(" ")} (needs root on Debian); their tests are skipped\n`)
    return
  }
  process.stdout.write(`installing ${wanted.join(" ")} …\n`)
  await quietly(["apt-get", "update"])
  if (!(await quietly(["apt-get", "install", "-y", "--no-install-recommends", ...wanted])))
    for (const name of wanted) await quietly(["apt-get", "install", "-y", "--no-install-recommends", name])
  await old()
}
