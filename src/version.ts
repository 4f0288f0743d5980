// The version of this build, from package.json, where releases are made, and where the build came from: deploy/build.ts puts in the
// commit and its date, so that the same sources make the same executable. Run from the sources there is no such thing.
import manifest from "../package.json" with { type: "json" }

declare const VIADUCT_COMMIT: string | undefined
declare const VIADUCT_COMMIT_DATE: string | undefined

export const version: string = manifest.version

export interface Build {
  /** As git abbreviates it, with `+changes` where the sources differed from it. Absent: run from the sources. */
  readonly commit?: string
  /** Of the commit (RFC 3339). */
  readonly date?: string
}

export const build: Build = {
  ...(typeof VIADUCT_COMMIT === "string" ? { commit: VIADUCT_COMMIT } : {}),
  ...(typeof VIADUCT_COMMIT_DATE === "string" ? { date: VIADUCT_COMMIT_DATE } : {})
}
