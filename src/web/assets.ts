// The client as text. A macro: the bundler runs `bundleClient` and puts its result here, so nothing of the build is
// left in an executable or a worker. Imported when the first page is asked for, which keeps it out of the daemon's
// start.
import { bundleClient } from "./bundle.ts" with { type: "macro" }

export const assets = bundleClient()
