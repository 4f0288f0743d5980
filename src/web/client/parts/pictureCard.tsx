// The cluster as a picture that moves as the cluster does. Cards are HTML, so that text is cut, selected and read aloud
// as text; the curves between them are SVG. Everything keeps its key wherever it goes: what has moved moves, and is not
// drawn anew.
import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import type { FleetAddress, FleetNode, FleetRouter } from "../model/fleetTypes.ts"
import { listed } from "../model/format.ts"
import { type Box, type Link, type Picture, pictureOf } from "../model/picture.ts"
import { fleet, setParameters } from "../state.ts"
import { Sign, type Tone } from "./icons.tsx"

export const nodeTone = ({ health: state, drained }: FleetNode): Tone => {
  if (state === "silent") return "bad"
  if (drained || state === "leaving") return "off"
  return state === "ready" ? "good" : state === "unknown" ? "trying" : "warn"
}

const nodeWord = ({ health: state, drained }: FleetNode): string => {
  if (state === "silent") return "silent"
  if (drained) return "drained"
  return state === "not-ready" ? "not ready" : state
}

const at = <T,>({ x, y, width, height }: Box<T>) => ({
  transform: `translate(${x}px, ${y}px)`,
  width: `${width}px`,
  height: `${height}px`
})

const NodeCard = ({ box }: { box: Box<FleetNode> }) => {
  const { item } = box
  const up = item.sessions.filter((session) => session.health === "up").length
  return (
    <div class={`node-card ${item.health === "silent" ? "gone" : ""}`} style={at(box)}>
      <button type="button" class="node-head" onClick={() => setParameters({ node: item.name })}>
        <Sign tone={nodeTone(item)} />
        <span class="node-text">
          <span class="node-name" dir="auto">
            {item.name}
          </span>
          <span class="node-sub">
            {item.address !== undefined && item.address !== item.name && (
              <span class="node-address">{item.address} · </span>
            )}
            {nodeWord(item)}
          </span>
        </span>
        {item.sessions.length > 0 && (
          <span class={`node-count ${up < item.sessions.length ? "short" : ""}`}>
            {up}/{item.sessions.length}
            <span class="hidden"> sessions up</span>
          </span>
        )}
      </button>
    </div>
  )
}

const purposes = { "floating-ip": "floating IP", "control-plane-vip": "CP VIP", "service-vip": "VIP" } as const
const addressTones = { held: "good", moving: "trying", conflict: "bad", nobody: "bad" } as const

/** An IPv6 address in a narrow card: what tells it from others is its end. */
const short = (address: string, width: number): string =>
  width < 180 && address.length > 15 ? `…${address.slice(-9)}` : address

const AddressChip = ({ box }: { box: Box<FleetAddress> }) => {
  const { item } = box
  const state = item.health === "held" ? "" : item.health === "nobody" ? "nobody has it" : item.state
  return (
    <a
      class={`chip chip-${item.health}`}
      style={at(box)}
      href={`#/routes?${new URLSearchParams({ explain: `floatingip ${item.address}` })}`}
      title={`${item.address}: ${item.reason}`}
    >
      <Sign tone={addressTones[item.health]} size={13} />
      <span class="chip-address">{short(item.address, box.width)}</span>
      <span class="chip-purpose">{state === "" ? purposes[item.purpose] : state}</span>
    </a>
  )
}

const RouterCard = ({ box }: { box: Box<FleetRouter> }) => {
  const { address, asn, up, sessions } = box.item
  const tone: Tone = up === sessions.length ? "good" : up === 0 ? "bad" : "warn"
  return (
    <a
      class={`router-card router-${tone}`}
      title={address}
      style={at(box)}
      href={`#/sessions?${new URLSearchParams({ q: address })}`}
    >
      <span class="router-head">
        <Sign tone={tone} />
        <span class="hidden">Router </span>
        <span class="router-address">{short(address, box.width)}</span>
      </span>
      <span class="node-sub">
        AS {asn}
        <span class="router-count">
          {" "}
          · {up}/{sessions.length} up
        </span>
      </span>
    </a>
  )
}

const linkText = ({ sessions }: Link): string => {
  const [one] = sessions
  if (one === undefined) return ""
  if (sessions.length === 1) return `${one.name}: ${one.state}${one.reason === undefined ? "" : `, ${one.reason}`}`
  const up = sessions.filter((session) => session.health === "up").length
  return `${one.node} to ${one.peerAddress}: ${up} of ${sessions.length} sessions up`
}

