// What a service manager hears (sd_notify(3)): readiness, status, signs of life, reload and stop, over a datagram socket.
import { dlopen, FFIType, ptr } from "bun:ffi"
import { afterEach, expect, test } from "bun:test"
import { clusterYaml, Directory, program, Running, startRouter, until } from "./world.ts"

const { i32, u32, u64, ptr: pointer } = FFIType
const libc = dlopen("libc.so.6", {
  socket: { args: [i32, i32, i32], returns: i32 },
  bind: { args: [i32, pointer, u32], returns: i32 },
  recv: { args: [i32, pointer, u64, i32], returns: i32 },
  close: { args: [i32], returns: i32 }
}).symbols

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A datagram socket at `path`; each call gives what has come since the last one. */
const listen = (path: string) => {
  const fd = libc.socket(1, 2 | 0o4000, 0)
  cleanups.push(() => libc.close(fd))
  const name = new TextEncoder().encode(path)
  const address = new Uint8Array(2 + name.length + 1)
  address[0] = 1
  address.set(name, 2)
  expect(libc.bind(fd, ptr(address), address.length)).toBe(0)
  const heard: Array<string> = []
  return (): ReadonlyArray<string> => {
    const buffer = new Uint8Array(4096)
    for (let n = libc.recv(fd, ptr(buffer), 4096, 0); n > 0; n = libc.recv(fd, ptr(buffer), 4096, 0))
      heard.push(...new TextDecoder().decode(buffer.subarray(0, n)).split("\n"))
    return heard
  }
}

test("the service manager hears of readiness, life, reload and stop", async () => {
  const directory = new Directory()
  cleanups.push(() => directory.remove())
  const heard = listen(directory.at("notify"))
  const router = await startRouter("127.50.1.254", "127.50.1.10")
  cleanups.push(router.stop)
  const file = directory.write("c.yaml", clusterYaml("127.50.1.10", [router.address]))
  const env = ["env", `NOTIFY_SOCKET=${directory.at("notify")}`, "WATCHDOG_USEC=200000"]
  const files = ["--data-dir", directory.at("d"), "--admin-socket", directory.at("s"), "--admin-listen", "none"]
  const daemon = new Running(["run", "--config", file, "--node", "node-01", ...files], [...env, ...program])
  cleanups.push(() => daemon.end("SIGKILL"))
  const says = (line: string, times = 1) =>
    until(
      line,
      () => heard().filter((one) => one.startsWith(line)).length >= times,
      () => heard().join("\n")
    )
  await says("READY=1")
  await says("STATUS=ready: 1 of 1 sessions are Established")
  await says("WATCHDOG=1", 3)
  daemon.child.kill("SIGHUP")
  await says("RELOADING=1")
  await says("MONOTONIC_USEC=")
  await says("READY=1", 2)
  expect((await daemon.end()).code).toBe(0)
  await says("STOPPING=1")
})
