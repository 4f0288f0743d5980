// rtnetlink messages about addresses and interfaces (rtnetlink(7)): requests to list them, to add, hold and remove an address,
// and what the kernel answers or tells unasked. Numbers are in host order, little-endian on every machine that this runs on;
// addresses are octets as on the wire. IFA_PROTO marks what this program put there, so that leftovers of a killed process can
// be told from other people's. A held address has a valid lifetime, after which the kernel takes it off (D6), and a preferred
// lifetime of 0, so that nothing chooses it as a source.
import { type Address, addressBytes, addressFromBytes, familyOf } from "../net/ip.ts"
import { type Mac, macFromBytes, noMac } from "../net/mac.ts"

const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_GETLINK = 18
const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_GETADDR = 22
const NLMSG_ERROR = 2
const NLMSG_DONE = 3

const NLM_F_REQUEST = 1
const NLM_F_ACK = 4
const NLM_F_REPLACE = 0x100
const NLM_F_EXCL = 0x200
const NLM_F_CREATE = 0x400
const NLM_F_DUMP = 0x300

const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_CACHEINFO = 6
const IFA_FLAGS = 8
const IFA_PROTO = 11

const IFLA_ADDRESS = 1
const IFLA_IFNAME = 3

const IFF_UP = 1
const IFF_LOWER_UP = 0x10000

/** No duplicate address detection: a VIP is on many nodes by design, and who may hold a floating IP has probed for it. */
const IFA_F_NODAD = 0x02
/**
 * No route to the address beside the local one. The kernel would make one for a /128, too, and leaves it behind where the address had a
 * lifetime: for half a minute the node would look for the address on itself although another node has it.
 */
const IFA_F_NOPREFIXROUTE = 0x200
const ipv6Flags = IFA_F_NODAD | IFA_F_NOPREFIXROUTE

const AF_INET = 2
const AF_INET6 = 10

/** IFA_PROTO of this program's addresses; the kernel uses 1 to 3 itself. */
const ourProtocol = 0x76

/** Multicast groups of changes to interfaces and to addresses of both families (RTMGRP_LINK, _IPV4_IFADDR, _IPV6_IFADDR). */
export const changeGroups = 0x1 | 0x10 | 0x100

const headerLength = 16
const ifaddrLength = 8
const ifinfoLength = 16

/** An address as the kernel knows it. */
export interface KernelAddress {
  readonly address: Address
  readonly prefixLength: number
  readonly interfaceIndex: number
  /** It carries this program's mark. */
  readonly ours: boolean
}

export interface KernelLink {
  readonly index: number
  readonly name: string
  readonly mac: Mac
  /** Switched on, and with a carrier. */
  readonly up: boolean
}

export type NetlinkReply =
  | { readonly type: "address" | "address-gone"; readonly sequence: number; readonly address: KernelAddress }
  | { readonly type: "link" | "link-gone"; readonly sequence: number; readonly link: KernelLink }
  /** errno 0 is success. */
  | { readonly type: "ack"; readonly sequence: number; readonly errno: number }
  | { readonly type: "done"; readonly sequence: number }

const align = (n: number): number => (n + 3) & ~3

const message = (type: number, flags: number, sequence: number, body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(headerLength + body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length, true)
  view.setUint16(4, type, true)
  view.setUint16(6, NLM_F_REQUEST | flags, true)
  view.setUint32(8, sequence, true)
  bytes.set(body, headerLength)
  return bytes
}

/** struct ifaddrmsg with its attributes. */
const ifaddr = (
  target: Omit<KernelAddress, "ours">,
  attributes: ReadonlyArray<readonly [number, Uint8Array]>
): Uint8Array => {
  const length = attributes.reduce((n, [, value]) => n + 4 + align(value.length), ifaddrLength)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  bytes[0] = familyOf(target.address) === "ipv4" ? AF_INET : AF_INET6
  bytes[1] = target.prefixLength
  view.setUint32(4, target.interfaceIndex, true)
  let at = ifaddrLength
  for (const [type, value] of attributes) {
    view.setUint16(at, 4 + value.length, true)
    view.setUint16(at + 2, type, true)
    bytes.set(value, at + 4)
    at += 4 + align(value.length)
  }
  return bytes
}

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

/** Lists all addresses of both families. */
export const listAddresses = (sequence: number): Uint8Array =>
  message(RTM_GETADDR, NLM_F_DUMP, sequence, new Uint8Array(ifaddrLength))

/** Lists all interfaces. */
export const listLinks = (sequence: number): Uint8Array =>
  message(RTM_GETLINK, NLM_F_DUMP, sequence, new Uint8Array(ifinfoLength))

/** Adds an address with our mark; the kernel answers EEXIST where it is there. */
export const addAddress = (target: Omit<KernelAddress, "ours">, sequence: number): Uint8Array => {
  const octets = addressBytes(target.address)
  const body = ifaddr(target, [
    [IFA_LOCAL, octets],
    [IFA_ADDRESS, octets],
    [IFA_PROTO, Uint8Array.of(ourProtocol)],
    ...(familyOf(target.address) === "ipv6" ? [[IFA_FLAGS, u32(ipv6Flags)] as const] : [])
  ])
  return message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sequence, body)
}