const linkHref = ({ sessions }: Link): string => {
  const [one] = sessions
  if (one === undefined) return "#/sessions"
  const query = sessions.length === 1 ? { show: one.name } : { q: `${one.node} ${one.peerAddress}` }
  return `#/sessions?${new URLSearchParams(query)}`
}

/** A session; where it is not up it can be reached by keyboard and has a mark of another shape. */
const Curve = ({ link }: { link: Link }) => {
  const bad = link.health !== "up"
  return (
    <a class={`curve curve-${link.health}`} href={linkHref(link)} aria-label={linkText(link)} tabIndex={bad ? 0 : -1}>
      <title>{linkText(link)}</title>
      <path class="curve-hit" d={link.path} style={{ d: `path("${link.path}")` }} />
      <path class="curve-line" d={link.path} style={{ d: `path("${link.path}")` }} />
      {bad && (
        <g class="curve-mark" style={{ transform: `translate(${link.middle.x}px, ${link.middle.y}px)` }}>
          <circle r="9" />
          {link.health === "down" ? <path d="m-3.5-3.5 7 7m0-7-7 7" /> : <path d="M0-4.5v4.5l3 2" />}
        </g>
      )}
    </a>
  )
}

const Legend = () => (
  <ul class="legend" aria-label="Legend">
    <li>
      <svg width="34" height="10" aria-hidden="true" class="curve curve-up">
        <path class="curve-line" d="M1 5H33" />
      </svg>
      Established
    </li>
    <li>
      <svg width="34" height="10" aria-hidden="true" class="curve curve-trying">
        <path class="curve-line" d="M1 5H33" />
      </svg>
      connecting
    </li>
    <li>
      <svg width="34" height="10" aria-hidden="true" class="curve curve-down">
        <path class="curve-line" d="M1 5H33" />
      </svg>
      down
    </li>
  </ul>
)

/** The width that there is; follows the window. */
const useWidth = () => {
  const box = useRef<HTMLDivElement>(null)
  const width = useSignal(0)
  useEffect(() => {
    const element = box.current
    if (element === null) return
    const observer = new ResizeObserver(() => {
      width.value = Math.floor(element.clientWidth)
    })
    observer.observe(element)
    width.value = Math.floor(element.clientWidth)
    return () => observer.disconnect()
  }, [width])
  return { box, width }
}

const Drawn = ({ picture }: { picture: Picture }) => (
  <div class="picture" style={{ height: `${picture.height}px` }}>
    {/* biome-ignore lint/a11y/useSemanticElements: no other element draws */}
    <svg width={picture.width} height={picture.height} class="curves" aria-label="Sessions" role="group">
      {picture.links.map((link) => (
        <Curve key={link.key} link={link} />
      ))}
    </svg>
    {picture.nobody !== undefined && (
      <div class="node-card nobody" style={at(picture.nobody)}>
        <span class="nobody-head">On no node</span>
      </div>
    )}
    {picture.nodes.map((box) => (
      <NodeCard key={box.key} box={box} />
    ))}
    {picture.addresses.map((box) => (
      <AddressChip key={box.key} box={box} />
    ))}
    {picture.routers.map((box) => (
      <RouterCard key={box.key} box={box} />
    ))}
  </div>
)

export const PictureCard = () => {
  const { box, width } = useWidth()
  const all = useSignal(false)
  const picture = width.value === 0 ? undefined : pictureOf(fleet.value, width.value, all.value)
  const hidden = picture?.hidden ?? []
  return (
    <section class={`card picture-card ${fleet.value.stale ? "stale" : ""}`} aria-label="The cluster as a picture">
      <header class="picture-head">
        <h2>Nodes</h2>
        <Legend />
        <h2>Routers</h2>
      </header>
      {fleet.value.stale && (
        <p class="note">No node of this cluster can be asked. This is how it was when one could.</p>
      )}
      <div ref={box}>{picture !== undefined && <Drawn picture={picture} />}</div>
      {(hidden.length > 0 || all.value) && (
        <p class="picture-foot">
          {hidden.length > 0 && `Not drawn, since all is well there: ${listed(hidden)}. `}
          <button type="button" class="plain" onClick={() => (all.value = !all.value)}>
            {all.value ? "Fewer" : "Show all"}
          </button>
        </p>
      )}
    </section>
  )
}
