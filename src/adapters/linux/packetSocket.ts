// AF_PACKET sockets that hear one protocol on one interface (packet(7)): ARP, or of IPv6 only the two messages of Neighbor
// Discovery, by a filter that is attached before the socket is bound, so that a busy node's traffic never reaches us. Such a
// socket hears no frame that this machine sends: the kernel shows those only to sockets for every protocol.
import { neighborAdvertisement, neighborSolicitation, protocolIcmpv6 } from "../../vip/ndp.ts"
import * as c from "../bun/libc.ts"

const AF_PACKET = 17
const AF_INET6 = 10
const SOCK_RAW = 3
const SOCK_DGRAM = 2
const ETH_P_ARP = 0x0806
const ETH_P_IPV6 = 0x86dd
const IPV6_JOIN_GROUP = 20

const protocols = { arp: ETH_P_ARP, ndp: ETH_P_IPV6 } as const
export type PacketProtocol = keyof typeof protocols

/** Classic BPF (struct sock_filter): code, jump if true, jump if false, operand. */
const program = (
  ...instructions: ReadonlyArray<readonly [code: number, yes: number, no: number, k: number]>
): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(instructions.length * 8)
  const view = new DataView(bytes.buffer)
  for (const [at, [code, yes, no, k]] of instructions.entries()) {
    view.setUint16(at * 8, code, true)
    view.setUint8(at * 8 + 2, yes)
    view.setUint8(at * 8 + 3, no)
    view.setUint32(at * 8 + 4, k, true)
  }
  return bytes
}

const loadOctet = 0x30
const jumpEqual = 0x15
const give = 0x06

/** Offsets in an Ethernet frame: next header 20, hop limit 21, type of the ICMPv6 message 54. */
const ndpFilter = program(
  [loadOctet, 0, 0, 20],
  [jumpEqual, 0, 6, protocolIcmpv6],
  [loadOctet, 0, 0, 21],
  [jumpEqual, 0, 4, 255],
  [loadOctet, 0, 0, 54],
  [jumpEqual, 1, 0, neighborSolicitation],
  [jumpEqual, 0, 1, neighborAdvertisement],
  [give, 0, 0, 0xffff],
  [give, 0, 0, 0]
)

/** A descriptor that hears and sends whole Ethernet frames on the interface. Throws where that is not there or not up. */
export const openPacketSocket = (interfaceIndex: number, protocol: PacketProtocol): number => {
  // Protocol 0: nothing arrives before it is bound.
  const fd = c.rawSocket(AF_PACKET, SOCK_RAW, 0)
  try {
    if (protocol === "ndp") c.attachFilter(fd, ndpFilter)
    // struct sockaddr_ll: family, protocol in network order, interface, and nothing that binding looks at.
    const where = new Uint8Array(20)
    const view = new DataView(where.buffer)
    view.setUint16(0, AF_PACKET, true)
    view.setUint16(2, protocols[protocol])
    view.setInt32(4, interfaceIndex, true)
    c.bindRaw(fd, where)
    // Binding to an interface that is down succeeds and leaves an error.
    const error = c.pendingError(fd)
    if (error !== 0) throw new Error(c.errnoText(error))
    return fd
  } catch (error) {
    c.close(fd)
    throw error
  }
}

/** A descriptor that does nothing but keep multicast groups joined. */
export const openMembership = (): number => c.rawSocket(AF_INET6, SOCK_DGRAM, 0)

/** Joins an IPv6 group on an interface, so that network card and switch let its packets through. */
export const joinGroup = (fd: number, interfaceIndex: number, group: Uint8Array): void => {
  const request = new Uint8Array(20)
  request.set(group)
  new DataView(request.buffer).setUint32(16, interfaceIndex, true)
  c.setBytes(fd, c.IPPROTO_IPV6, IPV6_JOIN_GROUP, request, "IPV6_JOIN_GROUP")
}
