// GoBGP 3, as TOML. It holds routes and puts none into the kernel by itself.
import type { Family } from "../net/ip.ts"
import type { Neighbour, RouterModel } from "./model.ts"
import { acceptedIn, heading, hostBits, isHost, isIbgp, keyOf, listName, purposesOf } from "./words.ts"

type Purpose = "control-plane" | "service"

const sets = (model: RouterModel): ReadonlyArray<string> =>
  purposesOf(model).flatMap((purpose) =>
    model.families.flatMap((family) => {
      const accepted = acceptedIn(model, purpose, family)
      if (accepted.length === 0) return []
      const bits = hostBits(family)
      return [
        "[[defined-sets.prefix-sets]]",
        `  prefix-set-name = "${listName(purpose, family)}"`,
        ...accepted.flatMap((one) => [
          "  [[defined-sets.prefix-sets.prefix-list]]",
          `    ip-prefix = "${one.prefix}"`,
          ...(isHost(one) ? [] : [`    masklength-range = "${bits}..${bits}"`])
        ])
      ]
    })
  )

const neighbours = (model: RouterModel, purpose: Purpose): ReadonlyArray<string> => {
  const members = model.neighbours.filter((one) => one.purpose === purpose).map(({ address }) => `"${address}"`)
  return [
    "[[defined-sets.neighbor-sets]]",
    `  neighbor-set-name = "${purpose}"`,
    `  neighbor-info-list = [${members.join(", ")}]`
  ]
}

const statement = (purpose: Purpose, family: Family): ReadonlyArray<string> => [
  "  [[policy-definitions.statements]]",
  `    name = "${listName(purpose, family)}"`,
  "    [policy-definitions.statements.conditions.match-prefix-set]",
  `      prefix-set = "${listName(purpose, family)}"`,
  "    [policy-definitions.statements.conditions.match-neighbor-set]",
  `      neighbor-set = "${purpose}"`,
  "    [policy-definitions.statements.actions]",
  '      route-disposition = "accept-route"'
]

const policy = (model: RouterModel): ReadonlyArray<string> => [
  "[[policy-definitions]]",
  '  name = "viaduct-in"',
  ...purposesOf(model).flatMap((purpose) =>
    model.families
      .filter((family) => acceptedIn(model, purpose, family).length > 0)
      .flatMap((family) => statement(purpose, family))
  )
]

/** Each with everything: additional paths of a peer group are not taken over by its members. */
const neighbour = (model: RouterModel, one: Neighbour): ReadonlyArray<string> => [
  "[[neighbors]]",
  "  [neighbors.config]",
  `    neighbor-address = "${one.address}"`,
  `    peer-as = ${one.asn}`,
  `    description = "${one.what}"`,
  ...(one.passwordFile === undefined ? [] : [`    auth-password = "${keyOf(one.passwordFile)}"`]),
  "  [neighbors.transport.config]",
  `    passive-mode = ${!one.routerCalls}`,
  ...(model.port === 179 ? [] : [`    remote-port = ${model.port}`]),
  "  [neighbors.timers.config]",
  `    hold-time = ${one.holdTime}`,
  `    keepalive-interval = ${one.keepaliveTime}`,
  ...(one.ttlSecurity === undefined
    ? isIbgp(one)
      ? []
      : ["  [neighbors.ebgp-multihop.config]", "    enabled = true", "    multihop-ttl = 255"]
    : ["  [neighbors.ttl-security.config]", "    enabled = true", `    ttl-min = ${256 - one.ttlSecurity}`]),
  // Keeps the routes while the cluster's speaker restarts or moves (RFC 4724, RFC 8538).
  "  [neighbors.graceful-restart.config]",
  "    enabled = true",
  "    notification-enabled = true",
  ...model.families.flatMap((family) => [
    "  [[neighbors.afi-safis]]",
    "    [neighbors.afi-safis.config]",
    `      afi-safi-name = "${family}-unicast"`,
    "    [neighbors.afi-safis.mp-graceful-restart.config]",
    "      enabled = true",
    ...(one.addPaths && one.purpose === "service"
      ? ["    [neighbors.afi-safis.add-paths.config]", "      receive = true"]
      : [])
  ])
]

/** A whole gobgpd.toml. */
export const gobgp = (model: RouterModel): ReadonlyArray<string> => [
  ...[...heading(model, "GoBGP 3"), "To look at it: gobgp neighbor, gobgp global rib."].map((line) => `# ${line}`),
  "[global.config]",
  `  as = ${model.asn}`,
  `  router-id = "${model.router.includes(":") ? "192.0.2.1" : model.router}"`,
  ...(model.port === 179 ? [] : [`  port = ${model.port}`]),
  "[global.use-multiple-paths.config]",
  "  enabled = true",
  "[global.apply-policy.config]",
  '  import-policy-list = ["viaduct-in"]',
  '  default-import-policy = "reject-route"',
  '  default-export-policy = "reject-route"',
  ...sets(model),
  ...purposesOf(model).flatMap((purpose) => neighbours(model, purpose)),
  ...policy(model),
  ...model.neighbours.flatMap((one) => neighbour(model, one))
]
