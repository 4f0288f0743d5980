// What is wrong with a cluster, worst first, in words: what somebody who was woken reads first. A cause is told once: a
// router that answers nobody is one problem, not one for each of its sessions.
import type { Fleet, FleetAddress, FleetNode, FleetRouter, FleetSession } from "./fleetTypes.ts"
import { age, listed, plural, share } from "./format.ts"

export interface Problem {
  readonly severity: "bad" | "warn"
  /** What is wrong, short. */
  readonly title: string
  /** Why, and what it means. */
  readonly detail: string
  /** Where to look: a page of this dashboard, with its parameters. */
  readonly href: string
}

export interface Health {
  readonly state: "good" | "warn" | "bad"
  /** One sentence. */
  readonly headline: string
  readonly detail: string
  /** Worst first. */
  readonly problems: ReadonlyArray<Problem>
}

const link = (page: string, parameters: Readonly<Record<string, string>> = {}): string => {
  const query = new URLSearchParams(parameters).toString()
  return `#/${page}${query === "" ? "" : `?${query}`}`
}

const down = (sessions: ReadonlyArray<FleetSession>) => sessions.filter(({ health }) => health !== "up")

/** The reason that most of them give. */
const commonReason = (sessions: ReadonlyArray<FleetSession>): string => {
  const counts = new Map<string, number>()
  for (const { reason } of sessions) if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  const [most] = [...counts].sort(([, a], [, b]) => b - a)
  return most === undefined ? "still trying" : most[0]
}

const earliest = (sessions: ReadonlyArray<FleetSession>): string => sessions.map(({ since }) => since).sort()[0] ?? ""

const routerProblem = ({ address, asn, sessions, up }: FleetRouter, nowMs: number): Problem | undefined => {
  const gone = down(sessions)
  if (gone.length === 0) return undefined
  if (up === 0)
    return {
      severity: "bad",
      title: `Router ${address} has no session`,
      detail: `${plural(sessions.length, "session")} to AS ${asn} down for ${age(earliest(gone), nowMs)}: ${commonReason(gone)}`,
      href: link("sessions", { q: address, state: "down" })
    }
  const [one] = gone
  if (gone.length === 1 && one !== undefined)
    return {
      severity: "warn",
      title: `Session ${one.name} is ${one.state}`,
      detail: `${one.reason ?? "still trying"}; for ${age(one.since, nowMs)}. The router has ${plural(up, "other session")}.`,
      href: link("sessions", { show: one.name })
    }
  return {
    severity: "warn",
    title: `${gone.length} of ${sessions.length} sessions to router ${address} are down`,
    detail: `${commonReason(gone)}; for ${age(earliest(gone), nowMs)}`,
    href: link("sessions", { q: address, state: "down" })
  }
}

/** Sessions are told of by router, unless a whole node is cut off while its routers have others. */
const sessionProblems = (fleet: Fleet, nowMs: number): ReadonlyArray<Problem> => {
  const reached = new Set(fleet.routers.filter(({ up }) => up > 0).map(({ address }) => address))
  const cut = fleet.nodes.filter(
    ({ sessions, health }) =>
      health !== "silent" &&
      sessions.length > 1 &&
      down(sessions).length === sessions.length &&
      sessions.every(({ peerAddress }) => reached.has(peerAddress))
  )
  const cutNames = new Set(cut.map(({ name }) => name))
  const nodes = cut.map(
    ({ name, sessions }): Problem => ({
      severity: "bad",
      title: `Node ${name} has no session`,
      detail: `${plural(sessions.length, "session")} down for ${age(earliest(sessions), nowMs)}: ${commonReason(sessions)}`,
      href: link("sessions", { q: name, state: "down" })
    })
  )
  const routers = fleet.routers.flatMap((router) => {
    const sessions = router.sessions.filter(({ node }) => !cutNames.has(node))
    const found = routerProblem({ ...router, sessions }, nowMs)
    return found === undefined ? [] : [found]
  })
  return [...nodes, ...routers]
}

const purposes = {
  "floating-ip": "Floating IP",
  "control-plane-vip": "Control-plane VIP",
  "service-vip": "VIP"
} as const

const addressProblem = (address: FleetAddress, nowMs: number): ReadonlyArray<Problem> => {
  const what = `${purposes[address.purpose]} ${address.address}`
  const href = link("routes", { explain: `floatingip ${address.address}` })
  if (address.health === "conflict")
    return [{ severity: "bad", title: `${what} is taken by another host`, detail: address.reason, href }]
  if (address.health === "nobody")
    return [{ severity: "bad", title: `${what} is on no node`, detail: address.reason, href }]
  if (address.state === "holdover")
    return [{ severity: "warn", title: `${what} is held without a lease`, detail: address.reason, href }]
  if (address.health === "moving" && Date.parse(address.since) + 10_000 < nowMs)
    return [
      {
        severity: "warn",
        title: `${what} has been ${address.state} for ${age(address.since, nowMs)}`,
        detail: address.reason,
        href
      }
    ]
  return []
}

/** A console's own trouble: what the other nodes know of these goes on to be shown. */
const unreachable = ({ unreachable: all, stale }: Fleet, nowMs: number): ReadonlyArray<Problem> =>
  all.map(({ node, since, why }) => ({
    severity: stale ? "bad" : "warn",
    title: `${node} cannot be asked`,
    detail: `${why}; for ${age(since, nowMs)}. What is shown of it is what the others know, or what it said last.`,
    href: link("cluster", { node })
  }))

