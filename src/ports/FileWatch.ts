// The port to files that people change while the program runs. Implemented by adapters/file over the kernel's notices.
import { Context, type Stream } from "effect"

export class FileWatch extends Context.Service<
  FileWatch,
  {
    /**
     * Tells when what is behind `paths` (files, or directories of *.yaml and *.yml files) may have changed, and has been left alone for a
     * moment since; not more often than needed, but a reader has to look for itself whether anything is different. Paths that are not
     * there yet, come and go, or are symbolic links (also on the way) are followed.
     */
    readonly changes: (paths: ReadonlyArray<string>) => Stream.Stream<void>
  }
>()("viaduct/ports/FileWatch") {}
