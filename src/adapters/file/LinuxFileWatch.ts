// Watches files by watching the directories that have them (inotify, through node:fs): what editors do to a file, writing it in several goes,
// moving another one into its place, taking it away for a moment, shows there, and does not in the file. Symbolic links are followed
// component by component, since the one that is exchanged may stand anywhere on the way: a mounted ConfigMap is two files that are links
// through one `..data`, and that link is what changes. A directory that is not there yet is looked for once a second.
import { existsSync, type FSWatcher, lstatSync, readdirSync, readlinkSync, statSync, watch } from "node:fs"
import { basename, isAbsolute, join, resolve } from "node:path"
import { Effect, Layer, Queue, Stream } from "effect"
import { FileWatch } from "../../ports/FileWatch.ts"

/** Whoever writes is left alone until nothing has happened for so long, in ms; but not for longer than `mostMs` in all. */
const quietMs = 200
const mostMs = 2_000
const lookMs = 1_000

/** Names in a directory that matter; undefined: everything that could be a document or a link to some. */
type Names = Set<string> | undefined

/** Links on one way; more are a circle. */
const linksMax = 40

const isLink = (path: string): boolean => {
  try {
    return lstatSync(path).isSymbolicLink()
  } catch {
    // It is not there (any more): whoever looks next finds out.
    return false
  }
}

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory()
  } catch {
    // As above.
    return false
  }
}

/** Every directory whose entries decide what `path` is, with the names of those entries. */
const placesOf = (path: string): ReadonlyArray<readonly [string, string]> => {
  const places: Array<readonly [string, string]> = []
  let rest = resolve(path)
    .split("/")
    .filter((part) => part !== "")
  let at = "/"
  for (let links = 0; rest.length > 0; ) {
    const [name = "", ...others] = rest
    const here = join(at, name)
    if (isLink(here) && links++ < linksMax) {
      places.push([at, name])
      const target = readlinkSync(here)
      rest = [...(isAbsolute(target) ? target : join(at, target)).split("/").filter((part) => part !== ""), ...others]
      at = "/"
      // From the root again: the target's own way may have links, too.
      continue
    }
    if (others.length === 0) places.push([at, name])
    at = here
    rest = others
  }
  return places
}

const documentsIn = (directory: string): ReadonlyArray<string> => {
  try {
    return readdirSync(directory).filter((name) => /\.ya?ml$/.test(name))
  } catch {
    // It went at this very moment.
    return []
  }
}

/** The directories to watch for `paths`. */
const wanted = (paths: ReadonlyArray<string>): ReadonlyMap<string, Names> => {
  const all = new Map<string, Names>()
  const add = (directory: string, name: string) => {
    const names = all.has(directory) ? all.get(directory) : new Set<string>()
    names?.add(name)
    all.set(directory, names)
  }
  for (const path of paths) {
    for (const [directory, name] of placesOf(path)) add(directory, name)
    if (!isDirectory(path)) continue
    for (const name of documentsIn(path))
      if (isLink(join(path, name))) for (const [directory, one] of placesOf(join(path, name))) add(directory, one)
    all.set(resolve(path), undefined)
  }
  return all
}

/** In a directory of documents: documents, and what links to them. Editors' own files are nobody's business. */
const matters = (names: Names, name: string | null): boolean =>
  name === null || (names === undefined ? /\.ya?ml$/.test(name) || name.startsWith("..") : names.has(basename(name)))

/** Watches until the result is called. `touched`: something may be different. */
const watchPaths = (paths: ReadonlyArray<string>, touched: () => void): (() => void) => {
  const watchers = new Map<string, { readonly watcher: FSWatcher; names: Names; readonly inode: number }>()
  const inodeOf = (directory: string): number => {
    try {
      return statSync(directory).ino
    } catch {
      // It is gone: no inode.
      return 0
    }
  }
  const drop = (directory: string) => {
    watchers.get(directory)?.watcher.close()
    watchers.delete(directory)
  }
  /** Brings the watches up to date; true: something is watched that was not before. */
  const arrange = (): boolean => {
    const want = wanted(paths)
    let fresh = false
    for (const [directory, { inode }] of watchers)
      if (!want.has(directory) || inodeOf(directory) !== inode) drop(directory)
    for (const [directory, names] of want) {
      const known = watchers.get(directory)
      if (known !== undefined) known.names = names
      else if (existsSync(directory)) {
        try {
          const watcher = watch(directory, { persistent: false }, (_, name) => heard(directory, name))
          watcher.on("error", () => drop(directory))
          watchers.set(directory, { watcher, names, inode: inodeOf(directory) })
          fresh = true
        } catch {
          // It went at this very moment, or there are no watches left: it is looked for again.
          drop(directory)
        }
      }
    }
    return fresh
  }
  const heard = (directory: string, name: string | null) => {
    const known = watchers.get(directory)
    if (known === undefined || !matters(known.names, name)) return
    arrange()
    touched()
  }
  arrange()
  const looking = setInterval(() => {
    if (arrange()) touched()
  }, lookMs)
  looking.unref()
  return () => {
    clearInterval(looking)
    for (const directory of [...watchers.keys()]) drop(directory)
  }
}

const changes = (paths: ReadonlyArray<string>): Stream.Stream<void> =>
  paths.length === 0
    ? Stream.never
    : Stream.callback<void>((queue) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            let first = 0
            let timer: ReturnType<typeof setTimeout> | undefined
            const tell = () => {
              timer = undefined
              Queue.offerUnsafe(queue, undefined)
            }
            const touched = () => {
              const now = performance.now()
              if (timer === undefined) first = now
              clearTimeout(timer)
              timer = setTimeout(tell, Math.max(0, Math.min(quietMs, first + mostMs - now)))
            }
            const stop = watchPaths(paths, touched)
            return () => {
              clearTimeout(timer)
              stop()
            }
          }),
          (stop) => Effect.sync(stop)
        )
      )

export const LinuxFileWatch: Layer.Layer<FileWatch> = Layer.succeed(FileWatch, { changes })
