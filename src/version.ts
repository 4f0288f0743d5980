// The version of this build, from package.json, where releases are made.
import manifest from "../package.json" with { type: "json" }

export const version: string = manifest.version
