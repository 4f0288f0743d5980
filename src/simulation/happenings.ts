// What each fault does to the world when it begins, and how it ends.
import type { Fault } from "./faults.ts"
import type { Simulation } from "./Simulation.ts"

interface Happening<F extends Fault> {
  readonly begin: (simulation: Simulation, fault: F) => void
  /** Absent: it is over at once. */
  readonly end?: (simulation: Simulation, fault: F) => void
}

const happenings: { readonly [T in Fault["type"]]: Happening<Extract<Fault, { readonly type: T }>> } = {
  "store slow": {
    begin: (simulation, { node, delayMs }) => slow(simulation, node, delayMs),
    end: (simulation, { node }) => slow(simulation, node, undefined)
  },
  "store loses requests": {
    begin: ({ trouble }, { share }) => {
      trouble.loss = share
    },
    end: ({ trouble }) => {
      trouble.loss = 0
    }
  },
  "store cut off": {
    begin: ({ memory }, { node }) => {
      memory.link(node).reachable = false
    },
    end: ({ memory }, { node }) => {
      memory.link(node).reachable = true
    }
  },
  "store away": {
    begin: (simulation) => simulation.setStore(false),
    end: (simulation) => simulation.setStore(true)
  },
  "store compacts": { begin: (simulation) => simulation.inTurn(simulation.memory.compact) },
  "store connections break": {
    begin: ({ daemons, memory }) => {
      for (const { name } of daemons) memory.link(name).cut()
    }
  },
  "segment cut": {
    begin: (simulation, { a, b }) => {
      const { machine } = simulation.daemon(a)
      machine.segment.part(machine, simulation.daemon(b).machine)
    },
    end: (simulation, { a, b }) => {
      const { machine } = simulation.daemon(a)
      machine.segment.join(machine, simulation.daemon(b).machine)
    }
  },
  "router cut off": {
    begin: (simulation, { node, router }) =>
      simulation.network.cut(simulation.daemon(node).machine, simulation.router(router).machine),
    end: (simulation, { node, router }) =>
      simulation.network.mend(simulation.daemon(node).machine, simulation.router(router).machine)
  },
  "packets lost": {
    begin: ({ network }, { share }) => {
      network.loss = share
    },
    end: ({ network }) => {
      network.loss = 0
    }
  },
  "connections reset": {
    begin: ({ network }, { share }) => {
      network.resets = share
    },
    end: ({ network }) => {
      network.resets = 0
    }
  },
  crash: {
    begin: (simulation, { node }) => simulation.daemon(node).end("killed"),
    end: (simulation, { node }) => simulation.startAgain(simulation.daemon(node))
  },
  freeze: {
    begin: (simulation, { node }) => simulation.daemon(node).freeze(),
    end: (simulation, { node }) => simulation.daemon(node).thaw()
  },
  stop: {
    begin: (simulation, { node }) => simulation.daemon(node).stop(),
    end: (simulation, { node }) => simulation.startAgain(simulation.daemon(node))
  },
  upgrade: {
    begin: (simulation, { node }) => simulation.daemon(node).stayBehind(),
    end: (simulation, { node }) => simulation.startAgain(simulation.daemon(node))
  },
  "power off": {
    begin: (simulation, { node }) => simulation.daemon(node).powerOff(),
    end: (simulation, { node }) => {
      simulation.daemon(node).powerOn()
      simulation.daemon(node).start()
    }
  },
  "documents change": { begin: (simulation) => simulation.change() },
  "documents tried": { begin: (simulation, { seconds }) => simulation.change(seconds) },
  drain: {
    begin: (simulation, { node }) => simulation.drain(node, true),
    end: (simulation, { node }) => simulation.drain(node, false)
  },
  "router restarts": {
    begin: (simulation, { router }) => simulation.router(router).stop(),
    end: (simulation, { router }) => simulation.startRouter(simulation.router(router))
  },
  stranger: {
    begin: (simulation, { address }) => {
      const host = simulation.strangerBeside(address)
      host.put({ address, prefixLength: 32, interface: "eth0" }, false)
      host.say("announcement", address)
    },
    end: (simulation, { address }) => void simulation.strangerBeside(address).drop(address, "somebody")
  },
  hiccups: {
    begin: (simulation, { node }) => {
      simulation.hiccups.add(node)
      hiccup(simulation, node)
    },
    end: (simulation, { node }) => void simulation.hiccups.delete(node)
  },
  "address taken off": {
    begin: (simulation, { node }) => {
      const { machine } = simulation.daemon(node)
      const ours = machine.addresses.filter((one) => one.ours)
      if (ours.length > 0) machine.drop(simulation.operator.pick(ours).address, "somebody")
    }
  }
}

/** A process that does not run for some milliseconds every now and then: a collector of garbage, a busy machine. */
const hiccup = (simulation: Simulation, node: string): void => {
  const { world, operator } = simulation
  const daemon = simulation.daemon(node)
  if (!simulation.hiccups.has(node)) return
  const stopped = () => [...simulation.active.values()].some((fault) => fault.type === "freeze" && fault.node === node)
  if (daemon.running) {
    daemon.freeze()
    world.after(operator.between(1, 250), () => stopped() || daemon.thaw())
  }
  world.after(operator.between(260, 600), () => hiccup(simulation, node))
}

const slow = ({ daemons, memory }: Simulation, only: string | undefined, delayMs: number | undefined): void => {
  for (const { name, node } of daemons)
    if (only === undefined || only === name) memory.link(name).delayMs = delayMs ?? node.storeMs
}

/** The table's entry takes the fault that it stands for. */
const happeningOf = (fault: Fault): Happening<Fault> => happenings[fault.type] as Happening<Fault>

export const begin = (simulation: Simulation, fault: Fault): void => happeningOf(fault).begin(simulation, fault)

export const end = (simulation: Simulation, fault: Fault): void => happeningOf(fault).end?.(simulation, fault)
