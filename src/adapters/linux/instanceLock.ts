// One daemon per data directory: an advisory lock that the kernel drops when the process ends, however it ends (flock(2)).
import { dlopen, FFIType } from "bun:ffi"
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs"

const { flock } = dlopen("libc.so.6", { flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } }).symbols

const LOCK_EX_NB = 2 | 4

/** Takes the lock, creating the directory; the result releases it. Throws with what to do where that cannot be. */
export const lockDataDirectory = (directory: string): (() => void) => {
  const path = `${directory}/daemon.lock`
  let fd: number
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 })
    fd = openSync(path, "a+", 0o640)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`cannot use the data directory ${directory} (${why}); choose another with --data-dir`)
  }
  if (flock(fd, LOCK_EX_NB) !== 0) {
    const owner = readFileSync(path, "utf8").trim()
    closeSync(fd)
    throw new Error(
      `another viaduct (process ${owner}) runs with the data directory ${directory}; choose another with --data-dir`
    )
  }
  ftruncateSync(fd)
  writeSync(fd, `${process.pid}\n`)
  return () => closeSync(fd)
}
