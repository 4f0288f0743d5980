// Who holds which address, and which way a router's kernel sends a prefix, over time: the kernels' own notifications, heard by
// one process in the fabric for every namespace of the lab. One socket gets them all (NETLINK_LISTEN_ALL_NSID), so their
// order is the order in which things happened, whatever host they happened in, and nothing on the hosts has to run for it.
// Resolution is that of the event, not of a sampling interval. Proves I1.
import { FABRIC, type Lab } from "./Lab.ts"
import type { Background } from "./process.ts"
import { must, run } from "./process.ts"

/** A host held the address from one moment to another. */
export interface Holding {
  readonly host: string
  readonly device: string
  /** Epoch milliseconds. */
  readonly fromMs: number
  /** Absent: it still does. */
  readonly toMs?: number
}

/** Two hosts held the address at once. */
export interface Overlap {
  readonly hosts: readonly [string, string]
  readonly fromMs: number
  readonly toMs: number
}

export interface RouteChange {
  readonly atMs: number
  /** Gateways, sorted; empty: no route. */
  readonly nextHops: ReadonlyArray<string>
}

interface Interface {
  readonly host: string
  readonly index: number
  readonly device: string
  readonly addresses: ReadonlyArray<string>
}

interface Event {
  readonly atMs: number
  readonly host: string
  readonly gone: boolean
  readonly text: string
}

const LINE = /^\[([\d-]+T[\d:]+\.\d{3})\d*\] \[nsid (\d+)\](Deleted )?(.*)$/
/** The name behind the number is that of the fabric's own interface with it: only the number counts. */
const ADDRESS = /^(\d+): \S+\s+inet6? (\S+?)\/\d+ /
const MARK = "127.9.9.9/32"

/** Pairs of holdings by different hosts that share more than a moment. */
export const overlapsOf = (holdings: ReadonlyArray<Holding>): ReadonlyArray<Overlap> =>
  holdings.flatMap((one, index) =>
    holdings.slice(index + 1).flatMap((other): ReadonlyArray<Overlap> => {
      const fromMs = Math.max(one.fromMs, other.fromMs)
      const toMs = Math.min(one.toMs ?? Number.POSITIVE_INFINITY, other.toMs ?? Number.POSITIVE_INFINITY)
      return one.host !== other.host && fromMs < toMs ? [{ hosts: [one.host, other.host], fromMs, toMs }] : []
    })
  )

/** "node-01 +0…+3120, node-02 +3350…": the history in milliseconds after `zeroMs`, for people. */
export const describeHoldings = (holdings: ReadonlyArray<Holding>, zeroMs: number): string =>
  holdings
    .map(({ host, fromMs, toMs }) => {
      const sign = (ms: number) => (ms < 0 ? "before" : `+${Math.round(ms)}`)
      return `${host} ${sign(fromMs - zeroMs)}…${toMs === undefined ? "" : sign(toMs - zeroMs)}`
    })
    .join(", ")

export class KernelWatch {
  private readonly monitor: Background
  private readonly hosts: ReadonlyMap<number, string>
  private readonly startMs: number
  private readonly interfaces: ReadonlyArray<Interface>

  private constructor(
    monitor: Background,
    hosts: KernelWatch["hosts"],
    startMs: number,
    interfaces: ReadonlyArray<Interface>
  ) {
    this.monitor = monitor
    this.hosts = hosts
    this.startMs = startMs
    this.interfaces = interfaces
  }

