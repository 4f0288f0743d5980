// OpenBGPD 7 and later (portable: it holds routes, on OpenBSD it puts them into the kernel). The file must be readable by root alone.
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
  purposesOf
} from "./words.ts"

type Purpose = "control-plane" | "service"

const setName = (purpose: Purpose): string => listName(purpose, "ipv4").toLowerCase().replace(/-v4$/, "")

const set = (model: RouterModel, purpose: Purpose): ReadonlyArray<string> => {
  const entries = model.families.flatMap((family) =>
    acceptedIn(model, purpose, family).map((one) =>
      isHost(one) ? one.prefix : `${one.prefix} prefixlen = ${hostBits(family)}`
    )
  )
  return entries.length === 0 ? [] : [`prefix-set ${setName(purpose)} { ${entries.join(", ")} }`]
}

const group = (model: RouterModel, { name, like, members }: Group): ReadonlyArray<string> => [
  `group "${name.toLowerCase()}" {`,
  `  remote-as ${like.asn}`,
  ...(like.ttlSecurity === undefined ? (isIbgp(like) ? [] : ["  multihop 255"]) : ["  ttl-security yes"]),
  ...(model.port === 179 ? [] : [`  port ${model.port}`]),
  ...(like.routerCalls ? [] : ["  passive"]),
  `  holdtime ${like.holdTime}`,
  ...model.families.map((family) => `  announce ${family === "ipv4" ? "IPv4" : "IPv6"} unicast`),
  ...(like.addPaths && like.purpose === "service" ? ["  announce add-path recv yes"] : []),
  ...(like.passwordFile === undefined ? [] : [`  tcp md5sig password "${keyOf(like.passwordFile)}"`]),
  ...members.map(({ address, what }) => `  neighbor ${address} { descr "${what}" }`),
  "}"
]

/** A whole bgpd.conf. */
export const openbgpd = (model: RouterModel): ReadonlyArray<string> => [
  ...[
    ...heading(model, "OpenBGPD"),
    "The file must be readable by root alone: chmod 600. To look at it: bgpctl show, bgpctl show rib."
  ].map((line) => `# ${line}`),
  `AS ${model.asn}`,
  ...(model.router.includes(":") ? [] : [`router-id ${model.router}`]),
  ...(model.port === 179 ? [] : [`listen on ${model.router} port ${model.port}`]),
  "holdtime min 3",
  ...purposesOf(model).flatMap((purpose) => set(model, purpose)),
  ...groupsOf(model).flatMap((one) => group(model, one)),
  "deny from any",
  "deny to any",
  ...groupsOf(model)
    .filter(({ like }) => model.families.some((family) => acceptedIn(model, like.purpose, family).length > 0))
    .map(({ name, like }) => `allow from group "${name.toLowerCase()}" prefix-set ${setName(like.purpose)}`)
]
