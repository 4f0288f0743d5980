// Three nodes that share an etcd, FRR and BIRD as the routers of everything; what `viaduct diff` says beforehand and what the routers have
// counted afterwards, in the same words.
import { expect } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { ApplyOutcome } from "../../../src/config/outcome.ts"
import type { ChangeLine, Verdict } from "../../../src/plan/change.ts"
import type { SessionStatus } from "../../../src/resources/nodeStatus.ts"
import type { Router } from "../../lab/routers/Router.ts"
import { CLUSTER_ASN, ROUTER } from "../scenario.ts"
import { type FileSpec, FLOATING_IPS, hostNames, nodeAddress } from "../services/file.ts"
import { LEAF, LEAF_IP, rackWithLeaf, startRackRouter } from "../services/router.ts"
import { Stage, TOR } from "../services/Stage.ts"
import { type Happened, happened, type Look, look, stillLook } from "./counters.ts"

const NODES = 3
/** One more than the file has at first. */
export const SPARE_IP = "10.0.1.102"

export interface ChangeWorld extends AsyncDisposable {
  readonly stage: Stage
  readonly frr: Router
  readonly bird: Router
  readonly routers: ReadonlyArray<Router>
}

export const buildWorld = async (file: FileSpec): Promise<ChangeWorld> => {
  const made: Array<Router> = []
  const neighbors = [...hostNames(NODES).map(nodeAddress), ...FLOATING_IPS, SPARE_IP].map((ip) => ({
    ip,
    asn: CLUSTER_ASN
  }))
  const stage = await Stage.create({
    nodes: NODES,
    topology: rackWithLeaf(NODES),
    file,
    prepare: async (lab) => {
      const frr = startRackRouter(lab, "frr", NODES, TOR, { neighbors })
      const bird = startRackRouter(lab, "bird", NODES, LEAF, { neighbors })
      made.push(...(await Promise.all([frr, bird])))
    }
  })
  const [frr, bird] = made
  if (frr === undefined || bird === undefined) throw new Error("the routers are not there")
  return { stage, frr, bird, routers: made, [Symbol.asyncDispose]: () => stage.lab.dispose() }
}

const HOSTS: Readonly<Record<string, string>> = { [ROUTER]: TOR, [LEAF_IP]: LEAF }

/** As counters.ts calls the session. */
const keyOf = ({ peerAddress, localAddress }: SessionStatus): string => `${HOSTS[peerAddress]} ${localAddress}`

/** Keys by "node name". */
const sessionsByName = async ({ stage }: ChangeWorld): Promise<ReadonlyMap<string, SessionStatus>> => {
  const statuses = await Promise.all(stage.hosts.map((host) => stage.daemon(host).status()))
  return new Map(
    statuses.flatMap(({ node, sessions }) => sessions.map((session) => [`${node} ${session.name}`, session] as const))
  )
}

/** Nothing is said any more: what was on its way has come and is counted. */
export const counted = ({ stage, routers }: ChangeWorld): Promise<Look> => stillLook(stage.lab, routers)

const HAPPENS: Readonly<Partial<Record<Verdict, Happened>>> = {
  "session added": "added",
  "session removed": "removed",
  "session reset": "reset",
  "session soft": "updates",
  "new announcement": "updates",
  withdraw: "updates"
}

