// rtnetlink messages about addresses (rtnetlink(7)): requests to list, add and remove one, and what the kernel answers.
// Numbers are in host order, little-endian on every machine that this runs on; addresses are octets as on the wire.
// IFA_PROTO marks what this program put there, so that leftovers of a killed process can be told from other people's.
import { type Address, addressBytes, addressFromBytes, familyOf } from "../net/ip.ts"

const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_GETADDR = 22
const NLMSG_ERROR = 2
const NLMSG_DONE = 3

const NLM_F_REQUEST = 1
const NLM_F_ACK = 4
const NLM_F_EXCL = 0x200
const NLM_F_CREATE = 0x400
const NLM_F_DUMP = 0x300

const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_FLAGS = 8
const IFA_PROTO = 11

/** No duplicate address detection: a VIP is on many nodes by design (IPv6). */
const IFA_F_NODAD = 0x02

const AF_INET = 2
const AF_INET6 = 10

/** IFA_PROTO of this program's addresses; the kernel uses 1 to 3 itself. */
const ourProtocol = 0x76

const headerLength = 16
const ifaddrLength = 8

/** An address as the kernel knows it. */
export interface KernelAddress {
  readonly address: Address
  readonly prefixLength: number
  readonly interfaceIndex: number
  /** It carries this program's mark. */
  readonly ours: boolean
}

export type NetlinkReply =
  | { readonly type: "address"; readonly sequence: number; readonly address: KernelAddress }
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

/** Adds an address with our mark; the kernel answers EEXIST where it is there. */
export const addAddress = (target: Omit<KernelAddress, "ours">, sequence: number): Uint8Array => {
  const octets = addressBytes(target.address)
  const body = ifaddr(target, [
    [IFA_LOCAL, octets],
    [IFA_ADDRESS, octets],
    [IFA_PROTO, Uint8Array.of(ourProtocol)],
    ...(familyOf(target.address) === "ipv6" ? [[IFA_FLAGS, u32(IFA_F_NODAD)] as const] : [])
  ])
  return message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sequence, body)
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

/** The replies in one datagram; messages of other kinds are passed over, a truncated one ends the list. */
export const decodeReplies = (bytes: Uint8Array): ReadonlyArray<NetlinkReply> => {
  const replies: Array<NetlinkReply> = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + headerLength <= bytes.length; ) {
    const length = view.getUint32(at, true)
    if (length < headerLength || at + length > bytes.length) break
    const type = view.getUint16(at + 4, true)
    const sequence = view.getUint32(at + 8, true)
    if (type === NLMSG_DONE) replies.push({ type: "done", sequence })
    else if (type === NLMSG_ERROR && length >= headerLength + 4) {
      replies.push({ type: "ack", sequence, errno: -view.getInt32(at + headerLength, true) })
    } else if (type === RTM_NEWADDR) {
      const address = decodeIfaddr(bytes.subarray(at + headerLength, at + length))
      if (address !== undefined) replies.push({ type: "address", sequence, address })
    }
    at += align(length)
  }
  return replies
}

const decodeIfaddr = (bytes: Uint8Array): KernelAddress | undefined => {
  if (bytes.length < ifaddrLength) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const octets = bytes[0] === AF_INET ? 4 : bytes[0] === AF_INET6 ? 16 : 0
  let address: Uint8Array | undefined
  let local: Uint8Array | undefined
  let ours = false
  for (let at = ifaddrLength; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at, true)
    if (length < 4 || at + length > bytes.length) break
    const value = bytes.subarray(at + 4, at + length)
    const type = view.getUint16(at + 2, true)
    if (type === IFA_ADDRESS) address = value
    else if (type === IFA_LOCAL) local = value
    else if (type === IFA_PROTO) ours = value[0] === ourProtocol
    at += align(length)
  }
  // On a point-to-point link IFA_ADDRESS is the other end.
  const own = local ?? address
  if (octets === 0 || own?.length !== octets) return undefined
  return {
    address: addressFromBytes(own),
    prefixLength: bytes[1] as number,
    interfaceIndex: view.getUint32(4, true),
    ours
  }
}