const silent = (nodes: ReadonlyArray<FleetNode>): ReadonlyArray<Problem> => {
  const names = nodes.filter(({ health }) => health === "silent").map(({ name }) => name)
  if (names.length === 0) return []
  return [
    {
      severity: "bad",
      title: names.length === 1 ? `Node ${names[0]} is silent` : `${names.length} nodes are silent`,
      detail: `no word from the daemon of ${listed(names)}; what moves has been given to others`,
      href: link("cluster")
    }
  ]
}

const serviceProblems = ({ services }: Fleet): ReadonlyArray<Problem> => {
  const name = (all: Fleet["services"]) => listed(all.map((service) => `${service.namespace}/${service.name}`))
  const without = services.filter(({ addresses }) => addresses.length === 0)
  const nowhere = services.filter(({ addresses, nextHops }) => addresses.length > 0 && nextHops.length === 0)
  const found: Array<Problem> = []
  if (nowhere.length > 0)
    found.push({
      severity: "bad",
      title: `${plural(nowhere.length, "service")} without a next hop`,
      detail: `${name(nowhere)}: ${nowhere[0]?.left[0]?.reason ?? nowhere[0]?.reason ?? "no node takes its traffic"}`,
      href: link("routes", { only: "trouble" })
    })
  if (without.length > 0)
    found.push({
      severity: "bad",
      title: `${plural(without.length, "service")} without an address`,
      detail: `${name(without)}: ${without[0]?.reason ?? "none has been given yet"}`,
      href: link("routes", { only: "trouble" })
    })
  return found
}

const statusProblems = ({ statuses, store }: Fleet): ReadonlyArray<Problem> => {
  const found: Array<Problem> = []
  if (store?.state === "lost")
    found.push({
      severity: "warn",
      title: `The store ${store.name} is lost`,
      detail: `${store.reason ?? "it does not answer"}. What was decided goes on; nothing new is decided.`,
      href: link("events")
    })
  for (const { node, config, addresses } of statuses) {
    const failed = addresses.filter(({ state }) => state === "failed")
    if (failed.length > 0)
      found.push({
        severity: "bad",
        title: `${plural(failed.length, "address", "addresses")} could not be put on ${node}`,
        detail: `${failed[0]?.address} on ${failed[0]?.interface}: ${failed[0]?.reason}`,
        href: link("routes")
      })
    if (config.lastError !== undefined)
      found.push({
        severity: "warn",
        title: `The last config was refused on ${node}`,
        detail: `${config.lastError.split("\n")[0] ?? ""} What was there before goes on.`,
        href: link("config")
      })
    if (config.mode === "local")
      found.push({
        severity: "warn",
        title: `${node} runs its local file (recovery mode)`,
        detail: config.note ?? "the cluster's config does not count here until it is started without --config-local",
        href: link("config")
      })
    else if (config.note !== undefined)
      found.push({ severity: "warn", title: `Config of ${node}`, detail: config.note, href: link("config") })
  }
  return found
}

const memberProblems = ({ nodes, statuses }: Fleet): ReadonlyArray<Problem> => {
  const hash = statuses[0]?.config.hash
  const others = nodes.filter(({ configHash }) => configHash !== undefined && configHash !== hash)
  const drained = nodes.filter(({ drained }) => drained)
  const found: Array<Problem> = []
  if (others.length > 0)
    found.push({
      severity: "warn",
      title: `${plural(others.length, "node runs", "nodes run")} another config`,
      detail: `${listed(others.map(({ name }) => name))} and ${statuses[0]?.node} do not run the same`,
      href: link("config")
    })
  if (drained.length > 0)
    found.push({
      severity: "warn",
      title: `${plural(drained.length, "node is", "nodes are")} drained`,
      detail: `${listed(drained.map(({ name }) => name))}: no next hop, no floating IP, until taken back into service`,
      href: link("cluster")
    })
  return found
}

const poolProblems = ({ pools }: Fleet): ReadonlyArray<Problem> =>
  pools
    // One that gives only to who asks for it by name is often as small as what it is for.
    .filter(({ used, resting, total, manualAssign }) => !manualAssign && share(used + resting, total) >= 1)
    .map(({ name, total }) => ({
      severity: "warn",
      title: `Pool ${name} is full`,
      detail: `all ${total} addresses are in use or resting; the next service that needs one gets none`,
      href: link("routes")
    }))

const good = (fleet: Fleet): string => {
  const held = fleet.addresses.filter(({ health }) => health === "held").length
  const parts = [
    fleet.sessions.length === 0
      ? "no sessions are configured"
      : `${fleet.sessions.length === 1 ? "the session is" : `${fleet.sessions.length === 2 ? "both" : `all ${fleet.sessions.length}`} sessions are`} Established`,
    held === 0 ? "" : `${plural(held, "floating address is", "floating addresses are")} held`,
    fleet.services.length === 0
      ? ""
      : `${plural(fleet.services.length, "service has its address", "services have their addresses")}`
  ].filter((part) => part !== "")
  const text = listed(parts)
  return `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}.`
}

/** The health of a cluster at `nowMs`. */
export const healthOf = (fleet: Fleet, nowMs: number): Health => {
  const all = [
    ...silent(fleet.nodes),
    ...sessionProblems(fleet, nowMs),
    ...fleet.addresses.flatMap((address) => addressProblem(address, nowMs)),
    ...serviceProblems(fleet),
    ...statusProblems(fleet),
    ...unreachable(fleet, nowMs),
    ...memberProblems(fleet),
    ...poolProblems(fleet)
  ]
  const problems = [...all.filter(({ severity }) => severity === "bad"), ...all.filter((p) => p.severity === "warn")]
  const [worst] = problems
  if (worst === undefined) return { state: "good", headline: "All is well", detail: good(fleet), problems }
  return { state: worst.severity, headline: worst.title, detail: worst.detail, problems }
}
