// Capabilities between values and octets (RFC 5492 section 4; the document of each stands in types.ts). A capability
// that this speaker has no name for, and a known one whose length is not what its document says, is kept as hex: a
// peer's oddity in one capability costs that capability, not the session.
import { fromHex, OutOfBytes, Reader, toHex, Writer } from "../../net/bytes.ts"
import { Unencodable } from "../errors.ts"
import { CapabilityCode as Code, familyOfAfi } from "../iana.ts"
import { textFromBytes, textToBytes } from "../text.ts"
import type { AfiSafi, Capability } from "./types.ts"

const ROLES = ["provider", "route-server", "route-server-client", "customer", "peer"] as const
const MODES = ["receive", "send", "both"] as const
/** F, the first bit of the flags of a family in capabilities 64 and 71. */
const FORWARDING = 0x80

const afiSafi = (r: Reader): AfiSafi => ({ afi: r.u16(), safi: r.u8() })

const each = <A>(r: Reader, read: (r: Reader) => A): ReadonlyArray<A> => {
  const all: A[] = []
  while (r.left > 0) all.push(read(r))
  return all
}

const readMultiprotocol = (r: Reader): Capability => {
  const afi = r.u16()
  r.u8()
  const safi = r.u8()
  const family = familyOfAfi(afi, safi)
  return {
    code: Code.multiprotocol,
    name: "multiprotocol",
    afi,
    safi,
    ...(family === undefined ? {} : { family: `${family}-unicast` as const })
  }
}

const readGracefulRestart = (r: Reader): Capability => {
  const head = r.u16()
  return {
    code: Code.gracefulRestart,
    name: "graceful-restart",
    restarting: (head & 0x8000) !== 0,
    notification: (head & 0x4000) !== 0,
    restartTime: head & 0x0fff,
    families: each(r, (f) => ({ ...afiSafi(f), forwardingPreserved: (f.u8() & FORWARDING) !== 0 }))
  }
}

const readLongLived = (f: Reader) => ({
  ...afiSafi(f),
  forwardingPreserved: (f.u8() & FORWARDING) !== 0,
  staleTime: f.u8() * 0x10000 + f.u16()
})

const readFqdn = (r: Reader): Capability | undefined => {
  const hostname = textFromBytes(r.view(r.u8()))
  const domain = textFromBytes(r.view(r.u8()))
  if (hostname === undefined || domain === undefined) return undefined
  return { code: Code.fqdn, name: "fqdn", hostname, domain }
}

/** The known capability in `r`, or undefined where this speaker has no name for it. Throws OutOfBytes. */
const readKnown = (code: number, r: Reader): Capability | undefined => {
  switch (code) {
    case Code.multiprotocol:
      return readMultiprotocol(r)
    case Code.routeRefresh:
      return { code, name: "route-refresh" }
    case Code.extendedNextHop:
      return {
        code,
        name: "extended-next-hop",
        families: each(r, (f) => ({ afi: f.u16(), safi: f.u16(), nextHopAfi: f.u16() }))
      }
    case Code.extendedMessage:
      return { code, name: "extended-message" }
    case Code.role: {
      const role = r.u8()
      return { code, name: "role", role: ROLES[role] ?? role }
    }
    case Code.gracefulRestart:
      return readGracefulRestart(r)
    case Code.fourOctetAs:
      return { code, name: "four-octet-as", asn: r.u32() }
    case Code.addPath:
      return {
        code,
        name: "add-path",
        families: each(r, (f) => {
          const family = afiSafi(f)
          const mode = f.u8()
          return { ...family, mode: MODES[mode - 1] ?? mode }
        })
      }
    case Code.enhancedRouteRefresh:
      return { code, name: "enhanced-route-refresh" }
    case Code.longLivedGracefulRestart:
      return { code, name: "long-lived-graceful-restart", families: each(r, readLongLived) }
    case Code.fqdn:
      return readFqdn(r)
    case Code.routeRefreshCisco:
      return { code, name: "route-refresh-cisco", value: toHex(r.view(r.left)) }
    default:
      return undefined
  }
}

/** A capability from its code and the octets of its value. Total: whatever it cannot name is `unknown`. */
export const decodeCapability = (code: number, value: Uint8Array): Capability => {
  const r = new Reader(value)
  try {
    const known = readKnown(code, r)
    if (known !== undefined && r.left === 0) return known
  } catch (cause) {
    if (!(cause instanceof OutOfBytes)) throw cause
  }
  return { code, name: "unknown", value: toHex(value) }
}

const putAfiSafi = (w: Writer, { afi, safi }: AfiSafi): Writer => w.u16(afi).u8(safi)

const flags = (forwardingPreserved: boolean): number => (forwardingPreserved ? FORWARDING : 0)

const putGracefulRestart = (w: Writer, capability: Extract<Capability, { name: "graceful-restart" }>): void => {
  const bits = (capability.restarting ? 0x8000 : 0) | (capability.notification ? 0x4000 : 0)
  w.u16(bits | (capability.restartTime & 0x0fff))
  for (const family of capability.families) putAfiSafi(w, family).u8(flags(family.forwardingPreserved))
}

/** Writes code, length and value. Throws Unencodable where the value has more than 255 octets. */
export const encodeCapability = (w: Writer, capability: Capability): void => {
  const value = new Writer(32)
  switch (capability.name) {
    case "multiprotocol":
      value.u16(capability.afi).u8(0).u8(capability.safi)
      break
    case "extended-next-hop":
      for (const { afi, safi, nextHopAfi } of capability.families) value.u16(afi).u16(safi).u16(nextHopAfi)
      break
    case "role":
      value.u8(typeof capability.role === "number" ? capability.role : ROLES.indexOf(capability.role))
      break
    case "graceful-restart":
      putGracefulRestart(value, capability)
      break
    case "four-octet-as":
      value.u32(capability.asn)
      break
    case "add-path":
      for (const family of capability.families) {
        const mode = typeof family.mode === "number" ? family.mode : MODES.indexOf(family.mode) + 1
        putAfiSafi(value, family).u8(mode)
      }
      break
    case "long-lived-graceful-restart":
      for (const family of capability.families) {
        putAfiSafi(value, family).u8(flags(family.forwardingPreserved))
        value.u8(family.staleTime >>> 16).u16(family.staleTime)
      }
      break
    case "fqdn": {
      const hostname = textToBytes(capability.hostname, 253)
      const domain = textToBytes(capability.domain, 253 - hostname.length)
      value.u8(hostname.length).put(hostname).u8(domain.length).put(domain)
      break
    }
    case "unknown":
    case "route-refresh-cisco":
      value.put(fromHex(capability.value) ?? new Uint8Array(0))
      break
    case "route-refresh":
    case "extended-message":
    case "enhanced-route-refresh":
      break
  }
  if (value.length > 255) {
    throw new Unencodable(`capability ${capability.code} has ${value.length} octets, at most 255 fit`)
  }
  w.u8(capability.code).u8(value.length).put(value.done())
}
