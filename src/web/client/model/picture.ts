// Where everything stands in the picture of a cluster: nodes on the left with the addresses that they hold, routers on
// the right, a curve for each session from where it starts to where it ends. Pure geometry in CSS pixels; the page
// moves what has moved.
import type { Fleet, FleetAddress, FleetNode, FleetRouter, FleetSession, LinkHealth } from "./fleetTypes.ts"

export interface Box<T> {
  readonly key: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly item: T
}

export interface Link {
  readonly key: string
  /** SVG path data, always `M x y C …`, so that one can turn into another. */
  readonly path: string
  /** The middle of the curve, where a session that is not up has its mark. */
  readonly middle: { readonly x: number; readonly y: number }
  readonly health: LinkHealth
  /** More than one where there are too many to draw each. */
  readonly sessions: ReadonlyArray<FleetSession>
}

export interface Picture {
  readonly width: number
  readonly height: number
  readonly nodes: ReadonlyArray<Box<FleetNode>>
  readonly addresses: ReadonlyArray<Box<FleetAddress>>
  readonly routers: ReadonlyArray<Box<FleetRouter>>
  readonly links: ReadonlyArray<Link>
  /** Where the addresses that nobody has are, if there are any. */
  readonly nobody?: Box<undefined>
  /** Names of what is left out because there is too much of it and nothing is wrong with it. */
  readonly hidden: ReadonlyArray<string>
}

const HEAD = 52
const ROW = 32
const GAP = 14
const PAD = 10
const ROUTER = 66
const NARROW = 600
/**
 * More nodes or routers than this: the quiet ones are counted, and drawn only where there would be next to nothing
 * else.
 */
const CARDS_MAX = 20
const CARDS_MIN = 6
/** More sessions than this: one curve for all between a node and a router. */
const LINKS_MAX = 160

const columns = (width: number) => {
  if (width < NARROW) {
    const left = Math.round(width * 0.46)
    const right = Math.round(width * 0.36)
    return { left, right }
  }
  const left = Math.min(360, Math.round(width * 0.36))
  return { left, right: Math.min(260, Math.round(width * 0.26)) }
}

const quiet = ({ health, held, sessions, drained }: FleetNode): boolean =>
  health === "ready" && !drained && held.length === 0 && sessions.every((session) => session.health === "up")

/** What is drawn, in its order: all of it, or what has something to tell and a few others. */
const chosen = <T>(items: ReadonlyArray<T>, isQuiet: (item: T) => boolean, all: boolean): ReadonlyArray<T> => {
  if (all || items.length <= CARDS_MAX) return items
  const loud = items.filter((item) => !isQuiet(item)).length
  let spare = Math.max(0, CARDS_MIN - loud)
  return items.filter((item) => !isQuiet(item) || spare-- > 0)
}

const worst = (sessions: ReadonlyArray<FleetSession>): LinkHealth => {
  if (sessions.some(({ health }) => health === "down")) return "down"
  return sessions.some(({ health }) => health === "trying") ? "trying" : "up"
}

/** Sessions that share a curve. */
const bundles = (
  fleet: Fleet,
  drawn: ReadonlySet<string>
): ReadonlyArray<{ key: string; sessions: Array<FleetSession> }> => {
  const sessions = fleet.sessions.filter(({ node }) => drawn.has(node))
  const each = sessions.length <= LINKS_MAX
  const found = new Map<string, Array<FleetSession>>()
  for (const session of sessions) {
    const key = each ? session.key : `${session.node} ${session.peerAddress}`
    const list = found.get(key)
    if (list === undefined) found.set(key, [session])
    else list.push(session)
  }
  return [...found].map(([key, list]) => ({ key, sessions: list }))
}

interface Point {
  readonly x: number
  readonly y: number
}

const curve = (from: Point, to: Point): string => {
  const bend = Math.round((to.x - from.x) * 0.45)
  return `M ${from.x} ${from.y} C ${from.x + bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`
}

/** Places nodes one below the other, each with room for what it holds. */
const placeNodes = (nodes: ReadonlyArray<FleetNode>, width: number) => {
  const boxes: Array<Box<FleetNode>> = []
  const addresses: Array<Box<FleetAddress>> = []
  let y = 0
  for (const node of nodes) {
    const rows = node.held.length
    const height = HEAD + (rows === 0 ? 0 : rows * ROW + PAD)
    boxes.push({ key: node.name, x: 0, y, width, height, item: node })
    node.held.forEach((item, row) => {
      const top = y + HEAD + row * ROW
      addresses.push({ key: item.address, x: PAD, y: top, width: width - 2 * PAD, height: ROW - 6, item })
    })
    y += height + GAP
  }
  return { boxes, addresses, end: y }
}

