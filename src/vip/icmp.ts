// Echo requests and replies (ping) as octets: ICMP (RFC 792) and ICMPv6 (RFC 4443 section 4). The kernel puts the IP header before
// what is sent; before what is received it leaves the header for IPv4 and takes it off for IPv6.
import type { Family } from "../net/ip.ts"

export interface Echo {
  /** Tells our replies from those of other programs. */
  readonly identifier: number
  readonly sequence: number
}

const echoHeader = 8
const types = { ipv4: { request: 8, reply: 0 }, ipv6: { request: 128, reply: 129 } } as const
/** Octets of the IP header before an echo message; options do not occur in ours. */
const ipHeader: Readonly<Record<Family, number>> = { ipv4: 20, ipv6: 40 }

/** The least that a packet with an echo message has, in octets. */
export const echoOctetsMin = (family: Family): number => ipHeader[family] + echoHeader

/** RFC 1071. */
const checksum = (bytes: Uint8Array): number => {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] as number) << 8) + (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** A request whose whole packet, IP header included, has `octets`. The checksum of ICMPv6 is the kernel's affair. */
export const echoRequest = (family: Family, { identifier, sequence }: Echo, octets: number): Uint8Array => {
  const bytes = new Uint8Array(Math.max(octets, echoOctetsMin(family)) - ipHeader[family])
  const view = new DataView(bytes.buffer)
  bytes[0] = types[family].request
  view.setUint16(4, identifier)
  view.setUint16(6, sequence)
  for (let at = echoHeader; at < bytes.length; at++) bytes[at] = at & 0xff
  if (family === "ipv4") view.setUint16(2, checksum(bytes))
  return bytes
}

/** The reply in what a raw socket received; undefined where it is something else. */
export const decodeEchoReply = (family: Family, received: Uint8Array): Echo | undefined => {
  const at = family === "ipv4" ? ((received[0] ?? 0) & 0x0f) * 4 : 0
  const message = received.subarray(at)
  if (message.length < echoHeader || message[0] !== types[family].reply || message[1] !== 0) return undefined
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  return { identifier: view.getUint16(4), sequence: view.getUint16(6) }
}
