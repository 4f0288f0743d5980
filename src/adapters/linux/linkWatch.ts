// Changes of interfaces and addresses as the kernel tells them (rtnetlink(7), multicast groups), without the echo of what this
// process does itself: refreshing a held address every second brings an event every second. When the kernel drops events
// (ENOBUFS) the socket is opened anew and a change is reported, since nobody knows what was missed.
import {
  changeGroups,
  decodeReplies,
  type KernelAddress,
  type KernelLink,
  type NetlinkReply
} from "../../vip/netlink.ts"
import { adoptDatagrams } from "../bun/datagrams.ts"
import * as c from "../bun/libc.ts"

const AF_NETLINK = 16
const SOCK_RAW = 3
const NETLINK_ROUTE = 0
const SO_RCVBUF = 8
/** Goes past the system's limit; it needs the right that adding addresses needs. */
const SO_RCVBUFFORCE = 33
const receiveBuffer = 4 * 1024 * 1024
/** Between attempts to open the socket again, in ms. */
const reopenMs = 200

export const addressKey = (one: Omit<KernelAddress, "ours">): string =>
  `${one.interfaceIndex} ${one.address}/${one.prefixLength}`

const linkText = (link: KernelLink): string => `${link.name} ${link.mac} ${link.up}`

/** Without the right the system's limit has to do: more is lost, and looked up again, in a burst of changes. */
const enlarge = (fd: number): void => {
  try {
    c.setInt(fd, c.SOL_SOCKET, SO_RCVBUFFORCE, receiveBuffer, "SO_RCVBUFFORCE")
  } catch {
    c.setInt(fd, c.SOL_SOCKET, SO_RCVBUF, receiveBuffer, "SO_RCVBUF")
  }
}

const openSocket = (): number => {
  const fd = c.rawSocket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)
  try {
    enlarge(fd)
    // struct sockaddr_nl: family, padding, port (the kernel chooses), groups.
    const where = new Uint32Array([AF_NETLINK, 0, changeGroups])
    c.bindRaw(fd, new Uint8Array(where.buffer))
    return fd
  } catch (error) {
    c.close(fd)
    throw error
  }
}

export class LinkWatch {
  private readonly list: () => ReadonlyArray<KernelLink>
  private readonly changed: () => void
  /** What this process did last to an address, until an event says that somebody else did more. */
  private readonly byUs = new Map<string, "there" | "gone">()
  private links: Map<number, string>
  private stop: () => void
  private retry: Timer | undefined
  private closed = false

  /** Throws where the kernel does not give the socket. */
  constructor(list: () => ReadonlyArray<KernelLink>, changed: () => void) {
    this.list = list
    this.changed = changed
    this.stop = this.open()
    this.links = this.known()
  }

  /** To be called before the request goes to the kernel. */
  expect(address: Omit<KernelAddress, "ours">, state: "there" | "gone"): void {
    this.byUs.set(addressKey(address), state)
  }

  close(): void {
    this.closed = true
    clearTimeout(this.retry)
    this.stop()
  }

  private open(): () => void {
    return adoptDatagrams(openSocket(), {
      onData: (bytes) => {
        // Every event has to be looked at, also after one that is news.
        const news = decodeReplies(bytes).filter((reply) => this.isNews(reply))
        if (news.length > 0) this.changed()
      },
      onGone: () => this.reopen()
    })
  }

  private known(): Map<number, string> {
    return new Map(this.list().map((link) => [link.index, linkText(link)]))
  }

  private reopen(): void {
    if (this.closed) return
    try {
      this.stop = this.open()
      this.links = this.known()
    } catch {
      // Without descriptors or memory for now: the change is reported when there is a socket again.
      this.retry = setTimeout(() => this.reopen(), reopenMs)
      return
    }
    this.changed()
  }

  private isNews(reply: NetlinkReply): boolean {
    switch (reply.type) {
      case "address":
      case "address-gone": {
        const key = addressKey(reply.address)
        const byUs = this.byUs.get(key)
        if (reply.type === "address" ? byUs === "there" && reply.address.ours : byUs === "gone") return false
        this.byUs.delete(key)
        return true
      }
      case "link": {
        const text = linkText(reply.link)
        if (this.links.get(reply.link.index) === text) return false
        this.links.set(reply.link.index, text)
        return true
      }
      case "link-gone":
        return this.links.delete(reply.link.index)
      default:
        return false
    }
  }
}
