// FRR 8 and later, as one text for vtysh or /etc/frr/frr.conf; SONiC routes with FRR and takes the same. Additional paths are received
// unless they are turned off.
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
  policyIn
} from "./words.ts"

const word = (family: Family): string => (family === "ipv4" ? "ip" : "ipv6")

const lists = (model: RouterModel): ReadonlyArray<string> =>
  filledLists(model).flatMap(({ purpose, family, name }) =>
    acceptedIn(model, purpose, family).map((one, i) => {
      const below = isHost(one) ? "" : ` ge ${hostBits(family)}`
      return `${word(family)} prefix-list ${name} seq ${(i + 1) * 5} permit ${one.prefix}${below}`
    })
  )

const routeMaps = (model: RouterModel): ReadonlyArray<string> => [
  ...filledLists(model).flatMap(({ family, name }) => [
    `route-map ${name} permit 10`,
    ` match ${word(family)} address prefix-list ${name}`,
    ...(family === "ipv6" ? [" set ipv6 next-hop prefer-global"] : []),
    "exit"
  ]),
  "route-map NOTHING deny 10",
  "exit"
]

const group = ({ name, like, members }: Group): ReadonlyArray<string> => {
  const line = (text: string) => ` neighbor ${name} ${text}`
  const reach =
    like.ttlSecurity === undefined
      ? isIbgp(like)
        ? []
        : [line("ebgp-multihop 255")]
      : [line(`ttl-security hops ${like.ttlSecurity}`)]
  return [
    ` neighbor ${name} peer-group`,
    line(`remote-as ${like.asn}`),
    ...reach,
    line(`timers ${like.keepaliveTime} ${like.holdTime}`),
    ...(like.routerCalls ? [] : [line("passive")]),
    ...(like.passwordFile === undefined ? [] : [line(`password ${keyOf(like.passwordFile)}`)]),
    ...members.flatMap(({ address, what }) => [
      ` neighbor ${address} peer-group ${name}`,
      ` neighbor ${address} description ${what}`
    ])
  ]
}

const family = (model: RouterModel, one: Family): ReadonlyArray<string> => [
  ` address-family ${one} unicast`,
  ...groupsOf(model).flatMap(({ name, like }) => [
    `  neighbor ${name} activate`,
    `  neighbor ${name} route-map ${policyIn(model, like.purpose, one)} in`,
    `  neighbor ${name} route-map NOTHING out`
  ]),
  `  maximum-paths ${pathsFor(model)}`,
  `  maximum-paths ibgp ${pathsFor(model)}`,
  " exit-address-family"
]

const body = (model: RouterModel): ReadonlyArray<string> => [
  ...lists(model),
  ...routeMaps(model),
  `router bgp ${model.asn}`,
  " no bgp default ipv4-unicast",
  ...groupsOf(model).flatMap(group),
  ...model.families.flatMap((one) => family(model, one)),
  "exit"
]

const comment = (lines: ReadonlyArray<string>): ReadonlyArray<string> => lines.map((line) => `! ${line}`)

/** For `vtysh`, or /etc/frr/frr.conf with bgpd on. */
export const frr = (model: RouterModel): ReadonlyArray<string> => [
  ...comment(heading(model, "FRR")),
  ...comment(["To look at it: show bgp summary, show bgp ipv4 unicast, show ip route bgp."]),
  ...body(model)
]

/** For `vtysh` on a switch whose docker_routing_config_mode is split, so that its own database does not overwrite it. */
export const sonic = (model: RouterModel): ReadonlyArray<string> => [
  ...comment(heading(model, "SONiC")),
  ...comment([
    "Paste into vtysh under `configure terminal`, then `write memory`. With docker_routing_config_mode unified or separated the",
    "switch writes FRR's config anew from CONFIG_DB at its next start: set split in DEVICE_METADATA|localhost first."
  ]),
  ...body(model)
]
