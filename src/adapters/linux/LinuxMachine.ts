// What this machine is, read where Linux tells it: capabilities(7) in /proc/self/status, TCP in /proc/net/tcp and tcp6 (this network
// namespace, every process), MTUs in /sys/class/net. Whether the kernel signs TCP (RFC 2385) is tried out on a socket.
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { Effect, Layer } from "effect"
import { type Address, addressFromBytes } from "../../net/ip.ts"
import { Machine, MachineError, type MachineFacts, type TcpEnd } from "../../ports/Machine.ts"
import * as c from "../bun/libc.ts"

/** Bits of capabilities(7). */
const rights = { NET_BIND_SERVICE: 10n, NET_ADMIN: 12n, NET_RAW: 13n } as const

const LISTEN = 0x0a
/** ESTABLISHED, SYN_SENT, SYN_RECV: somebody wants the connection. */
const ALIVE: ReadonlySet<number> = new Set([1, 2, 3])

const effectiveRights = (): ReadonlyArray<string> => {
  const line = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))
  const mask = BigInt(`0x${line?.[1] ?? "0"}`)
  return Object.entries(rights).flatMap(([name, bit]) => ((mask >> bit) & 1n ? [name] : []))
}

const md5Works = (): boolean => {
  const somebody = "192.0.2.1" as Address
  const fd = c.streamSocket(somebody)
  try {
    c.setMd5Key(fd, somebody, "tried out")
    return true
  } catch {
    // The errno varies with how the kernel was built; any refusal means that it does not sign.
    return false
  } finally {
    c.close(fd)
  }
}

const mtuOf = (name: string): ReadonlyArray<readonly [string, number]> => {
  const file = `/sys/class/net/${name}/mtu`
  // An interface may go while the list is read.
  return existsSync(file) ? [[name, Number(readFileSync(file, "utf8"))]] : []
}

const facts = (): MachineFacts => ({
  kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(),
  rights: effectiveRights(),
  support: [...(md5Works() ? ["tcp-md5"] : []), ...(existsSync("/proc/net/if_inet6") ? ["ipv6"] : [])],
  mtus: new Map(readdirSync("/sys/class/net").flatMap(mtuOf))
})

/** "0A01000A:00B3": octets of each 32-bit word in the order of the machine, which is little-endian. */
const endOf = (text: string): { readonly address: Address; readonly port: number } => {
  const [digits = "", port = "0"] = text.split(":")
  const bytes = Uint8Array.from(digits.match(/../g) ?? [], (octet) => Number.parseInt(octet, 16))
  for (let at = 0; at < bytes.length; at += 4) bytes.subarray(at, at + 4).reverse()
  const mapped = bytes.length === 16 && bytes.subarray(0, 10).every((octet) => octet === 0) && bytes[10] === 0xff
  return { address: addressFromBytes(mapped ? bytes.subarray(12) : bytes), port: Number.parseInt(port, 16) }
}

const tcp = (port: number) => {
  const listening: Array<Address> = []
  const connections: Array<TcpEnd> = []
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    if (!existsSync(file)) continue
    for (const line of readFileSync(file, "utf8").split("\n").slice(1)) {
      const [, local, remote, state] = line.trim().split(/\s+/)
      if (local === undefined || remote === undefined || state === undefined) continue
      const [here, there, is] = [endOf(local), endOf(remote), Number.parseInt(state, 16)]
      if (is === LISTEN && here.port === port) listening.push(here.address)
      if (ALIVE.has(is) && (there.port === port || here.port === port))
        connections.push({ localAddress: here.address, peerAddress: there.address })
    }
  }
  return { listening, connections }
}

const attempt = <A>(run: () => A): Effect.Effect<A, MachineError> =>
  Effect.try({
    try: run,
    catch: (error) => new MachineError({ message: error instanceof Error ? error.message : String(error) })
  })

export const LinuxMachine = Layer.succeed(
  Machine,
  Machine.of({ facts: attempt(facts), tcp: (port) => attempt(() => tcp(port)) })
)
