// The routers whose words are known here (`viaduct router-config --format`). FRR, BIRD, GoBGP and OpenBGPD are loaded into the real
// daemons by tests.
import { bird } from "./bird.ts"
import { eos } from "./eos.ts"
import { frr, sonic } from "./frr.ts"
import { gobgp } from "./gobgp.ts"
import { iosXr } from "./iosXr.ts"
import { junos } from "./junos.ts"
import type { RouterModel } from "./model.ts"
import { nxos } from "./nxos.ts"
import { openbgpd } from "./openbgpd.ts"

export type Format = "frr" | "bird" | "gobgp" | "openbgpd" | "junos" | "eos" | "ios-xr" | "nxos" | "sonic"

export const FORMATS: Readonly<Record<Format, (model: RouterModel) => ReadonlyArray<string>>> = {
  frr,
  bird,
  gobgp,
  openbgpd,
  junos,
  eos,
  "ios-xr": iosXr,
  nxos,
  sonic
}

/** The config of one router, every line ended by a line feed. */
export const routerConfig = (model: RouterModel, format: Format): string => `${FORMATS[format](model).join("\n")}\n`