/** What the lines say of each session. */
const predictedBy = (
  lines: ReadonlyArray<ChangeLine>,
  before: ReadonlyMap<string, SessionStatus>,
  after: ReadonlyMap<string, SessionStatus>
): Readonly<Record<string, Happened>> => {
  const predicted = new Map<string, Happened>([...before.values()].map((session) => [keyOf(session), "nothing"]))
  for (const { verdict, node, subject } of lines) {
    const what = HAPPENS[verdict]
    if (what === undefined || !subject.startsWith("session ")) continue
    const name = `${node} ${subject.slice("session ".length)}`
    const session = (what === "added" ? after : before).get(name)
    if (session === undefined) throw new Error(`${verdict}: there is no session ${name}`)
    const key = keyOf(session)
    const other = predicted.get(key)
    // From one node to another: the router sees its session end and begin.
    const moved = (other === "added" && what === "removed") || (other === "removed" && what === "added")
    predicted.set(key, moved ? "reset" : what)
  }
  return Object.fromEntries([...predicted].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

const settled = async (world: ChangeWorld): Promise<void> => {
  const { stage } = world
  const { hash } = (await stage.daemon("node-01").status()).config
  await stage.lab.until(
    async () => {
      for (const host of stage.hosts) {
        const { config, sessions } = await stage.daemon(host).status()
        // A node that the config does not have runs none.
        const aside = config.hash === "" && sessions.length === 0
        if (config.hash !== hash && !aside) throw new Error(`${host} has ${config.hash}, not ${hash}`)
        const down = sessions.find(({ state }) => state !== "Established")
        if (down !== undefined) throw new Error(`${host}: ${down.name} is ${down.state}: ${down.reason}`)
      }
      return true
    },
    "every node to follow, with all sessions Established",
    20_000
  )
}

export interface Step {
  readonly verdicts: ReadonlyArray<Verdict>
  readonly lines: ReadonlyArray<ChangeLine>
  readonly happened: Readonly<Record<string, Happened>>
}

export const fileOf = ({ stage }: ChangeWorld, text: string): string => {
  const path = join(stage.lab.hostDirectory("node-01"), "next.yaml")
  writeFileSync(path, text)
  return path
}

/** What `viaduct diff` and `viaduct apply` ask the daemon. */
const ask = async ({ stage }: ChangeWorld, verb: "plan" | "apply", body: object): Promise<ApplyOutcome> => {
  const unix = join(stage.lab.hostDirectory("node-01"), "admin.sock")
  const headers = { "content-type": "application/json" }
  const answer = await fetch(`http://localhost/v1/${verb}`, {
    unix,
    method: "POST",
    headers,
    body: JSON.stringify(body)
  })
  return (await answer.json()) as ApplyOutcome
}

/**
 * Asks what the text would do, does it, and holds what the routers have counted against what was said: for every session, and nothing
 * but that.
 */
export const change = async (world: ChangeWorld, text: string, force = false): Promise<Step> => {
  const { stage } = world
  const files = [{ path: "next.yaml", text }]
  await settled(world)
  const [before, names] = [await counted(world), await sessionsByName(world)]
  const planned = await ask(world, "plan", { files, force })
  if (planned.outcome !== "planned") throw new Error(JSON.stringify(planned))
  const { lines } = planned.change
  const applied = await ask(world, "apply", { files, force })
  if (applied.outcome !== "applied") throw new Error(JSON.stringify(applied))
  const added = lines.filter(({ verdict }) => verdict === "session added")
  const after = await stage.lab.until(
    async () => {
      await settled(world)
      const all = await sessionsByName(world)
      const missing = added.find(({ node, subject }) => !all.has(`${node} ${subject.slice("session ".length)}`))
      if (missing !== undefined) throw new Error(`no ${missing.subject} among ${[...all.keys()].join(", ")}`)
      return all
    },
    "the sessions that were said to come",
    10_000
  )
  const predicted = predictedBy(lines, names, after)
  // Late rather than never is told apart below; what never comes is shown there, session by session.
  for (let tries = 0; tries < 100; tries++) {
    if (Bun.deepEquals(happened(before, await look(stage.lab, world.routers)), predicted)) break
    await Bun.sleep(100)
  }
  const found = happened(before, await counted(world))
  // Why a session did something else is in the logs of the daemons and routers, which are gone with the lab.
  if (!Bun.deepEquals(found, predicted)) process.stderr.write(`${stage.lab.logs(40)}\n`)
  expect(found).toEqual(predicted)
  return { lines, verdicts: [...new Set(lines.map(({ verdict }) => verdict))], happened: found }
}

/** Sessions by what happened to them. */
export const sum = (all: Readonly<Record<string, Happened>>): Readonly<Partial<Record<Happened, number>>> => {
  const counts: Partial<Record<Happened, number>> = {}
  for (const what of Object.values(all)) counts[what] = (counts[what] ?? 0) + 1
  return counts
}
