// Cisco IOS XR. Not among the routers that the tests can run: the heading says so.
import type { Family } from "../net/ip.ts"
import type { RouterModel } from "./model.ts"
import {
  acceptedIn,
  filledLists,
  type Group,
  groupsOf,
  heading,
  hostBits,
  isHost,
  isIbgp,
  keyOf,
  pathsFor,
  policyIn,
  untried
} from "./words.ts"

const policies = (model: RouterModel): ReadonlyArray<string> => [
  ...filledLists(model).flatMap(({ purpose, family, name }) => {
    const entries = acceptedIn(model, purpose, family).map((one) =>
      isHost(one) ? one.prefix : `${one.prefix} eq ${hostBits(family)}`
    )
    return [
      `prefix-set ${name}`,
      ...entries.map((entry, i) => `  ${entry}${i + 1 < entries.length ? "," : ""}`),
      "end-set",
      "!",
      `route-policy ${name}`,
      `  if destination in ${name} then`,
      "    pass",
      "  else",
      "    drop",
      "  endif",
      "end-policy",
      "!"
    ]
  }),
  "route-policy NOTHING",
  "  drop",
  "end-policy",
  "!"
]

const group = (model: RouterModel, { name, like }: Group): ReadonlyArray<string> => [
  ` neighbor-group ${name}`,
  `  remote-as ${like.asn}`,
  ...(like.ttlSecurity === undefined ? (isIbgp(like) ? [] : ["  ebgp-multihop 255"]) : ["  ttl-security"]),
  `  timers ${like.keepaliveTime} ${like.holdTime}`,
  ...(like.routerCalls ? [] : ["  session-open-mode passive-only"]),
  ...(like.passwordFile === undefined ? [] : [`  password clear ${keyOf(like.passwordFile)}`]),
  ...model.families.flatMap((family) => [
    `  address-family ${family} unicast`,
    `   route-policy ${policyIn(model, like.purpose, family)} in`,
    "   route-policy NOTHING out",
    "  !"
  ]),
  " !"
]

const members = ({ name, members: all }: Group): ReadonlyArray<string> =>
  all.flatMap(({ address, what }) => [
    ` neighbor ${address}`,
    `  use neighbor-group ${name}`,
    `  description ${what}`,
    " !"
  ])

const family = (model: RouterModel, one: Family): ReadonlyArray<string> => [
  ` address-family ${one} unicast`,
  `  maximum-paths ebgp ${pathsFor(model)}`,
  `  maximum-paths ibgp ${pathsFor(model)}`,
  ...(model.neighbours.some(({ addPaths, purpose }) => addPaths && purpose === "service")
    ? ["  additional-paths receive"]
    : []),
  " !"
]

export const iosXr = (model: RouterModel): ReadonlyArray<string> => [
  ...[...heading(model, "Cisco IOS XR"), untried("`show commit changes diff` before `commit`")].map(
    (line) => `! ${line}`
  ),
  ...policies(model),
  `router bgp ${model.asn}`,
  // Keeps the routes while the cluster's speaker restarts or moves.
  " bgp graceful-restart",
  ...model.families.flatMap((one) => family(model, one)),
  ...groupsOf(model).flatMap((one) => [...group(model, one), ...members(one)]),
  "!"
]
