// `viaduct simulate`: the whole cluster in this process, in virtual time: the real services on simulated machines, with faults drawn
// from a seed and checkers that hold the invariants of the design after each step. A seed says everything: it replays exactly.
// Exit status 1 where a checker found something.
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { describePlanned } from "../simulation/faults.ts"
import { simulate } from "../simulation/simulate.ts"

const seedFlag = Flag.Int("seed").pipe(Flag.withDescription("What the run is drawn from"), Flag.withDefault(1))

const seedsFlag = Flag.Int("seeds").pipe(
  Flag.withDescription("Run so many seeds, from --seed on, a line each"),
  Flag.optional
)

const nodesFlag = Flag.Int("nodes").pipe(
  Flag.withDescription("Nodes of the cluster, 3 to 9 (default: 3 to 5, by the seed)"),
  Flag.filter(
    (nodes) => nodes >= 3 && nodes <= 9,
    (nodes) => `${nodes} nodes cannot be simulated; give 3 to 9`
  ),
  Flag.optional
)

const minutesFlag = Flag.Finite("minutes").pipe(
  Flag.withDescription("How long faults happen, in minutes of simulated time"),
  Flag.withDefault(1)
)

const traceFlag = Flag.Boolean("trace").pipe(
  Flag.withDescription("Print all that happened, also where nothing was found"),
  Flag.withDefault(false)
)

type Result = ReturnType<typeof simulate>

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(3)} s`

type Figures = Result["figures"]

const addFigures = (all: Map<string, { times: number; mostMs: number | undefined }>, more: Figures): void => {
  for (const [name, { times, mostMs }] of more) {
    const before = all.get(name) ?? { times: 0, mostMs: undefined }
    const most = mostMs === undefined ? before.mostMs : Math.max(before.mostMs ?? 0, mostMs)
    all.set(name, { times: before.times + times, mostMs: most })
  }
}

const figureLines = (figures: Figures): ReadonlyArray<string> =>
  [...figures]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { times, mostMs }]) => {
      const most = mostMs === undefined ? "" : `, ${seconds(mostMs)} at most`
      return `  ${name}: ${times}${most}`
    })

const scenarioLine = ({ simulation: { scenario } }: Result): string => {
  const { mode, nodes, leaseSeconds, onStoreLoss, start } = scenario
  const routers = start.peers.map(({ name, addPath, helper }) => {
    const can = [...(addPath ? ["ADD-PATH"] : []), ...(helper ? ["graceful restart"] : [])]
    return `${name}${can.length === 0 ? "" : ` (${can.join(", ")})`}`
  })
  return (
    `${mode}, ${nodes.length} nodes, lease ${leaseSeconds} s, onStoreLoss ${onStoreLoss}, ` +
    `${start.floatingIps.length} floating IPs, ${start.services.length} services, ${routers.join(", ")}`
  )
}

const summary = (result: Result): string => {
  const converged = result.convergedMs === undefined ? "never came right" : `right ${seconds(result.convergedMs)} later`
  return `${seconds(result.simulatedMs)} simulated; healed: ${converged}; trace ${result.hash}`
}

/** Findings that are shown where many seeds are run. */
const shownMax = 5

const findingLines = ({ findings }: Result, max = findings.length): ReadonlyArray<string> => [
  ...findings.slice(0, max).map(({ invariant, ms, text }) => `  ${seconds(ms)} ${invariant}: ${text}`),
  ...(findings.length > max ? [`  and ${findings.length - max} more`] : [])
]

const one = (result: Result, trace: boolean): ReadonlyArray<string> => {
  const { faults, trace: lines } = result.simulation
  const shown = trace || result.findings.length > 0
  return [
    scenarioLine(result),
    "Faults:",
    ...faults.map(describePlanned),
    ...(shown ? ["What happened:", ...lines] : []),
    ...(result.findings.length === 0 ? ["No checker found anything."] : ["Findings:", ...findingLines(result)]),
    "Figures:",
    ...figureLines(result.figures),
    summary(result)
  ]
}

export const simulateCommand = Command.make(
  "simulate",
  { seed: seedFlag, seeds: seedsFlag, nodes: nodesFlag, minutes: minutesFlag, trace: traceFlag },
  ({ seed, seeds, nodes, minutes, trace }) =>
    Effect.gen(function* () {
      const count = Option.getOrElse(seeds, () => 1)
      let simulatedMs = 0
      let found = 0
      const figures = new Map<string, { times: number; mostMs: number | undefined }>()
      for (let n = seed; n < seed + count; n++) {
        const result = simulate({
          seed: n,
          seconds: Math.round(minutes * 60),
          ...(Option.isSome(nodes) ? { nodes: nodes.value } : {})
        })
        simulatedMs += result.simulatedMs
        addFigures(figures, result.figures)
        if (result.findings.length > 0) found++
        if (Option.isNone(seeds)) yield* Console.log(one(result, trace).join("\n"))
        else if (result.findings.length > 0)
          yield* Console.log([`seed ${n}: ${scenarioLine(result)}`, ...findingLines(result, shownMax)].join("\n"))
      }
      if (Option.isSome(seeds)) yield* Console.log(figureLines(figures).join("\n"))
      if (Option.isSome(seeds))
        yield* Console.log(
          `${count} seeds, ${(simulatedMs / 3_600_000).toFixed(2)} simulated hours: ` +
            (found === 0 ? "no checker found anything" : `checkers found something in ${found}`)
        )
      if (found > 0) process.exitCode = 1
    })
).pipe(Command.withDescription("Simulate a cluster with faults, in virtual time, and check its invariants"))
