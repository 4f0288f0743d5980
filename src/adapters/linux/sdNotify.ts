// Telling systemd how the service is (sd_notify(3)): a datagram to the socket named in NOTIFY_SOCKET, path or abstract.
// Without that variable nobody asked and nothing is sent. The watchdog's interval comes from WATCHDOG_USEC.
import { dlopen, FFIType, ptr } from "bun:ffi"
import * as c from "../bun/libc.ts"

const symbols = dlopen("libc.so.6", {
  sendto: {
    args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
    returns: FFIType.i32
  },
  clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 }
}).symbols

const AF_UNIX = 1
const SOCK_DGRAM = 2

/** struct sockaddr_un; a leading @ names an abstract socket. */
const address = (path: string): Uint8Array => {
  const name = new TextEncoder().encode(path)
  const bytes = new Uint8Array(2 + name.length + (path.startsWith("@") ? 0 : 1))
  bytes[0] = AF_UNIX
  bytes.set(name, 2)
  if (path.startsWith("@")) bytes[2] = 0
  return bytes
}

/** Sends `state` ("READY=1\nSTATUS=…"). False: there is no service manager, or it does not listen. */
export const sdNotify = (state: string, socket = process.env.NOTIFY_SOCKET): boolean => {
  if (socket === undefined || socket === "") return false
  const fd = c.rawSocket(AF_UNIX, SOCK_DGRAM, 0)
  try {
    const to = address(socket)
    const text = new TextEncoder().encode(state)
    return symbols.sendto(fd, ptr(text), text.length, 0, ptr(to), to.length) === text.length
  } finally {
    c.close(fd)
  }
}

/** Half of the watchdog's time in ms, or undefined where there is none for this process. */
export const watchdogMs = (env: Readonly<Record<string, string | undefined>> = process.env): number | undefined => {
  const usec = Number(env.WATCHDOG_USEC ?? Number.NaN)
  const pid = env.WATCHDOG_PID
  if (!(usec > 0) || (pid !== undefined && Number(pid) !== process.pid)) return undefined
  return Math.max(1, Math.floor(usec / 2000))
}

/** CLOCK_MONOTONIC in microseconds, as RELOADING=1 wants it (MONOTONIC_USEC). */
export const monotonicUsec = (): bigint => {
  const timespec = new BigInt64Array(2)
  symbols.clock_gettime(1, ptr(timespec))
  return (timespec[0] ?? 0n) * 1_000_000n + (timespec[1] ?? 0n) / 1000n
}
