// From a pcap file (libpcap's classic format, little-endian, Ethernet) to what one host sent over TCP: IPv4 and IPv6
// without extension headers, segments put in order by sequence number, repeated octets dropped.

const GLOBAL_HEADER = 24
const RECORD_HEADER = 16
const ETHERNET = 14
const TCP = 6

interface Segment {
  readonly flow: string
  readonly sequence: number
  readonly syn: boolean
  readonly payload: Uint8Array
}

const segmentOf = (frame: Uint8Array, from: string): Segment | undefined => {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const six = view.getUint16(12) === 0x86dd
  if (!six && view.getUint16(12) !== 0x0800) return undefined
  const protocol = view.getUint8(ETHERNET + (six ? 6 : 9))
  const ipLength = six ? 40 : (view.getUint8(ETHERNET) & 15) * 4
  const [at, size] = six ? [8, 16] : [12, 4]
  const source = frame.subarray(ETHERNET + at, ETHERNET + at + size).toHex()
  if (protocol !== TCP || source !== from) return undefined
  const end = ETHERNET + (six ? 40 + view.getUint16(ETHERNET + 4) : view.getUint16(ETHERNET + 2))
  const tcp = ETHERNET + ipLength
  return {
    flow: frame.subarray(ETHERNET + at + size, ETHERNET + at + 2 * size).toHex() + view.getUint32(tcp).toString(16),
    sequence: view.getUint32(tcp + 4),
    syn: (view.getUint8(tcp + 13) & 2) !== 0,
    payload: frame.subarray(tcp + (view.getUint8(tcp + 12) >>> 4) * 4, end)
  }
}

/** What the host with the address `from` (its octets as hex) sent, one entry for each connection, in order of time. */
export const streamsFrom = (pcap: Uint8Array, from: string): ReadonlyArray<Uint8Array> => {
  const view = new DataView(pcap.buffer, pcap.byteOffset, pcap.length)
  if (view.getUint32(0, true) !== 0xa1b2c3d4) throw new Error("not a pcap file in this machine's order of octets")
  const flows = new Map<string, { first: number; octets: Array<number> }>()
  for (let at = GLOBAL_HEADER; at + RECORD_HEADER <= pcap.length; ) {
    const length = view.getUint32(at + 8, true)
    const segment = segmentOf(pcap.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length), from)
    at += RECORD_HEADER + length
    if (segment === undefined) continue
    if (segment.syn) flows.set(segment.flow, { first: (segment.sequence + 1) >>> 0, octets: [] })
    const flow = flows.get(segment.flow)
    if (flow === undefined) continue
    const offset = (segment.sequence - flow.first) >>> 0
    for (const [index, octet] of segment.payload.entries()) flow.octets[offset + index] = octet
  }
  return [...flows.values()].map((flow) => Uint8Array.from(flow.octets))
}
