// ROUTE-REFRESH: RFC 2918, subtypes and length error RFC 7313. A request may be longer than the fixed part (RFC 5291
// puts filters there); what follows is not read, since this speaker never offers that capability.
import { Reader, type Writer } from "../../net/bytes.ts"
import { messageError } from "../errors.ts"
import { ErrorCode, HEADER_LENGTH, RouteRefreshError } from "../iana.ts"
import type { Decoded, RouteRefresh } from "./types.ts"

const SUBTYPES = ["request", "begin", "end"] as const
const LENGTH = HEADER_LENGTH + 4

/** Decodes a ROUTE-REFRESH whose header is good. BoRR and EoRR have exactly four octets (RFC 7313 section 5). */
export const decodeRouteRefresh = (frame: Uint8Array): Decoded => {
  const r = new Reader(frame, HEADER_LENGTH)
  const afi = r.u16()
  const number = r.u8()
  const subtype = SUBTYPES[number] ?? number
  const safi = r.u8()
  const message: RouteRefresh = { type: "ROUTE-REFRESH", afi, safi, subtype }
  if (frame.length === LENGTH || (subtype !== "begin" && subtype !== "end")) return { message }
  const error = messageError({
    outcome: "session-reset",
    code: ErrorCode.routeRefresh,
    subcode: RouteRefreshError.invalidLength,
    offset: LENGTH,
    message: `a ROUTE-REFRESH with subtype ${subtype} has ${LENGTH} octets, this one has ${frame.length}`,
    data: frame
  })
  return { message, error }
}

/** Writes what follows the header. */
export const encodeRouteRefresh = (w: Writer, { afi, safi, subtype }: RouteRefresh): void => {
  w.u16(afi)
  w.u8(typeof subtype === "number" ? subtype : SUBTYPES.indexOf(subtype))
  w.u8(safi)
}
