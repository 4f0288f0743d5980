// I4: whom each address belongs to, after every change in the store. A service has one address of each of its families, an address
// has one service or several with the same sharing key and different ports, and no binding changes while its service is in the
// documents of every node (the pool of a run only ever grows).
import { type Address, familyOf } from "../../net/ip.ts"
import type { Simulation } from "../Simulation.ts"
import type { Checker } from "./Checker.ts"
import { makeBindings } from "./routes.ts"

/** Services that all documents in use have alike, those of the newest included. */
const lastingServices = (simulation: Simulation): ReadonlySet<string> => {
  const versions = new Set([simulation.version])
  for (const daemon of simulation.daemons) if (daemon.alive && daemon.version > 0) versions.add(daemon.version)
  const lists = [...versions].map(
    (version) => new Set((simulation.models[version]?.services ?? []).map(({ name }) => `default/${name}`))
  )
  const [first = new Set<string>(), ...rest] = lists
  return new Set([...first].filter((name) => rest.every((list) => list.has(name))))
}

export const checkBindings: Checker = (simulation, findings) => {
  const bindings = makeBindings(simulation)
  let seen: unknown
  let before = new Map<string, Address>()
  /** Services that were in all documents at the last look, too. */
  let lasted: ReadonlySet<string> = new Set()
  return {
    step: () => {
      const all = bindings()
      const lasting = lastingServices(simulation)
      const stayed = new Set([...lasting].filter((name) => lasted.has(name)))
      lasted = lasting
      if (all === seen) return
      seen = all
      const now = new Map<string, Address>()
      for (const { address, owners } of all) {
        const [first, ...more] = owners
        const keys = new Set(owners.map(({ sharingKey }) => sharingKey))
        const ports = owners.flatMap((owner) => owner.ports.map(({ protocol, port }) => `${protocol} ${port}`))
        if (more.length > 0 && (keys.size > 1 || first?.sharingKey === undefined || new Set(ports).size < ports.length))
          findings.report("I4", `${address} belongs to ${owners.map(({ service }) => service).join(" and ")}`)
        for (const { service } of owners) {
          const key = `${service} ${familyOf(address)}`
          const other = now.get(key)
          if (other !== undefined) findings.report("I4", `${service} has ${other} and ${address}`)
          now.set(key, address)
        }
      }
      for (const [key, address] of before) {
        const [service = ""] = key.split(" ")
        const changed = now.get(key)
        if (changed !== address && stayed.has(service))
          findings.report("I4", `${service} had ${address} and has ${changed ?? "nothing"} now`)
      }
      before = now
    }
  }
}
