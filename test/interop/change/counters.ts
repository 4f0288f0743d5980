// What the routers themselves have counted of a session, in their own words: FRR its messages by type, BIRD the routes that came and
// went in UPDATEs, both when the session was Established. What happened between two looks at it is one word a session.
import { join } from "node:path"
import type { Lab } from "../../lab/Lab.ts"
import type { Router } from "../../lab/routers/Router.ts"

export interface Counters {
  readonly established: boolean
  /** Differs by 500 or more each time that the session is Established anew. */
  readonly incarnation: number
  /** UPDATEs, or routes in UPDATEs: grows with whatever the speaker says about its routes. */
  readonly updates: number
  /** Of every type but UPDATE and KEEPALIVE; BIRD does not count them. */
  readonly others: number
}

/** By "host neighbor". */
export type Look = ReadonlyMap<string, Counters>

interface FrrNeighbor {
  readonly bgpState?: string
  readonly connectionsEstablished?: number
  readonly messageStats?: Readonly<Record<string, number>>
}

const frr = async (lab: Lab, host: string): Promise<ReadonlyArray<readonly [string, Counters]>> => {
  const socket = join(lab.hostDirectory(host), "frr")
  const text = await lab.exec(host, ["vtysh", "--vty_socket", socket, "-c", "show bgp neighbors json"])
  const all = JSON.parse(text) as Readonly<Record<string, FrrNeighbor>>
  return Object.entries(all).flatMap(([neighbor, { bgpState, connectionsEstablished, messageStats }]) => {
    if (bgpState === undefined || messageStats === undefined) return []
    const { updatesRecv = 0, keepalivesRecv = 0, totalRecv = 0 } = messageStats
    const counters = {
      established: bgpState === "Established",
      incarnation: 1_000 * (connectionsEstablished ?? 0),
      updates: updatesRecv,
      others: totalRecv - updatesRecv - keepalivesRecv
    }
    return [[`${host} ${neighbor}`, counters] as const]
  })
}

const bird = async (lab: Lab, host: string): Promise<ReadonlyArray<readonly [string, Counters]>> => {
  const socket = join(lab.hostDirectory(host), "bird.ctl")
  const text = await lab.exec(host, ["birdc", "-s", socket, "show", "protocols", "all"])
  return text.split(/\n(?=\S)/).flatMap((block) => {
    // BIRD works the time out anew each time that it is asked, from two clocks: the last digit may differ.
    const head = /^\S+\s+BGP\s+\S+\s+\S+\s+(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})/.exec(block)
    const neighbor = /Neighbor address: (\S+)/.exec(block)?.[1]
    if (head === null || neighbor === undefined) return []
    const received = [...block.matchAll(/Import (?:updates|withdraws):\s+(\d+)/g)]
    const counters = {
      established: /BGP state:\s+Established/.test(block),
      incarnation: Date.parse(`${head[1]}T${head[2]}Z`),
      updates: received.reduce((sum, [, count]) => sum + Number(count), 0),
      others: 0
    }
    return [[`${host} ${neighbor}`, counters] as const]
  })
}

/** Every session of these routers that their configuration knows, up or not. */
export const look = async (lab: Lab, routers: ReadonlyArray<Router>): Promise<Look> => {
  const all = routers.map((router) => (router.name === "frr" ? frr : bird)(lab, router.spec.host))
  return new Map((await Promise.all(all)).flat())
}

/** The same once nothing comes any more: what was on its way, such as the end of the first table, is counted. */
export const stillLook = async (lab: Lab, routers: ReadonlyArray<Router>): Promise<Look> => {
  let last = await look(lab, routers)
  return lab.until(async () => {
    await Bun.sleep(500)
    const before = last
    last = await look(lab, routers)
    return Object.values(happened(before, last)).every((what) => what === "nothing") && last
  }, "the sessions to come to rest")
}

/** `nothing`: not one message but keepalives, as far as the router counts them. */
export type Happened = "added" | "removed" | "reset" | "updates" | "nothing"

const between = (before: Counters, after: Counters): Happened | undefined => {
  if (!before.established && !after.established) return undefined
  if (!before.established) return "added"
  if (!after.established) return "removed"
  if (Math.abs(before.incarnation - after.incarnation) >= 500) return "reset"
  return before.updates === after.updates && before.others === after.others ? "nothing" : "updates"
}

/** What happened to each session that was up at one of the two looks, in the order of their names. */
export const happened = (before: Look, after: Look): Readonly<Record<string, Happened>> =>
  Object.fromEntries(
    [...before.keys()].toSorted().flatMap((key) => {
      const [was, is] = [before.get(key), after.get(key)]
      const what = was === undefined || is === undefined ? undefined : between(was, is)
      return what === undefined ? [] : [[key, what]]
    })
  )
