// A captured message's name from what is in it, so that a failing vector tells which feature it is about.
import type { Message, Open, Update } from "../../../src/bgp/message/types.ts"

const openTitle = (open: Open): string => {
  const names = open.capabilities.map((one) => {
    if (one.name === "multiprotocol")
      return "family" in one && one.family ? one.family : `family ${one.afi}/${one.safi}`
    if (one.name === "graceful-restart") return `graceful-restart${one.notification ? " with N" : ""}`
    if (one.name === "role") return `role ${one.role}`
    return one.name === "unknown" ? `capability ${one.code}` : one.name
  })
  return `OPEN, ${[...new Set(names)].join(", ")}`
}

const count = (prefixes: ReadonlyArray<{ readonly prefix: string; readonly pathId?: number }>): string => {
  const family = prefixes[0]?.prefix.includes(":") ? "IPv6" : "IPv4"
  const paths = prefixes.some((one) => one.pathId !== undefined)
  return `${prefixes.length} ${family} ${paths ? "path" : "prefix"}${prefixes.length === 1 ? "" : paths ? "s" : "es"}`
}

const updateTitle = (update: Update): string => {
  if (update.endOfRib !== undefined) return `End-of-RIB ${update.endOfRib}`
  const { asPath = [], origin: _, ...rest } = update.attributes
  const parts = [
    ...(update.withdraw.length > 0 ? [`withdraws ${count(update.withdraw)}`] : []),
    ...(update.announce.length > 0 ? [`announces ${count(update.announce)}`] : []),
    ...(update.announce.some((one) => one.linkLocal !== undefined) ? ["link-local next hop"] : []),
    ...(update.announce.some((one) => one.nextHop.includes(":") && !one.prefix.includes(":")) ? ["IPv6 next hop"] : []),
    ...(asPath.some((segment) => !Array.isArray(segment)) ? ["AS_SET"] : []),
    ...(asPath.flat().some((asn) => typeof asn === "number" && asn > 0xffff) ? ["four-octet AS numbers"] : []),
    ...Object.keys(rest)
  ]
  return `UPDATE, ${parts.join(", ")}`
}

export const titleOf = (message: Message): string => {
  switch (message.type) {
    case "OPEN":
      return openTitle(message)
    case "UPDATE":
      return updateTitle(message)
    case "NOTIFICATION":
      return `NOTIFICATION ${message.name ?? `${message.code}/${message.subcode}`}${message.message === undefined ? "" : " with words"}`
    case "KEEPALIVE":
      return "KEEPALIVE"
    case "ROUTE-REFRESH":
      return `ROUTE-REFRESH ${message.subtype} ${message.afi}/${message.safi}`
  }
}
