// Ends the TIME-WAIT of a connection of ours, so that its ports can be used again at once (sock_diag(7), SOCK_DESTROY). A session
// that goes on from another port is one that no other node can take over (D7), so that a daemon that restarts must get its port
// back. What TIME-WAIT guards against (RFC 1337), segments of the old connection in the new one, would have to survive on a path
// of few hops and fall into the new window. Linux does the same by itself where both ends have timestamps; with TCP-MD5 it has none.
import { type Address, addressBytes, familyOf } from "../../net/ip.ts"
import * as c from "./libc.ts"

const AF_NETLINK = 16
const SOCK_RAW = 3
const NETLINK_SOCK_DIAG = 4
const SOCK_DIAG_BY_FAMILY = 20
const SOCK_DESTROY = 21
const NLM_F_REQUEST_ACK = 1 | 4
const NLMSG_ERROR = 2
const TCP_TIME_WAIT = 6

const headerLength = 16
const requestLength = 56

export interface Ends {
  readonly localAddress: Address
  readonly localPort: number
  readonly peerAddress: Address
  readonly peerPort: number
}

/** struct inet_diag_req_v2 for exactly this connection, in a netlink message. */
const request = (type: number, { localAddress, localPort, peerAddress, peerPort }: Ends): Uint8Array => {
  const bytes = new Uint8Array(headerLength + requestLength)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, bytes.length, true)
  view.setUint16(4, type, true)
  view.setUint16(6, NLM_F_REQUEST_ACK, true)
  view.setUint32(8, 1, true)
  bytes[headerLength] = familyOf(localAddress) === "ipv4" ? 2 : 10
  bytes[headerLength + 1] = c.IPPROTO_TCP
  view.setUint32(headerLength + 4, 0xffffffff, true)
  view.setUint16(headerLength + 8, localPort)
  view.setUint16(headerLength + 10, peerPort)
  bytes.set(addressBytes(localAddress), headerLength + 12)
  bytes.set(addressBytes(peerAddress), headerLength + 28)
  // No cookie: the connection is named by its ends.
  bytes.fill(0xff, headerLength + 48)
  return bytes
}

/** The first answer; the kernel has it ready when send returns. */
const ask = (message: Uint8Array): Uint8Array | undefined => {
  const fd = c.rawSocket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG)
  try {
    c.sendAll(fd, message)
    return c.receive(fd, 8192)
  } finally {
    c.close(fd)
  }
}

const typeOf = (answer: Uint8Array): number => (answer[4] as number) + ((answer[5] as number) << 8)

/** True: there was one, and it is gone. False: there is none, or the kernel cannot do it. */
export const endTimeWait = (ends: Ends): boolean => {
  const found = ask(request(SOCK_DIAG_BY_FAMILY, ends))
  // struct inet_diag_msg begins with family and state.
  if (found === undefined || typeOf(found) !== SOCK_DIAG_BY_FAMILY || found[headerLength + 1] !== TCP_TIME_WAIT)
    return false
  const done = ask(request(SOCK_DESTROY, ends))
  return (
    done !== undefined &&
    typeOf(done) === NLMSG_ERROR &&
    done.subarray(headerLength, headerLength + 4).every((n) => n === 0)
  )
}
