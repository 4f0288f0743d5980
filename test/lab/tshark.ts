// What tshark makes of a capture file: an independent reading of the BGP messages in it. Owns no tests.
import { parseAddress } from "../../src/net/ip.ts"

/** A BGP message as tshark dissects it; lists are in the order of the message. */
export interface Dissected {
  readonly from: string
  /** 1 OPEN … 5 ROUTE-REFRESH. */
  readonly type: number
  /** Announced and withdrawn prefixes of both families, "10.0.0.8/32", sorted. */
  readonly prefixes: ReadonlyArray<string>
  /** Sorted. */
  readonly pathIds: ReadonlyArray<number>
  readonly nextHops: ReadonlyArray<string>
}

const prefixFields = [
  "bgp.withdrawn_prefix",
  "bgp.mp_unreach_nlri_ipv4_prefix",
  "bgp.mp_unreach_nlri_ipv6_prefix",
  "bgp.mp_reach_nlri_ipv4_prefix",
  "bgp.mp_reach_nlri_ipv6_prefix",
  "bgp.nlri_prefix"
]
const nextHopFields = [
  "bgp.update.path_attribute.next_hop",
  "bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv4",
  "bgp.update.path_attribute.mp_reach_nlri.next_hop.ipv6"
]
const checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]

/** What tshark prints; fails with what it complains about. */
export const tshark = async (...words: ReadonlyArray<string>): Promise<string> => {
  const child = Bun.spawn(["tshark", ...words], { stdio: ["ignore", "pipe", "pipe"] })
  const [out, error, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`tshark ended with ${code}: ${error}`)
  return out
}

/** The frames that tshark objects to: malformed, wrong checksums, sequence numbers that do not fit. One line each. */
export const complaints = async (file: string): Promise<ReadonlyArray<string>> => {
  const wrong = "_ws.malformed or tcp.checksum.status==0 or ip.checksum.status==0 or tcp.analysis.flags"
  // A connection that comes again over the same ports is told of by a flag of its own, and is none.
  const filter = `(${wrong}) and not tcp.analysis.reused_ports`
  return (await tshark("-r", file, ...checks, "-Y", filter)).split("\n").filter((line) => line !== "")
}

/** Every BGP message of the file, in order; a packet holds one. */
export const dissect = async (file: string): Promise<ReadonlyArray<Dissected>> => {
  const fields = [
    "ip.src",
    "ipv6.src",
    "bgp.type",
    "bgp.prefix_length",
    "bgp.nlri_path_id",
    ...prefixFields,
    ...nextHopFields
  ]
  const wanted = fields.flatMap((name) => ["-e", name])
  const text = await tshark(
    "-r",
    file,
    "-Y",
    "bgp",
    "-T",
    "fields",
    "-E",
    "separator=/t",
    "-E",
    "aggregator=,",
    ...wanted
  )
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [v4 = "", v6 = "", type = "", lengths = "", ids = "", ...lists] = line.split("\t")
      const many = (list: string | undefined) => (list === undefined || list === "" ? [] : list.split(","))
      const bits = many(lengths)
      // tshark has the lengths in one list, in the order of the message.
      const addresses = prefixFields.flatMap((_, index) => many(lists[index]))
      return {
        from: v4 === "" ? v6 : v4,
        type: Number(type),
        prefixes: addresses.map((address, index) => `${address}/${bits[index]}`).sort(),
        pathIds: many(ids)
          .map(Number)
          .sort((a, b) => a - b),
        nextHops: nextHopFields
          .flatMap((_, index) => many(lists[prefixFields.length + index]))
          .map((address) => parseAddress(address) ?? address)
      }
    })
}
