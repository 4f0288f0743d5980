// Arista EOS. Not among the routers that the tests can run: the heading says so.
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

const lists = (model: RouterModel): ReadonlyArray<string> =>
  filledLists(model).flatMap(({ purpose, family, name }) => {
    const entries = acceptedIn(model, purpose, family).map((one, i) => {
      const below = isHost(one) ? "" : ` ge ${hostBits(family)}`
      return `seq ${(i + 1) * 10} permit ${one.prefix}${below}`
    })
    if (family === "ipv4") return entries.map((entry) => `ip prefix-list ${name} ${entry}`)
    return [`ipv6 prefix-list ${name}`, ...entries.map((entry) => `   ${entry}`), "!"]
  })

const routeMaps = (model: RouterModel): ReadonlyArray<string> => [
  ...filledLists(model).flatMap(({ family, name }) => [
    `route-map ${name} permit 10`,
    `   match ${family === "ipv4" ? "ip" : "ipv6"} address prefix-list ${name}`,
    "!"
  ]),
  "route-map NOTHING deny 10",
  "!"
]

const group = ({ name, like, members }: Group): ReadonlyArray<string> => {
  const line = (text: string) => `   neighbor ${name} ${text}`
  return [
    `   neighbor ${name} peer group`,
    line(`remote-as ${like.asn}`),
    ...(like.ttlSecurity === undefined
      ? isIbgp(like)
        ? []
        : [line("ebgp-multihop 255")]
      : [line(`ttl maximum-hops ${like.ttlSecurity}`)]),
    line(`timers ${like.keepaliveTime} ${like.holdTime}`),
    ...(like.routerCalls ? [] : [line("passive")]),
    ...(like.addPaths && like.purpose === "service" ? [line("additional-paths receive")] : []),
    ...(like.passwordFile === undefined ? [] : [line(`password 0 ${keyOf(like.passwordFile)}`)]),
    ...members.flatMap(({ address, what }) => [
      `   neighbor ${address} peer group ${name}`,
      `   neighbor ${address} description ${what}`
    ])
  ]
}

const family = (model: RouterModel, one: Family): ReadonlyArray<string> => [
  `   address-family ${one}`,
  ...groupsOf(model).flatMap(({ name, like }) => [
    `      neighbor ${name} activate`,
    `      neighbor ${name} route-map ${policyIn(model, like.purpose, one)} in`,
    `      neighbor ${name} route-map NOTHING out`
  ])
]

export const eos = (model: RouterModel): ReadonlyArray<string> => [
  ...[...heading(model, "Arista EOS"), untried("configure session, then `show session-config diffs`")].map(
    (line) => `! ${line}`
  ),
  ...lists(model),
  ...routeMaps(model),
  `router bgp ${model.asn}`,
  "   no bgp default ipv4-unicast",
  `   maximum-paths ${pathsFor(model)} ecmp ${pathsFor(model)}`,
  ...groupsOf(model).flatMap(group),
  ...model.families.flatMap((one) => family(model, one)),
  "!"
]
