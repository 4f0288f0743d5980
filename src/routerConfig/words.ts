// What the formats have in common: groups of neighbours that are set up alike, names, and the comment at the top.
import { addressBits, type Family, prefixLength } from "../net/ip.ts"
import type { Neighbour, RouterModel } from "./model.ts"
import type { Accepted } from "./prefixes.ts"

/** More next hops than a cluster has now: nodes are added, and a router that has too few slots drops some in silence. */
export const pathsFor = ({ paths }: RouterModel): number => Math.min(64, Math.max(16, paths * 2))

/** Neighbours whose settings are the same, under a name that says what they are. */
export interface Group {
  /** `CONTROL-PLANE` or `SERVICES`, numbered from the second on. */
  readonly name: string
  readonly like: Neighbour
  readonly members: ReadonlyArray<Neighbour>
}

const settings = ({ address: _address, what: _what, ...rest }: Neighbour): string => JSON.stringify(rest)

export const groupsOf = ({ neighbours }: RouterModel): ReadonlyArray<Group> => {
  const groups: Array<{ name: string; like: Neighbour; members: Array<Neighbour> }> = []
  for (const neighbour of neighbours) {
    const same = groups.find(({ like }) => settings(like) === settings(neighbour))
    if (same !== undefined) {
      same.members.push(neighbour)
      continue
    }
    const word = neighbour.purpose === "service" ? "SERVICES" : "CONTROL-PLANE"
    const others = groups.filter(({ like }) => like.purpose === neighbour.purpose).length
    groups.push({ name: others === 0 ? word : `${word}-${others + 1}`, like: neighbour, members: [neighbour] })
  }
  return groups
}

export const purposesOf = ({ neighbours }: RouterModel): ReadonlyArray<Neighbour["purpose"]> =>
  (["control-plane", "service"] as const).filter((purpose) => neighbours.some((one) => one.purpose === purpose))

/** The name of what sessions of a purpose may announce, in a family. */
export const listName = (purpose: Neighbour["purpose"], family: Family): string =>
  `${purpose === "service" ? "SERVICE" : "CONTROL-PLANE"}-VIPS-${family === "ipv4" ? "V4" : "V6"}`

export const acceptedIn = (
  model: RouterModel,
  purpose: Neighbour["purpose"],
  family: Family
): ReadonlyArray<Accepted> => model.accepted[purpose].filter((one) => one.family === family)

/** The policy for what comes in: a list that nobody filled would let everything in on some routers. */
export const policyIn = (model: RouterModel, purpose: Neighbour["purpose"], family: Family): string =>
  acceptedIn(model, purpose, family).length === 0 ? "NOTHING" : listName(purpose, family)

/** The lists that have something in them. */
export const filledLists = (
  model: RouterModel
): ReadonlyArray<{ readonly purpose: Neighbour["purpose"]; readonly family: Family; readonly name: string }> =>
  purposesOf(model).flatMap((purpose) =>
    model.families
      .filter((family) => acceptedIn(model, purpose, family).length > 0)
      .map((family) => ({ purpose, family, name: listName(purpose, family) }))
  )

export const hostBits = (family: Family): number => addressBits(family)

export const isHost = ({ prefix, family }: Accepted): boolean => prefixLength(prefix) === addressBits(family)

export const isIbgp = ({ asn, routerAsn }: Neighbour): boolean => asn === routerAsn

/** A placeholder: the key itself is nobody's to print (I10). */
export const keyOf = (passwordFile: string): string => `KEY-IN-${passwordFile.replace(/[^A-Za-z0-9]+/g, "-")}`

/** The lines of comment at the top, without the format's own comment sign. */
export const heading = (model: RouterModel, router: string): ReadonlyArray<string> => {
  const keys = [...new Set(model.neighbours.flatMap(({ passwordFile }) => passwordFile ?? []))]
  return [
    `${router}, router ${model.router} (AS ${model.asn}), for cluster ${model.cluster}.`,
    "Made from the cluster's own documents: the speakers that call this router, and the only prefixes that they may announce.",
    "Everything learnt is a host route; nothing is announced to the cluster.",
    ...keys.map((file) => `${keyOf(file)} stands for the TCP-MD5 key, the first line of ${file} on the nodes.`),
    ...model.notes.map((note) => `NOTE: ${note}.`)
  ]
}

/** For formats that no test loads into the real thing. */
export const untried = (check: string): string =>
  `Written after the vendor's documentation and not loaded into such a router by our tests: look at it with ${check}.`