/**
 * Adds an address for `validSeconds` with our mark (`again` false: the kernel answers EEXIST where it is there), or gives one
 * that is there so many from now (`again` true).
 */
export const holdAddress = (
  target: Omit<KernelAddress, "ours">,
  validSeconds: number,
  again: boolean,
  sequence: number
): Uint8Array => {
  const octets = addressBytes(target.address)
  // struct ifa_cacheinfo: preferred and valid lifetime, and two times that only the kernel fills in.
  const lifetimes = Uint8Array.of(...u32(0), ...u32(validSeconds), ...u32(0), ...u32(0))
  const body = ifaddr(target, [
    [IFA_LOCAL, octets],
    [IFA_ADDRESS, octets],
    [IFA_CACHEINFO, lifetimes],
    [IFA_PROTO, Uint8Array.of(ourProtocol)],
    ...(familyOf(target.address) === "ipv6" ? [[IFA_FLAGS, u32(ipv6Flags)] as const] : [])
  ])
  return message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | (again ? NLM_F_REPLACE : NLM_F_EXCL), sequence, body)
}

/** Removes an address; the kernel answers EADDRNOTAVAIL where it is not there. */
export const removeAddress = (target: Omit<KernelAddress, "ours">, sequence: number): Uint8Array => {
  const octets = addressBytes(target.address)
  const body = ifaddr(target, [
    [IFA_LOCAL, octets],
    [IFA_ADDRESS, octets]
  ])
  return message(RTM_DELADDR, NLM_F_ACK, sequence, body)
}

/** The messages in one datagram; those of other kinds are passed over, a truncated one ends the list. */
export const decodeReplies = (bytes: Uint8Array): ReadonlyArray<NetlinkReply> => {
  const replies: Array<NetlinkReply> = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + headerLength <= bytes.length; ) {
    const length = view.getUint32(at, true)
    if (length < headerLength || at + length > bytes.length) break
    const body = bytes.subarray(at + headerLength, at + length)
    const reply = decodeBody(view.getUint16(at + 4, true), view.getUint32(at + 8, true), body)
    if (reply !== undefined) replies.push(reply)
    at += align(length)
  }
  return replies
}

const decodeBody = (type: number, sequence: number, body: Uint8Array): NetlinkReply | undefined => {
  switch (type) {
    case NLMSG_DONE:
      return { type: "done", sequence }
    case NLMSG_ERROR:
      if (body.length < 4) return undefined
      return { type: "ack", sequence, errno: -new DataView(body.buffer, body.byteOffset).getInt32(0, true) }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeIfaddr(body)
      return address && { type: type === RTM_NEWADDR ? "address" : "address-gone", sequence, address }
    }
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = decodeIfinfo(body)
      return link && { type: type === RTM_NEWLINK ? "link" : "link-gone", sequence, link }
    }
    default:
      return undefined
  }
}

/** Attributes by type from offset `at` on; a truncated one ends the list. */
const attributesOf = (bytes: Uint8Array, at: number): ReadonlyMap<number, Uint8Array> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const attributes = new Map<number, Uint8Array>()
  while (at + 4 <= bytes.length) {
    const length = view.getUint16(at, true)
    if (length < 4 || at + length > bytes.length) break
    attributes.set(view.getUint16(at + 2, true), bytes.subarray(at + 4, at + length))
    at += align(length)
  }
  return attributes
}

const decodeIfaddr = (bytes: Uint8Array): KernelAddress | undefined => {
  if (bytes.length < ifaddrLength) return undefined
  const octets = bytes[0] === AF_INET ? 4 : bytes[0] === AF_INET6 ? 16 : 0
  const attributes = attributesOf(bytes, ifaddrLength)
  // On a point-to-point link IFA_ADDRESS is the other end.
  const own = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS)
  if (octets === 0 || own?.length !== octets) return undefined
  return {
    address: addressFromBytes(own),
    prefixLength: bytes[1] as number,
    interfaceIndex: new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true),
    ours: attributes.get(IFA_PROTO)?.[0] === ourProtocol
  }
}

/** struct ifinfomsg with its attributes. */
const decodeIfinfo = (bytes: Uint8Array): KernelLink | undefined => {
  if (bytes.length < ifinfoLength) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const attributes = attributesOf(bytes, ifinfoLength)
  const name = attributes.get(IFLA_IFNAME)
  if (name === undefined) return undefined
  const mac = attributes.get(IFLA_ADDRESS)
  const both = IFF_UP | IFF_LOWER_UP
  return {
    index: view.getInt32(4, true),
    name: new TextDecoder().decode(name).replace(/\0.*$/s, ""),
    mac: mac?.length === 6 ? macFromBytes(mac) : noMac,
    up: (view.getUint32(8, true) & both) === both
  }
}