/** The addresses that nobody has stand below the nodes. */
const placeNobody = (fleet: Fleet, width: number, y: number) => {
  const items = fleet.addresses.filter((address) => address.health === "nobody")
  if (items.length === 0) return { addresses: [], end: y }
  const height = 34 + items.length * ROW + PAD
  const addresses = items.map(
    (item, row): Box<FleetAddress> => ({
      key: item.address,
      x: PAD,
      y: y + 34 + row * ROW,
      width: width - 2 * PAD,
      height: ROW - 6,
      item
    })
  )
  const box: Box<undefined> = { key: "nobody", x: 0, y, width, height, item: undefined }
  return { box, addresses, end: y + height + GAP }
}

/** Routers are spread over the height of the nodes. */
const placeRouters = (routers: ReadonlyArray<FleetRouter>, x: number, width: number, height: number) => {
  const room = Math.max(height, routers.length * (ROUTER + GAP) - GAP)
  const slot = room / Math.max(1, routers.length)
  return routers.map((item, i): Box<FleetRouter> => {
    const y = Math.round(slot * i + (slot - ROUTER) / 2)
    return { key: item.address, x, y, width, height: ROUTER, item }
  })
}

const portOf = (box: Box<unknown>, index: number, count: number): number => {
  const inset = Math.min(14, box.height / 4)
  const room = box.height - 2 * inset
  return Math.round(box.y + inset + (count === 1 ? room / 2 : (room * index) / (count - 1)))
}

/** The picture of `fleet`, `width` pixels wide; `all` draws every node however many there are. */
export const pictureOf = (fleet: Fleet, width: number, all = false): Picture => {
  const drawn = chosen(fleet.nodes, quiet, all)
  const drawnRouters = chosen(fleet.routers, ({ up, sessions }) => up === sessions.length, all)
  const shown = new Set([...drawn.map(({ name }) => name), ...drawnRouters.map(({ address }) => address)])
  const names = [...fleet.nodes.map(({ name }) => name), ...fleet.routers.map(({ address }) => address)]
  const hidden = names.filter((name) => !shown.has(name))
  const { left, right } = columns(width)
  const nodes = placeNodes(drawn, left)
  const nobody = placeNobody(fleet, left, nodes.end)
  const tall = Math.max(0, nobody.end - GAP)
  const routers = placeRouters(drawnRouters, width - right, right, tall)
  const routerAt = new Map(routers.map((box) => [box.key, box]))
  const nodeAt = new Map(nodes.boxes.map((box) => [box.key, box]))
  const addresses = [...nodes.addresses, ...nobody.addresses]
  const addressAt = new Map(addresses.map((box) => [box.key, box]))
  const start = (session: FleetSession): Point | undefined => {
    const address = session.purpose === "service" ? addressAt.get(session.localAddress) : undefined
    if (address !== undefined) return { x: left, y: address.y + address.height / 2 }
    const node = nodeAt.get(session.node)
    return node === undefined ? undefined : { x: left, y: node.y + HEAD / 2 }
  }
  const starts = bundles(fleet, new Set(drawn.map(({ name }) => name))).flatMap((bundle) => {
    const [session] = bundle.sessions
    const from = session === undefined ? undefined : start(session)
    return session === undefined || from === undefined ? [] : [{ ...bundle, from, router: session.peerAddress }]
  })
  // At a router the curves end in the order in which they start, so that they cross as little as they can.
  const links = routers.flatMap((box) => {
    const own = starts.filter(({ router }) => router === box.key).sort((a, b) => a.from.y - b.from.y)
    return own.map(({ key, sessions, from }, i): Link => {
      const to = { x: box.x, y: portOf(box, i, own.length) }
      const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 }
      return { key, path: curve(from, to), middle, health: worst(sessions), sessions }
    })
  })
  const height = Math.max(tall, ...[...routerAt.values()].map((box) => box.y + box.height))
  return {
    width,
    height,
    nodes: nodes.boxes,
    addresses,
    routers,
    links,
    hidden,
    ...(nobody.box === undefined ? {} : { nobody: nobody.box })
  }
}
