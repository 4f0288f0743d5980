// Who else is on a segment, on the machine's own kernel: one packet socket for ARP and one for Neighbor Discovery an interface,
// in Bun's event loop. An interface that goes away or goes down is opened again when it is back; until then probes and
// announcements fail with the reason. Our own words are never heard, whichever way they come back.
import { Effect, Layer } from "effect"
import { type Address, familyOf } from "../../net/ip.ts"
import type { Mac } from "../../net/mac.ts"
import { LinkError } from "../../ports/LinkControl.ts"
import { Neighbours, type Segment } from "../../ports/Neighbours.ts"
import { arpAnnouncement, arpProbe, decodeArp } from "../../vip/arp.ts"
import { dadSolicitation, decodeNdp, solicitedNode, unsolicitedAdvertisement } from "../../vip/ndp.ts"
import type { NeighbourMessage } from "../../vip/neighbour.ts"
import { adoptDatagrams } from "../bun/datagrams.ts"
import * as c from "../bun/libc.ts"
import { findInterface, kernelLinks } from "./NetlinkLinkControl.ts"
import { joinGroup, openMembership, openPacketSocket, type PacketProtocol } from "./packetSocket.ts"

/** How often an interface that is not there is looked for, in ms. */
const reopenMs = 100

const protocolOf = (address: Address): PacketProtocol => (familyOf(address) === "ipv4" ? "arp" : "ndp")

/** The sockets of one interface while it is up. */
interface Sockets {
  readonly index: number
  /** A bridge may change it while it is up. */
  mac: Mac
  readonly fds: Readonly<Record<PacketProtocol, number>>
  readonly membership: number
  readonly groups: Set<Address>
  readonly close: () => void
}

class LinuxSegment implements Segment {
  private readonly name: string
  private readonly hear: (message: NeighbourMessage) => void
  private sockets: Sockets | undefined
  private lastMac: Mac
  private retry: Timer | undefined
  private closed = false

  /** Throws where the interface is not there or not up. */
  constructor(name: string, hear: (message: NeighbourMessage) => void) {
    this.name = name
    this.hear = hear
    this.sockets = this.open()
    this.lastMac = this.sockets.mac
  }

  get mac(): Mac {
    return this.lastMac
  }

  probe(address: Address): Effect.Effect<void, LinkError> {
    return this.attempt((sockets) => {
      if (familyOf(address) === "ipv4") return this.send(sockets, address, arpProbe(sockets.mac, address))
      // Another node's probe for the same address goes to this group only (RFC 4862, 5.4.2).
      if (!sockets.groups.has(address)) joinGroup(sockets.membership, sockets.index, solicitedNode(address))
      sockets.groups.add(address)
      this.send(sockets, address, dadSolicitation(sockets.mac, address))
    })
  }

  announce(address: Address): Effect.Effect<void, LinkError> {
    return this.attempt((sockets) => {
      const frames =
        familyOf(address) === "ipv4"
          ? arpAnnouncement(sockets.mac, address)
          : [unsolicitedAdvertisement(sockets.mac, address)]
      for (const frame of frames) this.send(sockets, address, frame)
    })
  }

  close(): void {
    this.closed = true
    clearTimeout(this.retry)
    this.sockets?.close()
    this.sockets = undefined
  }

  private send(sockets: Sockets, address: Address, frame: Uint8Array): void {
    c.sendAll(sockets.fds[protocolOf(address)], frame)
  }

  private attempt(say: (sockets: Sockets) => void): Effect.Effect<void, LinkError> {
    return Effect.try({
      try: () => {
        say(this.current())
      },
      catch: (error) =>
        new LinkError({ message: `interface ${this.name}: ${error instanceof Error ? error.message : String(error)}` })
    })
  }

  private current(): Sockets {
    const sockets = this.sockets
    const link = sockets && kernelLinks().find((one) => one.index === sockets.index && one.name === this.name)
    if (sockets === undefined || link === undefined) throw new Error("it is down or gone")
    sockets.mac = link.mac
    this.lastMac = link.mac
    return sockets
  }

  private open(): Sockets {
    const index = findInterface(this.name)
    const link = kernelLinks().find((one) => one.index === index)
    if (link === undefined) throw new Error("there is no such interface on this node")
    const opened: Array<number> = []
    try {
      for (const open of [
        () => openPacketSocket(index, "arp"),
        () => openPacketSocket(index, "ndp"),
        () => openMembership()
      ])
        opened.push(open())
    } catch (error) {
      opened.forEach(c.close)
      throw error
    }
    const [arp = -1, ndp = -1, membership = -1] = opened
    const stops: Array<() => void> = [() => c.close(membership)]
    const close = () => {
      for (const stop of stops) stop()
    }
    const sockets = { index, mac: link.mac, fds: { arp, ndp }, membership, groups: new Set<Address>(), close }
    const listen = (fd: number, decode: (bytes: Uint8Array) => NeighbourMessage | undefined) =>
      adoptDatagrams(fd, {
        onData: (bytes) => {
          const message = decode(bytes)
          if (message !== undefined && message.mac !== sockets.mac) this.hear(message)
        },
        onGone: () => this.lost()
      })
    stops.push(listen(arp, decodeArp), listen(ndp, decodeNdp))
    return sockets
  }

  private lost(): void {
    if (this.sockets === undefined) return
    this.sockets.close()
    this.sockets = undefined
    if (!this.closed) this.retry = setTimeout(() => this.reopen(), reopenMs)
  }

  private reopen(): void {
    try {
      this.sockets = this.open()
      this.lastMac = this.sockets.mac
    } catch {
      // Not back yet; who probes or announces meanwhile is told.
      this.retry = setTimeout(() => this.reopen(), reopenMs)
    }
  }
}

const open = (name: string, hear: (message: NeighbourMessage) => void) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => new LinuxSegment(name, hear),
      catch: (error) =>
        new LinkError({ message: `interface ${name}: ${error instanceof Error ? error.message : String(error)}` })
    }),
    (segment) => Effect.sync(() => segment.close())
  )

export const LinuxNeighbours = Layer.succeed(Neighbours, Neighbours.of({ open }))
