// What one session still has to tell its peer: the wanted routes, the frames on their way, and what the peer was told. Octets
// are bounded: a difference is worked out only when the one before has left, and a new wanted set replaces one that
// waits, so that a slow peer costs one table and never a queue of changes. D10, I5.
import { exportRoute, refreshTable, type Sent, type UpdateGroups } from "../bgp/adjRibOut.ts"
import type { Negotiated } from "../bgp/capability/negotiate.ts"
import { familyOfAfi } from "../bgp/iana.ts"
import type { RouteRefresh } from "../bgp/message/types.ts"
import { type Family, familyOf } from "../net/ip.ts"
import type { PlannedRoute } from "../plan/types.ts"
import type { AdvertisedRoute, SessionStatus } from "../resources/nodeStatus.ts"

interface Ends {
  readonly localAsn: number
  readonly peerAsn: number
  /** Additional paths were offered to the peer (RFC 7911). */
  readonly addPaths?: true
}

export class Outbox {
  /** What the peer was told, and what it was not told with the reason. */
  advertised: ReadonlyArray<AdvertisedRoute> = []
  withheld: NonNullable<SessionStatus["withheld"]> = []
  /** What holds for the whole session: one line where the peer takes one path per prefix (D9), not one for each path. */
  notes: ReadonlyArray<string> = []
  private readonly ends: Ends
  private readonly groups: UpdateGroups
  private negotiated: Negotiated | undefined
  private wanted: ReadonlyArray<PlannedRoute> = []
  private formerIds: ReadonlyArray<number> = []
  private changed = false
  /** undefined until the first table has been worked out. */
  private sent: Sent | undefined
  private frames: Array<Uint8Array> = []

  constructor(ends: Ends, groups: UpdateGroups) {
    this.ends = ends
    this.groups = groups
  }

  /**
   * The whole wanted set; what it means for the peer is worked out when its turn comes. `formerIds`: path identifiers that
   * the peer may have kept of a speaker before this one.
   */
  want(routes: ReadonlyArray<PlannedRoute>, formerIds: ReadonlyArray<number> = []): void {
    this.wanted = routes
    this.formerIds = formerIds
    this.changed = true
  }

  /** A new session: the peer knows nothing. */
  open(negotiated: Negotiated): void {
    this.close()
    this.negotiated = negotiated
    this.changed = true
  }

  close(): void {
    this.negotiated = undefined
    this.sent = undefined
    this.frames = []
    this.advertised = []
    this.withheld = []
    this.notes = []
  }

  /** Nothing is on its way and nothing waits. */
  get empty(): boolean {
    return this.negotiated === undefined || (this.frames.length === 0 && !this.changed)
  }

  /** Hands frames to `write` until it has enough (false) or none is left. True: what the peer is told has changed. */
  flush(write: (frame: Uint8Array) => boolean): boolean {
    const moved = this.frames.length === 0 && this.changed && this.advance()
    let sent = 0
    for (let more = true; more && sent < this.frames.length; ) more = write(this.frames[sent++] as Uint8Array)
    if (sent > 0) this.frames.splice(0, sent)
    return moved
  }

  /** The step from what the peer was told to what is wanted now. */
  private advance(): boolean {
    if (this.negotiated === undefined) return false
    this.changed = false
    const out = { ctx: this.negotiated.send, families: this.negotiated.families }
    const planned = this.carried(out.ctx.addPath).map((route) => ({ route, exported: exportRoute(route, this.ends) }))
    const routes = planned.map(({ exported }) => exported)
    const step =
      this.sent === undefined
        ? this.groups.initialTable(routes, out, this.formerIds)
        : this.groups.advance(this.sent, routes, out)
    this.sent = step.sent
    this.frames = [...step.messages]
    this.withheld = step.unsent.map(({ route, reason }) => ({ prefix: route.prefix, reason }))
    const name = ({ prefix, nextHop, pathId }: Pick<PlannedRoute, "prefix" | "nextHop" | "pathId">) =>
      `${prefix} ${nextHop} ${pathId ?? ""}`
    const unsent = new Set(step.unsent.map(({ route }) => name(route)))
    this.advertised = planned.flatMap(({ route }) => (unsent.has(name(route)) ? [] : [advertisedRoute(route)]))
    return true
  }

  /** All wanted routes of a family with ADD-PATH; of the others those that may stand alone, with a note about the rest. */
  private carried(addPath: Readonly<Record<Family, boolean>>): ReadonlyArray<PlannedRoute> {
    const left: Record<Family, number> = { ipv4: 0, ipv6: 0 }
    const carried = this.wanted.filter(({ prefix, single }) => {
      const family = familyOf(prefix)
      const goes = addPath[family] || single !== false
      if (!goes) left[family]++
      return goes
    })
    const why = this.ends.addPaths === true ? "the peer does not receive" : "this session does not offer"
    this.notes = (["ipv4", "ipv6"] as const).flatMap((family) =>
      left[family] === 0
        ? []
        : [`${family}: ${why} additional paths (RFC 7911): one next hop per prefix, ${left[family]} more left out`]
    )
    return carried
  }

  /** RFC 2918, RFC 7313: the peer asks for a family again. */
  resend({ afi, safi, subtype }: RouteRefresh): void {
    const family = familyOfAfi(afi, safi)
    if (this.negotiated === undefined || this.sent === undefined || family === undefined || subtype !== "request")
      return
    const { send, families, enhancedRouteRefresh } = this.negotiated
    this.frames.push(...refreshTable(this.sent, family, { ctx: send, families }, enhancedRouteRefresh))
  }
}

const advertisedRoute = (route: PlannedRoute): AdvertisedRoute => ({
  name: route.name,
  prefix: route.prefix,
  nextHop: route.nextHop,
  ...(route.pathId === undefined ? {} : { pathId: route.pathId }),
  ...(route.med === undefined ? {} : { med: route.med }),
  ...(route.communities === undefined ? {} : { communities: route.communities }),
  ...(route.largeCommunities === undefined ? {} : { largeCommunities: route.largeCommunities })
})
