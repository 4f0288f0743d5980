// The socket options of a BGP session on the machine's own kernel: TTL and GTSM (RFC 5082), TOS CS6 (RFC 4271, appendix E), no
// delay, and how long what was sent may stay unacknowledged. MD5 keys (RFC 2385) are apart: a listener has one for each peer.
import { type Address, familyOf } from "../../net/ip.ts"
import type { SocketOptions } from "../../ports/Transport.ts"
import * as c from "./libc.ts"

/** IP precedence 6, internetwork control: what routers give their routing protocols. */
const tosCs6 = 0xc0

/** Everything but MD5, which has to be in the listening socket before the peer's SYN comes. */
export const setOptions = (fd: number, address: Address, options: SocketOptions): void => {
  if (familyOf(address) === "ipv4") {
    c.setInt(fd, c.IPPROTO_IP, 2, options.ttlHops, "IP_TTL")
    c.setInt(fd, c.IPPROTO_IP, 1, tosCs6, "IP_TOS")
    if (options.ttlHopsMin > 0) c.setInt(fd, c.IPPROTO_IP, 21, options.ttlHopsMin, "IP_MINTTL")
  } else {
    c.setInt(fd, c.IPPROTO_IPV6, 16, options.ttlHops, "IPV6_UNICAST_HOPS")
    c.setInt(fd, c.IPPROTO_IPV6, 67, tosCs6, "IPV6_TCLASS")
    if (options.ttlHopsMin > 0) c.setInt(fd, c.IPPROTO_IPV6, 73, options.ttlHopsMin, "IPV6_MINHOPCOUNT")
  }
  c.setInt(fd, c.IPPROTO_TCP, 1, 1, "TCP_NODELAY")
  if (options.userTimeoutMs > 0) c.setInt(fd, c.IPPROTO_TCP, 18, options.userTimeoutMs, "TCP_USER_TIMEOUT")
}

/** A peer with GTSM drops a SYN-ACK with any other TTL. */
export const setListenerTtl = (fd: number, address: Address): void => {
  if (familyOf(address) === "ipv4") c.setInt(fd, c.IPPROTO_IP, 2, 255, "IP_TTL")
  else c.setInt(fd, c.IPPROTO_IPV6, 16, 255, "IPV6_UNICAST_HOPS")
}
