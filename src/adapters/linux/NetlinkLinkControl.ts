// Interfaces and addresses through rtnetlink: one socket per request, answered at once by the kernel, so there is nothing to
// keep open and nothing to match. A request takes some tens of microseconds. Changes come over a socket of their own
// (linkWatch.ts). A held address is refreshed many times; only what nobody holds yet is asked for exclusively.
import { dlopen, FFIType, ptr } from "bun:ffi"
import { Effect, Layer, type Scope } from "effect"
import type { LocalAddress } from "../../plan/types.ts"
import { LinkControl, LinkError } from "../../ports/LinkControl.ts"
import {
  addAddress,
  decodeReplies,
  holdAddress,
  type KernelAddress,
  type KernelLink,
  listAddresses,
  listLinks,
  type NetlinkReply,
  removeAddress
} from "../../vip/netlink.ts"
import * as c from "../bun/libc.ts"
import { addressKey, LinkWatch } from "./linkWatch.ts"

const names = dlopen("libc.so.6", {
  if_nametoindex: { args: [FFIType.ptr], returns: FFIType.u32 },
  if_indextoname: { args: [FFIType.u32, FFIType.ptr], returns: FFIType.ptr }
}).symbols

const AF_NETLINK = 16
const SOCK_RAW = 3
const NETLINK_ROUTE = 0
/** Datagrams that one request may bring; a machine with a hundred thousand addresses has fewer. */
const datagramsMax = 4096

/** 0: there is none of that name. */
export const findInterface = (name: string): number => names.if_nametoindex(ptr(new TextEncoder().encode(`${name}\0`)))

const interfaceIndex = (name: string): number => {
  const index = findInterface(name)
  if (index === 0) throw new Error(`there is no interface ${name} on this node`)
  return index
}

const interfaceName = (index: number): string => {
  const buffer = new Uint8Array(16)
  if (names.if_indextoname(index, ptr(buffer)) === null) return `if${index}`
  return new TextDecoder().decode(buffer.subarray(0, buffer.indexOf(0)))
}

/** Sends one request and reads until its end. The kernel has answered when send returns. */
const ask = (request: Uint8Array): ReadonlyArray<NetlinkReply> => {
  const fd = c.rawSocket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)
  try {
    c.sendAll(fd, request)
    const replies: Array<NetlinkReply> = []
    for (let n = 0; n < datagramsMax; n++) {
      const datagram = c.receive(fd, 65536)
      if (datagram === undefined) break
      replies.push(...decodeReplies(datagram))
      const last = replies.at(-1)
      if (last?.type === "done" || last?.type === "ack") break
    }
    return replies
  } finally {
    c.close(fd)
  }
}

const linkError = (error: unknown): LinkError =>
  new LinkError({ message: error instanceof Error ? error.message : String(error) })

const attempt = <A>(run: () => A): Effect.Effect<A, LinkError> => Effect.try({ try: run, catch: linkError })

const local = (kernel: KernelAddress): LocalAddress & { readonly ours: boolean } => ({
  address: kernel.address,
  prefixLength: kernel.prefixLength,
  interface: interfaceName(kernel.interfaceIndex),
  ours: kernel.ours
})

type Target = Omit<KernelAddress, "ours">

const target = (address: LocalAddress): Target => ({
  address: address.address,
  prefixLength: address.prefixLength,
  interfaceIndex: interfaceIndex(address.interface)
})

const text = (address: LocalAddress): string => `${address.address}/${address.prefixLength} on ${address.interface}`

/** Whether the kernel did it; `already` is the errno that says that there was nothing to do. */
const change = (request: Uint8Array, what: string, already: number): boolean => {
  const ack = ask(request).find((reply) => reply.type === "ack")
  if (ack?.errno === 0) return true
  if (ack?.errno === already) return false
  throw new Error(`${what}: ${ack === undefined ? "the kernel gave no answer" : c.errnoText(ack.errno)}`)
}

const kernelAddresses = (): ReadonlyArray<KernelAddress> =>
  ask(listAddresses(1)).flatMap((reply) => (reply.type === "address" ? [reply.address] : []))

export const kernelLinks = (): ReadonlyArray<KernelLink> =>
  ask(listLinks(1)).flatMap((reply) => (reply.type === "link" ? [reply.link] : []))

/** What this process has put on the node, and who wants to know of what others do. */
class Kernel {
  private readonly held = new Set<string>()
  private readonly watches = new Set<LinkWatch>()

  add(address: LocalAddress): boolean {
    const to = target(address)
    this.tell(to, "there")
    return change(addAddress(to, 1), `adding ${text(address)}`, c.EEXIST)
  }

  hold(address: LocalAddress, seconds: number): boolean {
    const to = target(address)
    // The kernel counts whole seconds, and none is for ever. Shorter than asked is safe, longer is not.
    const valid = Math.max(1, Math.floor(seconds))
    this.tell(to, "there")
    const added = change(holdAddress(to, valid, false, 1), `holding ${text(address)}`, c.EEXIST)
    if (!added) {
      this.refuseOthers(to, address)
      change(holdAddress(to, valid, true, 1), `holding ${text(address)}`, c.EEXIST)
    }
    this.held.add(addressKey(to))
    return added
  }

  remove(address: LocalAddress): boolean {
    if (findInterface(address.interface) === 0) return false
    const from = target(address)
    this.tell(from, "gone")
    this.held.delete(addressKey(from))
    return change(removeAddress(from, 1), `removing ${text(address)}`, c.EADDRNOTAVAIL)
  }

  /** Tells until the scope ends. */
  watch(changed: () => void): Effect.Effect<void, LinkError, Scope.Scope> {
    const start = attempt(() => {
      const watch = new LinkWatch(kernelLinks, changed)
      this.watches.add(watch)
      return watch
    })
    return Effect.acquireRelease(start, (watch) =>
      Effect.sync(() => {
        this.watches.delete(watch)
        watch.close()
      })
    ).pipe(Effect.asVoid)
  }

  private tell(address: Target, state: "there" | "gone"): void {
    for (const watch of this.watches) watch.expect(address, state)
  }

  /** An address that somebody else gave the node for good would go with our lease. */
  private refuseOthers(to: Target, address: LocalAddress): void {
    if (this.held.has(addressKey(to))) return
    const there = kernelAddresses().find((one) => addressKey(one) === addressKey(to))
    if (there !== undefined && !there.ours)
      throw new Error(`${text(address)} is there already and not ours: take it off, or out of the cluster's documents`)
  }
}

export const NetlinkLinkControl = Layer.sync(LinkControl, () => {
  const kernel = new Kernel()
  return LinkControl.of({
    addresses: attempt(() => kernelAddresses().map(local)),
    interfaces: attempt(() => kernelLinks().map(({ name, mac, up }) => ({ name, mac, up }))),
    add: (address) => attempt(() => kernel.add(address)),
    hold: (address, seconds) => attempt(() => kernel.hold(address, seconds)),
    remove: (address) => attempt(() => kernel.remove(address)),
    watch: (changed) => kernel.watch(changed)
  })
})
