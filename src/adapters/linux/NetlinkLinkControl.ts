// Addresses through rtnetlink: one socket per request, answered at once by the kernel, so there is nothing to keep open
// and nothing to match. A request takes some tens of microseconds.
import { dlopen, FFIType, ptr } from "bun:ffi"
import { Effect, Layer } from "effect"
import type { LocalAddress } from "../../plan/types.ts"
import { LinkControl, LinkError } from "../../ports/LinkControl.ts"
import {
  addAddress,
  decodeReplies,
  type KernelAddress,
  listAddresses,
  type NetlinkReply,
  removeAddress
} from "../../vip/netlink.ts"
import * as c from "../bun/libc.ts"

const names = dlopen("libc.so.6", {
  if_nametoindex: { args: [FFIType.ptr], returns: FFIType.u32 },
  if_indextoname: { args: [FFIType.u32, FFIType.ptr], returns: FFIType.ptr }
}).symbols

const AF_NETLINK = 16
const SOCK_RAW = 3
const NETLINK_ROUTE = 0
/** Datagrams that one request may bring; a machine with a hundred thousand addresses has fewer. */
const datagramsMax = 4096

const interfaceIndex = (name: string): number => {
  const index = names.if_nametoindex(ptr(new TextEncoder().encode(`${name}\0`)))
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

/** Whether the kernel did it; `already` is the errno that says that there was nothing to do. */
const change = (request: Uint8Array, what: string, already: number): boolean => {
  const ack = ask(request).find((reply) => reply.type === "ack")
  if (ack?.errno === 0) return true
  if (ack?.errno === already) return false
  throw new Error(`${what}: ${ack === undefined ? "the kernel gave no answer" : c.errnoText(ack.errno)}`)
}

const target = (address: LocalAddress): Omit<KernelAddress, "ours"> => ({
  address: address.address,
  prefixLength: address.prefixLength,
  interfaceIndex: interfaceIndex(address.interface)
})

const text = (address: LocalAddress): string => `${address.address}/${address.prefixLength} on ${address.interface}`

export const NetlinkLinkControl = Layer.succeed(
  LinkControl,
  LinkControl.of({
    addresses: attempt(() =>
      ask(listAddresses(1)).flatMap((reply) => (reply.type === "address" ? [local(reply.address)] : []))
    ),
    interfaces: Effect.succeed([]),
    hold: () => Effect.fail(new LinkError({ message: "not there yet" })),
    watch: () => Effect.void,
    add: (address) => attempt(() => change(addAddress(target(address), 1), `adding ${text(address)}`, c.EEXIST)),
    remove: (address) =>
      attempt(() => change(removeAddress(target(address), 1), `removing ${text(address)}`, c.EADDRNOTAVAIL))
  })
)
