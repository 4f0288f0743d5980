// Once everything is healed the cluster has to come right: every address that moves and has a possible node on exactly one, every
// session that the documents ask for up, and in the routers exactly the paths that should be there. What should be there is
// worked out here from the documents and the bindings alone, not with the planner.
import { type Address, familyOf, hostPrefix } from "../../net/ip.ts"
import type { Router } from "../Router.ts"
import type { Simulation } from "../Simulation.ts"
import { controlPlaneVip } from "../scenario.ts"
import { everFloating } from "./addresses.ts"
import { makeBindings, ownersOf, takes } from "./routes.ts"

/** How long a router keeps the paths of a session that has gone elsewhere for good (RFC 4724), as our speakers ask for. */
const restartMs = 121_000

/** What is not right yet, in sentences; empty: all is well. */
export const makeConvergence = (simulation: Simulation): (() => ReadonlyArray<string>) => {
  const bindings = makeBindings(simulation)

  const servicesBound = (): ReadonlyArray<string> => {
    const bound = new Set(
      bindings().flatMap(({ address, owners }) => owners.map(({ service }) => `${service} ${familyOf(address)}`))
    )
    const wrong: Array<string> = []
    for (const { name, family } of simulation.model.services)
      for (const one of family === "dual" ? ["ipv4", "ipv6"] : [family])
        if (!bound.has(`default/${name} ${one}`)) wrong.push(`service ${name} has no ${one} address`)
    for (const { address, owners } of bindings())
      for (const { service } of owners)
        if (!simulation.model.services.some(({ name }) => `default/${name}` === service))
          wrong.push(`${address} still belongs to ${service}`)
    return wrong
  }

  const onOne = (address: Address, possible: ReadonlyArray<string>): ReadonlyArray<string> => {
    const holders = simulation.daemons.filter(({ machine }) => machine.has(address)).map(({ name }) => name)
    if (possible.length === 0) return holders.length === 0 ? [] : [`${address} is on ${holders.join(", ")}: for nobody`]
    if (holders.length !== 1) return [`${address} is on ${holders.join(" and ") || "no node"}`]
    return possible.includes(holders[0] ?? "") ? [] : [`${address} is on ${holders[0]}, which may not have it`]
  }

  const inSubnet = (address: Address) =>
    simulation.daemons.filter(({ node }) =>
      familyOf(address) === "ipv4"
        ? Number(address.split(".")[2]) === node.rack
        : node.rack === 1 && node.ipv6 !== undefined
    )

  const layer2 = (): ReadonlyArray<string> => [
    ...onOne(
      controlPlaneVip,
      inSubnet(controlPlaneVip).map(({ name }) => name)
    ),
    ...bindings().flatMap((binding) => {
      const owners = ownersOf(simulation, binding)
      const possible = inSubnet(binding.address).filter((daemon) => takes(daemon, binding.address, owners))
      return onOne(
        binding.address,
        possible.map(({ name }) => name)
      )
    })
  ]

  const wantedPaths = (address: Address): ReadonlyArray<string> => {
    if (!everFloating(address)) return [`${hostPrefix(controlPlaneVip)} ${address}`]
    return bindings().flatMap((binding) => {
      const owners = ownersOf(simulation, binding)
      const takers = simulation.daemons.filter((daemon) => takes(daemon, binding.address, owners))
      const hop = ({ node }: (typeof takers)[number]) => (familyOf(binding.address) === "ipv4" ? node.ipv4 : node.ipv6)
      return takers.map((taker) => `${hostPrefix(binding.address)} ${hop(taker)}`)
    })
  }

  const pathsOf = (router: Router, address: Address): ReadonlyArray<string> => {
    const known = router.neighbours.get(address)
    if (known === undefined) return []
    const wanted = new Set(wantedPaths(address))
    const held = [...known.paths.values()].map(({ prefix, nextHop }) => `${prefix} ${nextHop}`)
    const where = `${router.spec.name}, session from ${address}`
    const wrong = held.filter((path) => !wanted.has(path)).map((path) => `${where}: ${path} should not be there`)
    if (router.spec.addPath || !everFloating(address)) {
      for (const path of wanted) if (!held.includes(path)) wrong.push(`${where}: ${path} is missing`)
      return wrong
    }
    const prefixes = held.map((path) => path.split(" ")[0])
    for (const prefix of new Set([...wanted].map((path) => path.split(" ")[0])))
      if (prefixes.filter((one) => one === prefix).length !== 1) wrong.push(`${where}: not one path for ${prefix}`)
    return wrong
  }

  const atRouter = (router: Router): ReadonlyArray<string> => {
    const peer = simulation.model.peers.find(({ name }) => name === router.spec.name)
    const up = [...router.neighbours.values()].filter(({ established }) => established).map(({ address }) => address)
    const floating = up.filter(everFloating)
    const wanted = peer === undefined ? 0 : Math.min(peer.sessions, simulation.model.floatingIps.length)
    const nodes = up.filter((address) => !everFloating(address)).length
    const wantedNodes = peer === undefined ? 0 : simulation.daemons.length
    const wrong: Array<string> = []
    if (floating.length !== wanted)
      wrong.push(`${router.spec.name} has ${floating.length} of ${wanted} service sessions`)
    if (nodes !== wantedNodes) wrong.push(`${router.spec.name} has ${nodes} of ${wantedNodes} control-plane sessions`)
    for (const known of router.neighbours.values())
      if (!known.established && known.paths.size > 0 && simulation.world.ms - known.since > restartMs)
        wrong.push(`${router.spec.name} keeps paths of ${known.address}, which is away`)
    return [...wrong, ...up.flatMap((address) => pathsOf(router, address))]
  }

  return () => [
    ...simulation.daemons.filter(({ running }) => !running).map(({ name }) => `${name} does not run`),
    ...simulation.daemons
      .filter(({ version }) => version !== simulation.version)
      .map(({ name, version }) => `${name} follows revision ${version} of the config, not ${simulation.version}`),
    ...(new Set(simulation.daemons.map(({ meaning }) => meaning)).size === 1
      ? []
      : ["the same revision of the config does not mean the same on all nodes"]),
    ...servicesBound(),
    ...(simulation.scenario.mode === "layer2"
      ? layer2()
      : [
          ...simulation.model.floatingIps.flatMap((address) =>
            onOne(
              address,
              inSubnet(address).map(({ name }) => name)
            )
          ),
          ...simulation.routers.flatMap(atRouter)
        ])
  ]
}
