// The C library through bun:ffi: the few calls that the sockets of this daemon need and Bun has no API for. All of the
// project's FFI on sockets is in this file; what it returns are plain numbers, and errors come as errno.
import { dlopen, FFIType, ptr, read } from "bun:ffi"
import { type Address, addressBytes, familyOf } from "../../net/ip.ts"

const { i32, u32, u64, ptr: pointer } = FFIType

const libc = dlopen("libc.so.6", {
  socket: { args: [i32, i32, i32], returns: i32 },
  setsockopt: { args: [i32, i32, i32, pointer, u32], returns: i32 },
  getsockopt: { args: [i32, i32, i32, pointer, pointer], returns: i32 },
  bind: { args: [i32, pointer, u32], returns: i32 },
  connect: { args: [i32, pointer, u32], returns: i32 },
  getsockname: { args: [i32, pointer, pointer], returns: i32 },
  sendto: { args: [i32, pointer, u64, i32, pointer, u32], returns: i32 },
  recv: { args: [i32, pointer, u64, i32], returns: i32 },
  poll: { args: [pointer, u64, i32], returns: i32 },
  close: { args: [i32], returns: i32 },
  __errno_location: { args: [], returns: pointer }
}).symbols

/** A system call that failed. */
export class Errno extends Error {
  readonly errno: number
  constructor(call: string, errno: number) {
    super(`${call}: ${errnoText(errno)}`)
    this.errno = errno
  }
}

export const EEXIST = 17
export const EADDRINUSE = 98
export const EADDRNOTAVAIL = 99
export const ENETUNREACH = 101
export const ECONNRESET = 104
export const ETIMEDOUT = 110
export const ECONNREFUSED = 111
export const EHOSTUNREACH = 113
const EINPROGRESS = 115

const texts: Readonly<Record<number, string>> = {
  1: "operation not permitted",
  13: "permission denied",
  17: "already exists",
  19: "no such device",
  98: "address already in use",
  99: "address is not on this machine",
  101: "network is unreachable",
  104: "connection reset by the peer",
  110: "timed out",
  111: "connection refused",
  113: "no route to host"
}

export const errnoText = (errno: number): string => texts[errno] ?? `error ${errno}`

const errno = (): number => {
  const at = libc.__errno_location()
  return at === null ? 0 : read.i32(at, 0)
}

const check = (call: string, result: number): number => {
  if (result < 0) throw new Errno(call, errno())
  return result
}

const AF_INET = 2
const AF_INET6 = 10
const SOCK_NONBLOCK_CLOEXEC = 0o2004000

/** struct sockaddr_in or sockaddr_in6. */
const sockaddr = (address: Address, port: number): Uint8Array<ArrayBuffer> => {
  const v4 = familyOf(address) === "ipv4"
  const bytes = new Uint8Array(v4 ? 16 : 28)
  bytes[0] = v4 ? AF_INET : AF_INET6
  bytes[2] = port >>> 8
  bytes[3] = port
  bytes.set(addressBytes(address), v4 ? 4 : 8)
  return bytes
}

export const SOL_SOCKET = 1
export const IPPROTO_IP = 0
export const IPPROTO_TCP = 6
export const IPPROTO_IPV6 = 41

export const setInt = (fd: number, level: number, option: number, value: number, name: string): void => {
  check(`setsockopt ${name}`, libc.setsockopt(fd, level, option, ptr(Int32Array.of(value)), 4))
}

export const getInt = (fd: number, level: number, option: number, name: string): number => {
  const value = new Int32Array(1)
  check(`getsockopt ${name}`, libc.getsockopt(fd, level, option, ptr(value), ptr(Uint32Array.of(4))))
  return value[0] ?? 0
}

/** A non-blocking stream socket of the address's family. */
export const streamSocket = (address: Address): number =>
  check(
    "socket",
    libc.socket(familyOf(address) === "ipv4" ? AF_INET : AF_INET6, 1 | SOCK_NONBLOCK_CLOEXEC, IPPROTO_TCP)
  )

