// Cisco NX-OS. Not among the routers that the tests can run: the heading says so.
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

const word = (family: Family): string => (family === "ipv4" ? "ip" : "ipv6")

const policies = (model: RouterModel): ReadonlyArray<string> => [
  ...filledLists(model).flatMap(({ purpose, family, name }) => [
    ...acceptedIn(model, purpose, family).map((one, i) => {
      const below = isHost(one) ? "" : ` eq ${hostBits(family)}`
      return `${word(family)} prefix-list ${name} seq ${(i + 1) * 5} permit ${one.prefix}${below}`
    }),
    `route-map ${name} permit 10`,
    `  match ${word(family)} address prefix-list ${name}`
  ]),
  "route-map NOTHING deny 10"
]

const template = (model: RouterModel, { name, like }: Group): ReadonlyArray<string> => [
  `  template peer ${name}`,
  `    remote-as ${like.asn}`,
  ...(like.ttlSecurity === undefined
    ? isIbgp(like)
      ? []
      : ["    ebgp-multihop 255"]
    : [`    ttl-security hops ${like.ttlSecurity}`]),
  `    timers ${like.keepaliveTime} ${like.holdTime}`,
  ...(like.routerCalls ? [] : ["    transport connection-mode passive"]),
  ...(like.passwordFile === undefined ? [] : [`    password 0 ${keyOf(like.passwordFile)}`]),
  ...model.families.flatMap((family) => [
    `    address-family ${family} unicast`,
    `      route-map ${policyIn(model, like.purpose, family)} in`,
    "      route-map NOTHING out",
    ...(like.addPaths && like.purpose === "service" ? ["      capability additional-paths receive"] : [])
  ])
]

const members = ({ name, members: all }: Group): ReadonlyArray<string> =>
  all.flatMap(({ address, what }) => [`  neighbor ${address}`, `    inherit peer ${name}`, `    description ${what}`])

export const nxos = (model: RouterModel): ReadonlyArray<string> => [
  ...[...heading(model, "Cisco NX-OS"), untried("`checkpoint` before, `show diff rollback-patch` after")].map(
    (line) => `! ${line}`
  ),
  "feature bgp",
  ...policies(model),
  `router bgp ${model.asn}`,
  ...model.families.flatMap((family) => [
    `  address-family ${family} unicast`,
    `    maximum-paths ${pathsFor(model)}`,
    `    maximum-paths ibgp ${pathsFor(model)}`
  ]),
  ...groupsOf(model).flatMap((one) => [...template(model, one), ...members(one)])
]
