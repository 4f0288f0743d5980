// A session as a link of the chain: its state with the likely cause, what the peer negotiated, what was last sent for a prefix and
// when, and what can be known of what the router does with it.
import { familyOf, type Prefix } from "../net/ip.ts"
import { age } from "../resources/age.ts"
import { causeOf } from "./causes.ts"
import { count, type ExplainInput, isUp, list, type Seen } from "./input.ts"
import { link } from "./links.ts"
import { addPathCommands, routeCommands } from "./routerCommands.ts"
import type { ExplainLink } from "./types.ts"

/** What a session is to carry. */
export interface Wanted {
  readonly prefix: Prefix
  /** How many next hops there are. */
  readonly nextHops: number
}

const ends = ({ peerAddress, peerAsn, localAddress, node }: Seen): string =>
  `to ${peerAddress} (AS ${peerAsn}) from ${localAddress} on ${node}`

const ago = (at: string, { nowMs }: ExplainInput): string => `${age(at, nowMs)} ago`

const flaps = ({ flaps: n }: Seen): string =>
  n === 0 ? "" : `; it was lost ${count(n, "time")} since the daemon started`

/** A session that tries on enters its states anew all the time: when it was lost is what counts. */
const downFor = ({ name, flaps: n }: Seen, input: ExplainInput): string => {
  if (n === 0) return ", not once up so far"
  const lost = input.status.events.findLast(({ reason, about }) => reason === "SessionLost" && about.name === name)
  return lost === undefined ? "" : `, lost ${ago(lost.lastAt, input)}`
}

const negotiatedLink = ({ own }: Seen, wanted: Wanted | undefined): ReadonlyArray<ExplainLink> => {
  const negotiated = own?.negotiated
  if (own === undefined || negotiated === undefined) return []
  const { families, addPathSend, holdTime, gracefulRestart } = negotiated
  const paths = addPathSend.length === 0 ? "no additional paths" : `additional paths for ${list(addPathSend)}`
  const restart =
    gracefulRestart === undefined
      ? "no graceful restart"
      : `graceful restart (the peer itself may take ${gracefulRestart.restartTime} s)`
  const text = `${list(families)}, ${paths}, hold time ${holdTime} s, ${restart}`
  const family = wanted === undefined ? undefined : `${familyOf(wanted.prefix)}-unicast`
  if (family === undefined || families.includes(family)) return [link("negotiated", "ok", text)]
  return [
    link(
      "negotiated",
      "broken",
      `the peer did not agree on ${family}, so ${wanted?.prefix} cannot go over it: ${text}`,
      {
        hints: [`activate the address family ${family} for neighbor ${own.localAddress} on the router`]
      }
    )
  ]
}

const single = (
  session: Seen,
  { prefix, nextHops }: Wanted,
  sent: ReadonlyArray<string>,
  when: string
): ExplainLink => {
  const note = session.own?.notes?.find((text) => text.startsWith(familyOf(prefix)))
  const offered = note?.includes("does not offer") === true
  const why = offered
    ? "this session does not offer additional paths (addPaths: false)"
    : "the peer does not receive additional paths (ADD-PATH, RFC 7911)"
  return link(
    `route ${prefix}`,
    "warn",
    `${why}: it was told of ${list(sent)} only, one of ${nextHops} next hops${when}`,
    { hints: offered ? [] : addPathCommands(session.localAddress) }
  )
}

const routeLink = (session: Seen, wanted: Wanted, input: ExplainInput): ExplainLink => {
  const { prefix, nextHops } = wanted
  const subject = `route ${prefix}`
  const { own, node } = session
  const carried = session.carried(prefix)
  if (carried === "unknown")
    return link(subject, "unknown", `node ${node} announces more than it tells the others of: ask that node`)
  const when = own?.lastUpdateSent === undefined ? "" : `; last UPDATE ${ago(own.lastUpdateSent, input)}`
  if (carried === undefined) {
    const withheld = own?.withheld?.find((one) => one.prefix === prefix)?.reason
    const why = withheld ?? own?.notes?.join("; ") ?? "nothing says why"
    return link(subject, "broken", `is not announced on ${session.name}: ${why}`)
  }
  const sent = [...new Set(carried.nextHops)]
  if (sent.length < nextHops) return single(session, wanted, sent, when)
  return link(subject, "ok", `announced with ${count(sent.length, "next hop")}, ${list(sent)}${when}`)
}