export const rawSocket = (domain: number, type: number, protocol: number): number =>
  check("socket", libc.socket(domain, type | SOCK_NONBLOCK_CLOEXEC, protocol))

export const bindTo = (fd: number, address: Address, port: number): void => {
  const where = sockaddr(address, port)
  check(`bind to ${address}`, libc.bind(fd, ptr(where), where.length))
}

/** Starts connecting. True: connected at once; false: `connectResult` will tell. */
export const startConnect = (fd: number, address: Address, port: number): boolean => {
  const where = sockaddr(address, port)
  if (libc.connect(fd, ptr(where), where.length) === 0) return true
  const code = errno()
  if (code !== EINPROGRESS) throw new Errno("connect", code)
  return false
}

/** undefined while the connection is being made, then 0 or the errno of the failure. */
export const connectResult = (fd: number): number | undefined => {
  const pollfd = new Uint8Array(8)
  new DataView(pollfd.buffer).setInt32(0, fd, true)
  pollfd[4] = 4 // POLLOUT
  if (check("poll", libc.poll(ptr(pollfd), 1, 0)) === 0) return undefined
  return pendingError(fd)
}

/**
 * The TCP-MD5 key for a peer (RFC 2385): struct tcp_md5sig with the peer's address. An empty key removes it.
 */
export const setMd5Key = (fd: number, peer: Address, key: string): void => {
  const TCP_MD5SIG = 14
  const bytes = new Uint8Array(216)
  bytes.set(sockaddr(peer, 0))
  const keyBytes = new TextEncoder().encode(key)
  new DataView(bytes.buffer).setUint16(130, keyBytes.length, true)
  bytes.set(keyBytes, 136)
  check("setsockopt TCP_MD5SIG", libc.setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, ptr(bytes), bytes.length))
}

/** From now on the socket sends nothing by itself, not even when it is closed (TCP_REPAIR). False: we may not. */
export const startRepair = (fd: number): boolean => libc.setsockopt(fd, IPPROTO_TCP, 19, ptr(Int32Array.of(1)), 4) === 0

/** The octets a kernel socket has for us now, or undefined where it has none. */
export const receive = (fd: number, most: number): Uint8Array | undefined => {
  const buffer = new Uint8Array(most)
  const n = libc.recv(fd, ptr(buffer), most, 0)
  if (n >= 0) return buffer.subarray(0, n)
  const code = errno()
  if (code === 11) return undefined
  throw new Errno("recv", code)
}

export const sendAll = (fd: number, bytes: Uint8Array): void => {
  check("send", libc.sendto(fd, ptr(bytes), bytes.length, 0, null, 0))
}

/** Binds to a raw address: struct sockaddr_nl, sockaddr_ll. */
export const bindRaw = (fd: number, where: Uint8Array): void => {
  check("bind", libc.bind(fd, ptr(where), where.length))
}

export const setBytes = (fd: number, level: number, option: number, value: Uint8Array, name: string): void => {
  check(`setsockopt ${name}`, libc.setsockopt(fd, level, option, ptr(value), value.length))
}

/** The error that waits in a socket, which this takes away; 0: none. */
export const pendingError = (fd: number): number => {
  const value = new Int32Array(1)
  const size = Uint32Array.of(4)
  check("getsockopt SO_ERROR", libc.getsockopt(fd, SOL_SOCKET, 4, ptr(value), ptr(size)))
  return value[0] ?? 0
}

/** Only packets that a classic BPF program accepts (8 octets an instruction, host order) reach the socket. */
export const attachFilter = (fd: number, program: Uint8Array<ArrayBuffer>): void => {
  // struct sock_fprog: the number of instructions and, eight octets on, where they are.
  const fprog = new BigUint64Array([BigInt(program.length / 8), BigInt(ptr(program))])
  setBytes(fd, SOL_SOCKET, 26, new Uint8Array(fprog.buffer), "SO_ATTACH_FILTER")
}

export const close = (fd: number): void => {
  libc.close(fd)
}
