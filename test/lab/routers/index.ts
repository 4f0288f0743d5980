// The routers by name. `startRouter` is how tests get one: it runs when it answers, and the lab ends it.
import type { Lab } from "../Lab.ts"
import { bird } from "./bird.ts"
import { exabgp } from "./exabgp.ts"
import { frr } from "./frr.ts"
import { gobgp } from "./gobgp.ts"
import { openbgpd } from "./openbgpd.ts"
import { Router, type RouterSpec } from "./Router.ts"

export const MAKES = { frr, bird, gobgp, exabgp, openbgpd } as const

export type MakeName = keyof typeof MAKES

export const MAKE_NAMES: ReadonlyArray<MakeName> = ["frr", "bird", "gobgp", "exabgp", "openbgpd"]

export const startRouter = (lab: Lab, make: MakeName, spec: RouterSpec): Promise<Router> =>
  new Router(lab, MAKES[make], spec).start()
