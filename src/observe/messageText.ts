// A BGP message in one line of words: what an operator wants to know of it without its octets. Routes come first, grouped by next
// hop, then the attributes that differ from what everybody sends. Lists are cut, with the number of what was left out.
import type { AsPathSegment, Attributes } from "../bgp/attribute/types.ts"
import type { Capability } from "../bgp/capability/types.ts"
import { familyOfAfi } from "../bgp/iana.ts"
import type { Announcement, Decoded, Message, Update, Withdrawal } from "../bgp/message/types.ts"
import { describeNotification } from "../bgp/notification.ts"

/** Prefixes of one group that are named. */
const prefixesMost = 8

const list = (items: ReadonlyArray<string>): string => {
  const named = items.slice(0, prefixesMost).join(", ")
  return items.length > prefixesMost ? `${named} and ${items.length - prefixesMost} more` : named
}

const pathText = ({ prefix, pathId }: Withdrawal): string => (pathId === undefined ? prefix : `${prefix} #${pathId}`)

const nextHopText = ({ nextHop, linkLocal }: Announcement): string =>
  linkLocal === undefined ? nextHop : `${nextHop} (${linkLocal})`

const segmentText = (segment: AsPathSegment): string => {
  if ("set" in segment) return `{${segment.set.join(" ")}}`
  if ("confedSequence" in segment) return `(${segment.confedSequence.join(" ")})`
  if ("confedSet" in segment) return `({${segment.confedSet.join(" ")}})`
  return segment.join(" ")
}

const attributesText = (attributes: Attributes): ReadonlyArray<string> => {
  const { origin, asPath, med, localPref, aggregator, communities, extendedCommunities, largeCommunities } = attributes
  const parts: Array<string> = []
  if (asPath !== undefined)
    parts.push(asPath.length === 0 ? "AS path empty" : `AS path ${asPath.map(segmentText).join(" ")}`)
  if (origin !== undefined && origin !== "igp") parts.push(`origin ${origin}`)
  if (med !== undefined) parts.push(`MED ${med}`)
  if (localPref !== undefined) parts.push(`local preference ${localPref}`)
  if (aggregator !== undefined) parts.push(`aggregated by AS ${aggregator.asn} ${aggregator.address}`)
  if (communities !== undefined) parts.push(`communities ${list(communities)}`)
  if (extendedCommunities !== undefined) parts.push(`extended communities ${list(extendedCommunities)}`)
  if (largeCommunities !== undefined) parts.push(`large communities ${list(largeCommunities)}`)
  if (attributes.otc !== undefined) parts.push(`only to customer AS ${attributes.otc}`)
  for (const { type } of attributes.unknown ?? []) parts.push(`attribute ${type}`)
  return parts
}

const updateText = ({ announce, withdraw, endOfRib, attributes }: Update): string => {
  if (endOfRib !== undefined) return `end of the ${endOfRib} table`
  const byNextHop = new Map<string, Array<string>>()
  for (const one of announce) {
    const nextHop = nextHopText(one)
    const group = byNextHop.get(nextHop)
    if (group === undefined) byNextHop.set(nextHop, [pathText(one)])
    else group.push(pathText(one))
  }
  const parts: Array<string> = []
  if (withdraw.length > 0) parts.push(`withdraw ${list(withdraw.map(pathText))}`)
  for (const [nextHop, prefixes] of byNextHop) parts.push(`announce ${list(prefixes)} via ${nextHop}`)
  return [...parts, ...attributesText(attributes)].join("; ")
}

const familyText = (afi: number, safi: number): string => {
  const family = familyOfAfi(afi, safi)
  return family === undefined ? `AFI ${afi} SAFI ${safi}` : `${family}-unicast`
}

const capabilityText = (capability: Capability): string => {
  switch (capability.name) {
    case "multiprotocol":
      return familyText(capability.afi, capability.safi)
    case "add-path":
      return `add-path (${capability.families.map((f) => `${familyText(f.afi, f.safi)} ${f.mode}`).join(", ")})`
    case "graceful-restart":
      return `graceful-restart (${capability.restartTime} s${capability.restarting ? ", restarting" : ""})`
    case "fqdn":
      return `host name ${JSON.stringify(capability.hostname)}`
    case "role":
      return `role ${capability.role}`
    case "unknown":
      return `capability ${capability.code}`
    default:
      return capability.name
  }
}

const textOf = (message: Message): string => {
  switch (message.type) {
    case "OPEN": {
      const head = `AS ${message.asn}, hold time ${message.holdTime} s, identifier ${message.routerId}`
      return [head, ...message.capabilities.map(capabilityText)].join(", ")
    }
    case "UPDATE":
      return updateText(message)
    case "NOTIFICATION":
      return describeNotification(message)
    case "ROUTE-REFRESH":
      return `${message.subtype} ${familyText(message.afi, message.safi)}`
    case "KEEPALIVE":
      return ""
  }
}

/** One line, without the message's type. What could not be read is said first. */
export const messageText = ({ message, error }: Decoded): string => {
  const text = message === undefined ? "" : textOf(message)
  if (error === undefined) return text
  const mistake = `malformed (${error.outcome}): ${error.message}`
  return text === "" ? mistake : `${mistake}; what is left: ${text}`
}