  /** Watches `hosts` until the lab ends. What they hold now counts from now on: start it before anything moves. */
  static async start(lab: Lab, hosts: ReadonlyArray<string>): Promise<KernelWatch> {
    const fabric = lab.namespace(FABRIC)
    for (const [index, host] of hosts.entries()) {
      // A number may have been given already, by the kernel itself: then that one is as good.
      await run(["ip", "-n", fabric, "netns", "set", lab.namespace(host), String(1000 + index)])
    }
    const known: ReadonlyArray<{ nsid: number; name?: string }> = JSON.parse(
      await must(["ip", "-n", fabric, "-j", "netns", "list-id"])
    )
    const numbers = new Map(
      known.flatMap(({ nsid, name }) => {
        const host = hosts.find((one) => lab.namespace(one) === name)
        return host === undefined ? [] : [[nsid, host] as const]
      })
    )
    if (numbers.size !== hosts.length) throw new Error(`no namespace numbers for all of ${hosts.join(", ")}`)
    const words = ["ip", "-ts", "-o", "monitor", "address", "route", "all-nsid"]
    const monitor = lab.spawn(FABRIC, "kernel-watch", words, { TZ: "UTC" })
    await lab.until(async () => {
      await run(["ip", "-n", fabric, "addr", "del", MARK, "dev", "lo"])
      await must(["ip", "-n", fabric, "addr", "add", MARK, "dev", "lo"])
      return monitor.log().includes(MARK)
    }, "the kernel to report changes")
    const startMs = Date.now()
    const interfaces = hosts.map(async (host): Promise<ReadonlyArray<Interface>> => {
      const text = await must(["ip", "-j", "-n", lab.namespace(host), "addr", "show"])
      type Link = { ifindex: number; ifname: string; addr_info: ReadonlyArray<{ local: string }> }
      const links: ReadonlyArray<Link> = JSON.parse(text)
      return links.map(({ ifindex, ifname, addr_info }) => ({
        host,
        index: ifindex,
        device: ifname,
        addresses: addr_info.map((one) => one.local)
      }))
    })
    return new KernelWatch(monitor, numbers, startMs, (await Promise.all(interfaces)).flat())
  }

  private events(): ReadonlyArray<Event> {
    if (!this.monitor.running) throw new Error(`the kernel watch ended: ${this.monitor.log().slice(-500)}`)
    return this.monitor
      .log()
      .split("\n")
      .flatMap((line): ReadonlyArray<Event> => {
        const match = LINE.exec(line)
        const host = this.hosts.get(Number(match?.[2]))
        if (match === null || host === undefined) return []
        return [{ atMs: Date.parse(`${match[1]}Z`), host, gone: match[3] !== undefined, text: match[4] ?? "" }]
      })
  }

  /** Who held `address`, in the order in which they got it. */
  holdings(address: string): ReadonlyArray<Holding> {
    const all: Array<Holding> = this.interfaces
      .filter((one) => one.addresses.includes(address))
      .map(({ host, device }) => ({ host, device, fromMs: this.startMs }))
    for (const { atMs, host, gone, text } of this.events()) {
      const [, number, held] = ADDRESS.exec(text) ?? []
      if (held !== address) continue
      const device = this.interfaces.find((one) => one.host === host && one.index === Number(number))?.device ?? "?"
      const index = all.findIndex((one) => one.host === host && one.device === device && one.toMs === undefined)
      const open = all[index]
      if (open === undefined && !gone) all.push({ host, device, fromMs: atMs })
      if (open !== undefined && gone) all[index] = { ...open, toMs: atMs }
    }
    return all
  }

  /** Who holds it at this moment. */
  holders(address: string): ReadonlyArray<string> {
    return this.holdings(address).flatMap((one) => (one.toMs === undefined ? [one.host] : []))
  }

  overlaps(address: string): ReadonlyArray<Overlap> {
    return overlapsOf(this.holdings(address))
  }

  /** What became of a host's route to exactly `prefix` (without a length where it is one address). */
  routeChanges(host: string, prefix: string): ReadonlyArray<RouteChange> {
    return this.events()
      .filter((event) => event.host === host && event.text.split(" ")[0] === prefix)
      .map(({ atMs, gone, text }) => ({
        atMs,
        nextHops: gone ? [] : [...text.matchAll(/\bvia (?:inet6 )?(\S+)/g)].map((match) => match[1] ?? "").sort()
      }))
  }
}
