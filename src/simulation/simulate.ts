// A whole run: the faults with every checker looking on, then everything healed and the demand that the cluster comes right in time
// and stays so. The same options give the same run, to the last line of its trace.
import { checkOrphans, checkOverlaps, checkRemovals, checkTakeover } from "./checkers/addresses.ts"
import { checkBindings } from "./checkers/bindings.ts"
import { type Checker, type Figure, type Finding, Findings } from "./checkers/Checker.ts"
import { makeConvergence } from "./checkers/convergence.ts"
import { checkDeadHops, checkNothingElse, checkPresence } from "./checkers/routes.ts"
import { checkStoreLoss } from "./checkers/storeLoss.ts"
import { Simulation, type SimulationOptions } from "./Simulation.ts"
import { Livelock } from "./World.ts"

export interface SimulationResult {
  readonly findings: ReadonlyArray<Finding>
  readonly figures: ReadonlyMap<string, Figure>
  readonly simulation: Simulation
  /** Of world time, in ms, the time after healing included. */
  readonly simulatedMs: number
  /** How long it took from healing until all was right; absent: it never was. */
  readonly convergedMs?: number
  /** Of the whole trace: equal for equal runs. */
  readonly hash: string
}

const checkers: ReadonlyArray<Checker> = [
  checkOverlaps,
  checkOrphans,
  checkRemovals,
  checkTakeover,
  checkDeadHops,
  checkPresence,
  checkNothingElse,
  checkBindings,
  checkStoreLoss
]

/** How long the cluster is left alone at first and has to be right by then, and how long it may take after healing, in ms. */
const startMs = 12_000
const convergenceMs = 60_000
const restMs = 8_000

/** Since when all has been right, in ms after healing; undefined: not within the time for it. */
const comeRight = (simulation: Simulation, wrong: () => ReadonlyArray<string>): number | undefined => {
  const { world } = simulation
  const healedMs = world.ms
  // Right from here on: a session that the router has yet to find dead may still fall.
  let rightMs: number | undefined
  while (world.ms < (rightMs ?? healedMs + convergenceMs) + restMs) {
    world.run(world.ms + 250)
    if (wrong().length > 0) rightMs = undefined
    else rightMs ??= world.ms
    if (rightMs === undefined && world.ms > healedMs + convergenceMs) break
  }
  return rightMs === undefined ? undefined : rightMs - healedMs
}

const wholeRun = (simulation: Simulation, findings: Findings): number | undefined => {
  const { world } = simulation
  const wrong = makeConvergence(simulation)
  simulation.start()
  world.run(startMs - 1)
  for (const text of wrong()) findings.report("start", text)
  world.run(startMs + simulation.options.seconds * 1_000)
  simulation.heal()
  const convergedMs = comeRight(simulation, wrong)
  if (convergedMs !== undefined) findings.figure("clusters right again after healing", convergedMs)
  if (convergedMs === undefined) for (const text of wrong()) findings.report("end", text)
  return convergedMs
}

export const simulate = (options: SimulationOptions): SimulationResult => {
  const simulation = new Simulation(options)
  const findings = new Findings(simulation)
  for (const checker of checkers) simulation.witnesses.push(checker(simulation, findings))
  simulation.faultOfProgram = (line) => findings.report("fault", line)
  options.plant?.(simulation)
  let convergedMs: number | undefined
  try {
    convergedMs = wholeRun(simulation, findings)
  } catch (error) {
    if (!(error instanceof Livelock)) throw error
    findings.report("fault", error.message)
  }
  return {
    findings: findings.all,
    figures: findings.figures,
    simulation,
    simulatedMs: simulation.world.ms,
    ...(convergedMs === undefined ? {} : { convergedMs }),
    hash: simulation.traceHash.toString(16).padStart(16, "0")
  }
}
