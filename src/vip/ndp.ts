// Neighbor Discovery over Ethernet, as whole frames: the solicitation of duplicate address detection (RFC 4862, 5.4.2), the
// unsolicited advertisement that says who has an address now (RFC 4861, 7.2.6), and what others say in both. ICMPv6 checksum:
// RFC 4443, 2.3; multicast over Ethernet: RFC 2464, 7. Received messages are held to RFC 4861, 7.1.
// Invariants: decoding never throws; a frame that is not valid says nothing.
import { type Address, addressBytes, addressFromBytes } from "../net/ip.ts"
import { type Mac, macBytes, macFromBytes } from "../net/mac.ts"
import type { NeighbourMessage } from "./neighbour.ts"

const ETH_P_IPV6 = 0x86dd
export const protocolIcmpv6 = 58
export const neighborSolicitation = 135
export const neighborAdvertisement = 136

const ethernetLength = 14
const ipv6Length = 40
/** Type, code, checksum, flags, target address. */
const neighborLength = 24
const everyHop = 255

const SOURCE_LINK_ADDRESS = 1
const TARGET_LINK_ADDRESS = 2
const solicitedFlag = 0x40
const overrideFlag = 0x20

const unspecified = new Uint8Array(16)
const allNodes = addressBytes("ff02::1" as Address)

/** The multicast group that who has the address listens to: ff02::1:ff00:0/104 and its last 24 bits (RFC 4291, 2.7.1). */
export const solicitedNode = (address: Address): Uint8Array => {
  const group = addressBytes("ff02::1:ff00:0" as Address)
  group.set(addressBytes(address).subarray(13), 13)
  return group
}

/** RFC 1071 over the pseudo-header and the message; 0 where the message carries its right checksum. */
const checksum = (source: Uint8Array, destination: Uint8Array, message: Uint8Array): number => {
  const all = Uint8Array.of(...source, ...destination, 0, 0, 0, message.length, 0, 0, 0, protocolIcmpv6, ...message)
  let sum = 0
  for (let at = 0; at < all.length; at += 2) sum += ((all[at] as number) << 8) + (all[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** `message` with checksum 0, to a multicast group. */
const frame = (mac: Mac, source: Uint8Array, group: Uint8Array, message: Uint8Array): Uint8Array => {
  const sum = checksum(source, group, message)
  message[2] = sum >>> 8
  message[3] = sum & 0xff
  return Uint8Array.of(
    ...[0x33, 0x33, ...group.subarray(12)],
    ...macBytes(mac),
    ...[ETH_P_IPV6 >>> 8, ETH_P_IPV6 & 0xff],
    ...[0x60, 0, 0, 0, 0, message.length, protocolIcmpv6, everyHop],
    ...source,
    ...group,
    ...message
  )
}

/** Asks whether anybody has `address`: source unspecified, no link-layer option. */
export const dadSolicitation = (mac: Mac, address: Address): Uint8Array => {
  const message = Uint8Array.of(neighborSolicitation, 0, 0, 0, 0, 0, 0, 0, ...addressBytes(address))
  return frame(mac, unspecified, solicitedNode(address), message)
}

/** Says to all that `mac` has `address` and overrides what they had in their caches. */
export const unsolicitedAdvertisement = (mac: Mac, address: Address): Uint8Array => {
  const octets = addressBytes(address)
  const head = [neighborAdvertisement, 0, 0, 0, overrideFlag, 0, 0, 0]
  const message = Uint8Array.of(...head, ...octets, TARGET_LINK_ADDRESS, 1, ...macBytes(mac))
  return frame(mac, octets, allNodes, message)
}

/**
 * What an Ethernet frame of type IPv6 says; undefined where it is no valid solicitation or advertisement. An answer to
 * duplicate address detection goes to all nodes without the solicited flag (RFC 4861, 7.2.4): it is an announcement here.
 */
export const decodeNdp = (bytes: Uint8Array): NeighbourMessage | undefined => {
  const at = ethernetLength + ipv6Length
  if (bytes.length < at + neighborLength) return undefined
  if (((bytes[12] as number) << 8) + (bytes[13] as number) !== ETH_P_IPV6) return undefined
  const length = ((bytes[18] as number) << 8) + (bytes[19] as number)
  if ((bytes[14] as number) >>> 4 !== 6 || bytes[20] !== protocolIcmpv6 || bytes[21] !== everyHop) return undefined
  if (length < neighborLength || length > 255 || bytes.length < at + length) return undefined
  const source = bytes.subarray(22, 38)
  const destination = bytes.subarray(38, 54)
  const message = bytes.subarray(at, at + length)
  const target = message.subarray(8, neighborLength)
  if (message[1] !== 0 || target[0] === 0xff || checksum(source, destination, message) !== 0) return undefined
  const options = linkAddresses(message)
  if (options === undefined) return undefined
  const ethernetSource = bytes.subarray(6, 12)
  if (message[0] === neighborSolicitation) {
    const anonymous = source.every((octet) => octet === 0)
    const mac = macFromBytes(options.get(SOURCE_LINK_ADDRESS) ?? ethernetSource)
    if (!anonymous) return { type: "announcement", address: addressFromBytes(source), mac }
    if (options.has(SOURCE_LINK_ADDRESS) || !isSolicitedNode(destination)) return undefined
    return { type: "probe", address: addressFromBytes(target), mac }
  }
  if (message[0] !== neighborAdvertisement) return undefined
  const solicited = ((message[4] as number) & solicitedFlag) !== 0
  if (solicited && destination[0] === 0xff) return undefined
  const mac = macFromBytes(options.get(TARGET_LINK_ADDRESS) ?? ethernetSource)
  return { type: solicited ? "answer" : "announcement", address: addressFromBytes(target), mac }
}

const isSolicitedNode = (group: Uint8Array): boolean => {
  const range = solicitedNode("::" as Address)
  return group.subarray(0, 13).every((octet, at) => octet === range[at])
}

/** Six-octet link-layer address options by type; undefined where an option has no or too much length. */
const linkAddresses = (message: Uint8Array): ReadonlyMap<number, Uint8Array> | undefined => {
  const found = new Map<number, Uint8Array>()
  let at = neighborLength
  while (at < message.length) {
    const length = (message[at + 1] ?? 0) * 8
    if (length === 0 || at + length > message.length) return undefined
    if (length === 8) found.set(message[at] as number, message.subarray(at + 2, at + 8))
    at += length
  }
  return found
}
