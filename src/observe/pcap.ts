// Recorded messages as a capture file (pcapng, draft-ietf-opsawg-pcapng) that Wireshark, tshark and tcpdump open. What is below BGP is made
// up: Ethernet, IPv4 (RFC 791) or IPv6 (RFC 8200) and TCP (RFC 9293) headers with sequence numbers that fit together, right checksums, and
// a handshake before the first message of a connection, so that dissectors see a whole conversation. Messages that the recorder does not
// keep any more leave no gap. Each packet carries the session and the message's text as its comment. Pure: records in, octets out.
import { textToBytes } from "../bgp/text.ts"
import { fromHex, Writer } from "../net/bytes.ts"
import { hash32 } from "../net/hash.ts"
import { type Address, addressBytes, familyOf, parseAddress } from "../net/ip.ts"
import type { TraceRecord } from "./trace.ts"

const blockType = { section: 0x0a0d0d0a, interface: 1, packet: 6 } as const
const option = { end: 0, comment: 1, interfaceName: 2, application: 4, packetFlags: 2 } as const
const ethernet = 1
const etherType = { ipv4: 0x0800, ipv6: 0x86dd } as const
const tcpProtocol = 6
const flag = { syn: 0x02, psh: 0x08, ack: 0x10 } as const
/** Payload of a segment; longer messages (RFC 8654) take several. */
const segmentMost = 32_000
const window = 65_535
/**
 * Of a SYN: the largest segment, and a window scale (RFC 7323 2.2) as large as can be, since who only listens acknowledges nothing
 * here and the window shall never be full.
 */
const synOptions = Uint8Array.from([2, 4, segmentMost >>> 8, segmentMost & 0xff, 1, 3, 3, 14])
const noOptions = new Uint8Array(0)

const utf8 = new TextEncoder()
const keepalive = Uint8Array.from([...Array<number>(16).fill(0xff), 0, 19, 4])

interface End {
  readonly address: Address
  readonly port: number
}

/** One direction of a connection: its end, and the sequence number of its next octet. */
interface Side extends End {
  next: number
}

interface Conversation {
  readonly local: Side
  readonly peer: Side
  /** Who has sent its OPEN: another one from there is another connection over the same ports. */
  readonly opened: Set<TraceRecord["direction"]>
}

