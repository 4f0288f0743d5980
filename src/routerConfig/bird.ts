// BIRD 2 and later. A session that is not to one of the router's own wires has its next hops resolved over the connected and static
// routes of the kernel, which BIRD has to learn.
import type { Family } from "../net/ip.ts"
import type { RouterModel } from "./model.ts"
import {
  acceptedIn,
  type Group,
  groupsOf,
  heading,
  hostBits,
  isHost,
  isIbgp,
  keyOf,
  listName,
  pathsFor,
  purposesOf
} from "./words.ts"

const symbol = (name: string): string => name.toLowerCase().replaceAll("-", "_")

const filterOf = (model: RouterModel, purpose: "control-plane" | "service", family: Family): ReadonlyArray<string> => {
  const bits = hostBits(family)
  const set = acceptedIn(model, purpose, family).map((one) =>
    isHost(one) ? one.prefix : `${one.prefix}{${bits},${bits}}`
  )
  return [
    `filter ${symbol(listName(purpose, family))} {`,
    ...(set.length === 0 ? [] : [`  if net ~ [ ${set.join(", ")} ] then accept;`]),
    "  reject;",
    "}"
  ]
}

const kernel = (model: RouterModel, family: Family): ReadonlyArray<string> => [
  `protocol kernel kernel_${family} {`,
  "  learn yes;",
  `  merge paths on limit ${pathsFor(model)};`,
  `  ${family} { import all; export where source = RTS_BGP; };`,
  "}"
]

const channel = ({ like }: Group, family: Family): ReadonlyArray<string> => [
  `  ${family} {`,
  `    import filter ${symbol(listName(like.purpose, family))};`,
  "    export none;",
  ...(like.addPaths && like.purpose === "service" ? ["    add paths rx;"] : []),
  "  };"
]

const reach = ({ like }: Group): ReadonlyArray<string> => {
  if (like.ttlSecurity !== undefined)
    return ["  ttl security yes;", like.ttlSecurity > 1 ? `  multihop ${like.ttlSecurity};` : "  direct;"]
  return isIbgp(like) ? [] : ["  multihop 255;"]
}

const group = (model: RouterModel, one: Group): ReadonlyArray<string> => [
  `template bgp ${symbol(one.name)} {`,
  `  local ${model.router}${model.port === 179 ? "" : ` port ${model.port}`} as ${one.like.routerAsn};`,
  ...reach(one),
  ...(one.like.routerCalls ? [] : ["  passive yes;"]),
  `  hold time ${one.like.holdTime};`,
  `  keepalive time ${one.like.keepaliveTime};`,
  ...(one.like.passwordFile === undefined ? [] : [`  password "${keyOf(one.like.passwordFile)}";`]),
  ...model.families.flatMap((family) => channel(one, family)),
  "}",
  ...one.members.map(({ address, what, asn }) => {
    const port = model.port === 179 ? "" : ` port ${model.port}`
    const name = `viaduct_${symbol(one.name)}_${address.replace(/[^0-9a-f]/g, "_")}`
    return `protocol bgp ${name} from ${symbol(one.name)} { neighbor ${address}${port} as ${asn}; description "${what}"; }`
  })
]

/** A whole bird.conf. */
export const bird = (model: RouterModel): ReadonlyArray<string> => [
  ...[
    ...heading(model, "BIRD 2"),
    "A whole configuration; in one that is there already leave out what it has (router id, device, direct, kernel).",
    "To look at it: birdc show protocols, birdc show route."
  ].map((line) => `# ${line}`),
  ...(model.router.includes(":")
    ? ["# router id 192.0.2.1;  # BIRD takes an IPv4 address of its own without it"]
    : [`router id ${model.router};`]),
  "protocol device { }",
  `protocol direct { ${model.families.map((family) => `${family};`).join(" ")} }`,
  ...model.families.flatMap((family) => kernel(model, family)),
  ...purposesOf(model).flatMap((purpose) => model.families.flatMap((family) => filterOf(model, purpose, family))),
  ...groupsOf(model).flatMap((one) => group(model, one))
]