/** `wanted`: what it is to carry; absent: the session alone. */
export const sessionLink = (session: Seen, input: ExplainInput, wanted?: Wanted): ExplainLink => {
  const subject = `session ${session.name}`
  if (!isUp(session)) {
    const { text, hints } = causeOf(session, input.probes?.get(session.name))
    const there =
      session.own === undefined ? [`node ${session.node} can look at the peer: run the same command there`] : []
    return link(subject, "broken", `${session.state}${downFor(session, input)}: ${text}`, {
      hints: [...hints, ...there]
    })
  }
  const negotiated = negotiatedLink(session, wanted)
  const routes = wanted === undefined ? [] : [routeLink(session, wanted, input)]
  const links = [...negotiated, ...routes]
  const bad = links.find(({ state }) => state === "broken") ?? links.find(({ state }) => state === "warn")
  const amount =
    session.own === undefined
      ? ""
      : `, ${count(new Set(session.own.advertised.map((one) => one.prefix)).size, "prefix", "prefixes")} announced`
  const text = `Established for ${age(session.since, input.nowMs)} ${ends(session)}${amount}${flaps(session)}`
  return link(subject, bad?.state ?? "ok", text, { links })
}

/** The next hops that a session carries a prefix with, as text; `unknown` is like nothing. */
const hopsText = (session: Seen, prefix: string): string | undefined => {
  const carried = session.carried(prefix)
  return carried === undefined || carried === "unknown" ? undefined : [...new Set(carried.nextHops)].sort().join(" ")
}

/**
 * A prefix that the router got over the same sessions with the same next hops, and announces on where it does not announce `prefix`: only
 * a policy by prefix tells the two apart. Heard on a session that carries neither, since nobody is told what he said himself, and
 * whose own address is no next hop, since some routers (BIRD) do not announce a route to its next hop.
 */
const takenInstead = (
  prefix: string,
  sessions: ReadonlyArray<Seen>,
  { heardBack }: ExplainInput
): string | undefined => {
  const hops = new Set(sessions.flatMap((session) => hopsText(session, prefix)?.split(" ") ?? []))
  const alike = (other: string) => sessions.every((session) => hopsText(session, other) === hopsText(session, prefix))
  const listening = sessions.filter(
    (one) => one.own !== undefined && isUp(one) && one.carried(prefix) === undefined && !hops.has(one.localAddress)
  )
  return listening.flatMap(({ name }) => heardBack?.get(name) ?? []).find((other) => other !== prefix && alike(other))
}

/** What the router makes of it: what it announces back it has taken; whether it has not can only be seen there, as a rule. */
export const routerLink = (
  peerAddress: string,
  all: ReadonlyArray<Seen>,
  { prefix, nextHops }: Wanted,
  input: ExplainInput
): ReadonlyArray<ExplainLink> => {
  const sessions = all.filter((session) => session.peerAddress === peerAddress)
  const [first] = sessions.filter((session) => isUp(session) && hopsText(session, prefix) !== undefined)
  if (first === undefined) return []
  const subject = `router ${peerAddress}`
  const hints = routeCommands(prefix, first.localAddress)
  const back = sessions.some(({ name, own }) => own !== undefined && input.heardBack?.get(name)?.includes(prefix))
  if (back) return [link(subject, "ok", `has taken ${prefix}: it announces it back to us on another session`)]
  const other = takenInstead(prefix, sessions, input)
  if (other !== undefined) {
    const text =
      `was told of ${prefix} and does not announce it on, while it does ${other}, which it was told of just so: ` +
      "a filter on the router refuses it"
    return [
      link(subject, "warn", text, {
        hints: ["look at the import policy for this neighbor on the router", ...hints]
      })
    ]
  }
  const ecmp = nextHops > 1 ? ` and whether it installs all ${nextHops} next hops (ECMP)` : ""
  return [
    link(
      subject,
      "unknown",
      `has been told of ${prefix}; whether its policy (filter) takes it${ecmp} cannot be seen from here: look on the router`,
      { hints }
    )
  ]
}
