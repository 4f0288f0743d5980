// ARP over Ethernet for IPv4, as whole frames (RFC 826): the probe that asks whether an address is free (RFC 5227, 2.1.1), the
// announcement that says who has it now (RFC 5227, 2.3; RFC 5944, 4.6 for the reply form), and what others say. Switches and
// hosts differ in which form of announcement they believe, so both are sent.
// Invariants: decoding never throws; a frame that is not well-formed says nothing.
import { type Address, addressBytes, addressFromBytes } from "../net/ip.ts"
import { type Mac, macBytes, macFromBytes } from "../net/mac.ts"
import type { NeighbourMessage } from "./neighbour.ts"

const ETH_P_ARP = 0x0806
const request = 1
const reply = 2

const ethernetLength = 14
const arpLength = 28
/** Hardware Ethernet, protocol IPv4, lengths 6 and 4. */
const arpHead = [0, 1, 8, 0, 6, 4]

const broadcast: Mac = "ff:ff:ff:ff:ff:ff"
const nobody = new Uint8Array(4)
const noHardware = new Uint8Array(6)

const frame = (
  operation: typeof request | typeof reply,
  sender: Mac,
  senderAddress: Uint8Array,
  targetHardware: Uint8Array,
  targetAddress: Uint8Array
): Uint8Array => {
  const mac = macBytes(sender)
  return Uint8Array.of(
    ...macBytes(broadcast),
    ...mac,
    ETH_P_ARP >>> 8,
    ETH_P_ARP & 0xff,
    ...arpHead,
    0,
    operation,
    ...mac,
    ...senderAddress,
    ...targetHardware,
    ...targetAddress
  )
}

/** Asks whether anybody has `address`. The sender's address is left out, so that no cache learns anything from it. */
export const arpProbe = (mac: Mac, address: Address): Uint8Array =>
  frame(request, mac, nobody, noHardware, addressBytes(address))

/** Says that `mac` has `address`: as a request and as a reply. */
export const arpAnnouncement = (mac: Mac, address: Address): ReadonlyArray<Uint8Array> => {
  const octets = addressBytes(address)
  return [frame(request, mac, octets, noHardware, octets), frame(reply, mac, octets, macBytes(mac), octets)]
}

/** What an Ethernet frame of type ARP says; undefined where it is malformed, or about something else than IPv4. */
export const decodeArp = (bytes: Uint8Array): NeighbourMessage | undefined => {
  if (bytes.length < ethernetLength + arpLength) return undefined
  if (((bytes[12] as number) << 8) + (bytes[13] as number) !== ETH_P_ARP) return undefined
  const arp = bytes.subarray(ethernetLength, ethernetLength + arpLength)
  if (arpHead.some((octet, at) => arp[at] !== octet) || arp[6] !== 0) return undefined
  const mac = macFromBytes(arp.subarray(8, 14))
  const sender = addressFromBytes(arp.subarray(14, 18))
  const target = addressFromBytes(arp.subarray(24, 28))
  const anonymous = sender === "0.0.0.0"
  if (arp[7] === request) {
    if (!anonymous) return { type: "announcement", address: sender, mac }
    return target === "0.0.0.0" ? undefined : { type: "probe", address: target, mac }
  }
  if (arp[7] !== reply || anonymous) return undefined
  return { type: sender === target ? "announcement" : "answer", address: sender, mac }
}