/** The 16-bit one's complement sum of RFC 1071 over `parts`, each of an even length but the last. */
const checksum = (...parts: ReadonlyArray<Uint8Array>): number => {
  let sum = 0
  for (const part of parts)
    for (let at = 0; at < part.length; at += 2) sum += ((part[at] ?? 0) << 8) | (part[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

const tcpSegment = (from: Side, to: Side, flags: number, payload: Uint8Array): Uint8Array => {
  const acknowledged = (flags & flag.ack) === 0 ? 0 : to.next
  const options = (flags & flag.syn) === 0 ? noOptions : synOptions
  const segment = new Writer(20 + options.length + payload.length)
  segment.u16(from.port).u16(to.port).u32(from.next).u32(acknowledged)
  segment
    .u8((5 + options.length / 4) << 4)
    .u8(flags)
    .u16(window)
    .u16(0)
    .u16(0)
    .put(options)
    .put(payload)
  const [source, target] = [addressBytes(from.address), addressBytes(to.address)]
  const pseudo = new Writer(40).put(source).put(target)
  if (source.length === 4) pseudo.u16(tcpProtocol).u16(segment.length)
  else pseudo.u32(segment.length).u32(tcpProtocol)
  return segment.patchU16(16, checksum(pseudo.done(), segment.done())).done()
}

const ipHeader = (from: Address, to: Address, length: number): Uint8Array => {
  const header = new Writer(40)
  if (familyOf(from) === "ipv6")
    return header
      .u32(0x60000000)
      .u16(length)
      .u8(tcpProtocol)
      .u8(64)
      .put(addressBytes(from))
      .put(addressBytes(to))
      .done()
  // Version and header length, DSCP of network control (RFC 4594 3.1), "don't fragment".
  header
    .u16(0x45c0)
    .u16(20 + length)
    .u16(0)
    .u16(0x4000)
    .u8(64)
    .u8(tcpProtocol)
    .u16(0)
  header.put(addressBytes(from)).put(addressBytes(to))
  return header.patchU16(10, checksum(header.done())).done()
}

/** A locally administered MAC of the address's own. */
const mac = (writer: Writer, address: Address): Writer => writer.u16(0x0200).u32(hash32(address))

const frameOf = (from: Side, to: Side, flags: number, payload: Uint8Array): Uint8Array => {
  const segment = tcpSegment(from, to, flags, payload)
  const frame = new Writer(14 + 40 + segment.length)
  mac(mac(frame, to.address), from.address).u16(etherType[familyOf(from.address)])
  return frame
    .put(ipHeader(from.address, to.address, segment.length))
    .put(segment)
    .done()
}

const padded = (writer: Writer): Writer => {
  while (writer.length % 4 !== 0) writer.u8(0)
  return writer
}

const writeOption = (writer: Writer, code: number, value: Uint8Array): void => {
  writer.u16(code).u16(value.length).put(value)
  padded(writer)
}

const block = (type: number, body: Uint8Array): Uint8Array => {
  const length = body.length + 12
  return new Writer(length).u32(type).u32(length).put(body).u32(length).done()
}

const sectionHeader = (comment: string): Uint8Array => {
  // Byte-order magic of a big-endian section, version 1.0, length unknown.
  const body = new Writer().u32(0x1a2b3c4d).u16(1).u16(0).u32(0xffffffff).u32(0xffffffff)
  writeOption(body, option.comment, utf8.encode(comment))
  writeOption(body, option.application, utf8.encode("viaduct trace"))
  return block(blockType.section, body.u16(option.end).u16(0).done())
}

const interfaceDescription = (): Uint8Array => {
  const body = new Writer().u16(ethernet).u16(0).u32(0)
  writeOption(body, option.interfaceName, utf8.encode("bgp"))
  return block(blockType.interface, body.u16(option.end).u16(0).done())
}

const packet = (frame: Uint8Array, atUs: number, outbound: boolean, comment: string): Uint8Array => {
  const body = new Writer(frame.length + 128)
  body
    .u32(0)
    .u32(Math.floor(atUs / 0x1_0000_0000))
    .u32(atUs % 0x1_0000_0000)
    .u32(frame.length)
    .u32(frame.length)
  padded(body.put(frame))
  if (comment !== "") writeOption(body, option.comment, textToBytes(comment, 1_000))
  writeOption(body, option.packetFlags, new Writer(4).u32(outbound ? 2 : 1).done())
  return block(blockType.packet, body.u16(option.end).u16(0).done())
}

/** Microseconds since 1970 of RFC 3339 text with up to six decimals. */
const microseconds = (at: string): number => {
  const fraction = /\.(\d+)/.exec(at)?.[1] ?? ""
  return (
    Math.floor(Date.parse(at.replace(/\.\d+/, "")) / 1_000) * 1_000_000 + Number(fraction.padEnd(6, "0").slice(0, 6))
  )
}

const concatenated = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const writer = new Writer(parts.reduce((length, part) => length + part.length, 0))
  for (const part of parts) writer.put(part)
  return writer.done()
}

/** Makes a capture file, piece by piece: first `head`, then what `add` gives for each record. */
export class PcapWriter {
  readonly head = concatenated([
    sectionHeader("BGP messages as viaduct sent and received them; the headers below BGP are made up"),
    interfaceDescription()
  ])
  private readonly conversations = new Map<string, Conversation>()
  private started = 0

  /** The packets of one record; none where its octets or addresses are not known. Records come in the order of their sequence. */
  add(record: TraceRecord): Uint8Array {
    const octets =
      record.hex === undefined ? (record.type === "KEEPALIVE" ? keepalive : undefined) : fromHex(record.hex)
    const [local, peer] = [parseAddress(record.localAddress), parseAddress(record.peerAddress)]
    const atUs = microseconds(record.at)
    if (octets === undefined || local === undefined || peer === undefined || Number.isNaN(atUs))
      return new Uint8Array(0)
    const packets: Array<Uint8Array> = []
    const write = (from: Side, to: Side, flags: number, payload: Uint8Array, comment: string, outbound: boolean) => {
      packets.push(packet(frameOf(from, to, flags, payload), atUs, outbound, comment))
      from.next = (from.next + payload.length + ((flags & flag.syn) === 0 ? 0 : 1)) >>> 0
    }
    const key = `${local} ${record.localPort} ${peer} ${record.peerPort}`
    const before = this.conversations.get(key)
    const again = record.type === "OPEN" && before?.opened.has(record.direction) === true
    const conversation = before === undefined || again ? this.begin(key, local, peer, record, write) : before
    if (record.type === "OPEN") conversation.opened.add(record.direction)
    const outbound = record.direction === "sent"
    const [from, to] = outbound ? [conversation.local, conversation.peer] : [conversation.peer, conversation.local]
    const comment = `${record.session} ${record.direction} ${record.type}${record.text === "" ? "" : `: ${record.text}`}`
    for (let at = 0; at < octets.length; at += segmentMost)
      write(from, to, flag.psh | flag.ack, octets.subarray(at, at + segmentMost), comment, outbound)
    return concatenated(packets)
  }

  /** Three segments in which the end with the higher port, being the one that is no server, opens the connection. */
  private begin(
    key: string,
    localAddress: Address,
    peerAddress: Address,
    { localPort, peerPort }: TraceRecord,
    write: (from: Side, to: Side, flags: number, payload: Uint8Array, comment: string, outbound: boolean) => void
  ): Conversation {
    const isn = (end: string): number => hash32(`${key} ${this.started} ${end}`)
    const local: Side = { address: localAddress, port: localPort, next: isn("local") }
    const peer: Side = { address: peerAddress, port: peerPort, next: isn("peer") }
    this.started++
    const conversation: Conversation = { local, peer, opened: new Set() }
    this.conversations.set(key, conversation)
    const dialled = localPort > peerPort
    const [client, server] = dialled ? [local, peer] : [peer, local]
    const nothing = new Uint8Array(0)
    write(client, server, flag.syn, nothing, "", dialled)
    write(server, client, flag.syn | flag.ack, nothing, "", !dialled)
    write(client, server, flag.ack, nothing, "", dialled)
    return conversation
  }
}
