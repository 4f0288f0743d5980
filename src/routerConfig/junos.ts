// Junos, as set commands. Keepalives are always a third of the hold time there. Not among the routers that the tests can run: the
// heading says so.
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
  pathsFor,
  purposesOf,
  untried
} from "./words.ts"

type Purpose = "control-plane" | "service"

const inet = (family: Family): string => (family === "ipv4" ? "inet" : "inet6")

const policyName = (purpose: Purpose): string => (purpose === "service" ? "VIADUCT-SERVICES" : "VIADUCT-CONTROL-PLANE")

const policy = (model: RouterModel, purpose: Purpose): ReadonlyArray<string> => {
  const statement = `set policy-options policy-statement ${policyName(purpose)}`
  const terms = model.families.flatMap((family) => {
    const accepted = acceptedIn(model, purpose, family)
    if (accepted.length === 0) return []
    const term = `${statement} term ${inet(family)}`
    const bits = hostBits(family)
    return [
      `${term} from family ${inet(family)}`,
      ...accepted.map((one) =>
        isHost(one)
          ? `${term} from route-filter ${one.prefix} exact`
          : `${term} from route-filter ${one.prefix} prefix-length-range /${bits}-/${bits}`
      ),
      `${term} then accept`
    ]
  })
  return [...terms, `${statement} term others then reject`]
}

const group = (model: RouterModel, { name, like, members }: Group): ReadonlyArray<string> => {
  const line = (text: string) => `set protocols bgp group ${name} ${text}`
  const ibgp = isIbgp(like)
  return [
    line(`type ${ibgp ? "internal" : "external"}`),
    line(`local-address ${model.router}`),
    ...(ibgp ? [] : [line(`peer-as ${like.asn}`)]),
    ...(like.ttlSecurity === undefined && !ibgp ? [line("multihop ttl 255")] : []),
    ...(like.ttlSecurity === undefined || ibgp ? [] : [line("ttl 255")]),
    line(`hold-time ${like.holdTime}`),
    ...(like.routerCalls ? [] : [line("passive")]),
    ...(like.passwordFile === undefined ? [] : [line(`authentication-key "${keyOf(like.passwordFile)}"`)]),
    ...model.families.map((family) => {
      const paths = like.addPaths && like.purpose === "service" ? " add-path receive" : ""
      return line(`family ${inet(family)} unicast${paths}`)
    }),
    line(`import ${policyName(like.purpose)}`),
    line("export VIADUCT-NOTHING"),
    line("multipath"),
    ...members.map(({ address, what }) => line(`neighbor ${address} description "${what}"`))
  ]
}

const gtsm = (model: RouterModel): ReadonlyArray<string> =>
  model.neighbours.some(({ ttlSecurity }) => ttlSecurity !== undefined)
    ? [
        "The nodes ask for GTSM: `ttl 255` sends as they want it; to refuse others add a filter on lo0 that discards TCP port 179",
        "with a TTL below 255."
      ]
    : []

export const junos = (model: RouterModel): ReadonlyArray<string> => [
  ...[...heading(model, "Junos"), ...gtsm(model), untried("`commit check`, then `show | compare`")].map(
    (line) => `# ${line}`
  ),
  `set routing-options autonomous-system ${model.asn}`,
  ...purposesOf(model).flatMap((purpose) => policy(model, purpose)),
  "set policy-options policy-statement VIADUCT-NOTHING then reject",
  // Its name says packets; it balances flows.
  "set policy-options policy-statement VIADUCT-ECMP then load-balance per-packet",
  "set routing-options forwarding-table export VIADUCT-ECMP",
  `set chassis maximum-ecmp ${pathsFor(model) <= 16 ? 16 : 64}`,
  ...groupsOf(model).flatMap((one) => group(model, one))
]
