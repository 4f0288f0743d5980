// The first page: what is wrong, in words; the cluster in numbers, and as a picture.
import { useSignal } from "@preact/signals"
import { amount } from "../model/format.ts"
import type { Problem } from "../model/health.ts"
import { Sign } from "../parts/icons.tsx"
import { NodePanel } from "../parts/nodePanel.tsx"
import { nodeTone, PictureCard } from "../parts/pictureCard.tsx"
import { fleet, health, parameter, setParameters } from "../state.ts"

const ProblemItem = ({ problem }: { problem: Problem }) => (
  <li>
    <a class={`problem problem-${problem.severity}`} href={problem.href} dir="auto">
      <Sign tone={problem.severity} />
      <span>
        <strong>{problem.title}</strong>
        <span class="problem-detail">{problem.detail}</span>
      </span>
    </a>
  </li>
)

const SHOWN = 4

const Headline = () => {
  const { state, headline, detail, problems } = health.value
  const all = useSignal(false)
  const [worst, ...others] = problems
  const shown = all.value ? others : others.slice(0, SHOWN)
  return (
    <section class={`headline headline-${state}`} aria-label="Health of the cluster">
      <div class="headline-main">
        <Sign tone={state} size={40} />
        <div aria-live="polite">
          <h1 dir="auto">{worst === undefined ? headline : <a href={worst.href}>{headline}</a>}</h1>
          <p dir="auto">{detail}</p>
        </div>
      </div>
      {others.length > 0 && (
        <ul class="problems" aria-label="Further problems">
          {shown.map((problem) => (
            <ProblemItem key={problem.title} problem={problem} />
          ))}
        </ul>
      )}
      {others.length > SHOWN && (
        <button type="button" class="plain" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
          {all.value ? "Fewer" : `${others.length - SHOWN} more`}
        </button>
      )}
    </section>
  )
}

interface Tile {
  readonly name: string
  readonly value: number
  readonly of: number
  readonly href: string
}

const Tiles = () => {
  const { sessions, nodes, addresses, services } = fleet.value
  const tiles: ReadonlyArray<Tile> = [
    {
      name: "Nodes ready",
      value: nodes.filter((n) => n.health === "ready").length,
      of: nodes.length,
      href: "#/cluster"
    },
    {
      name: "Sessions up",
      value: sessions.filter((s) => s.health === "up").length,
      of: sessions.length,
      href: "#/sessions"
    },
    {
      name: "Addresses held",
      value: addresses.filter((a) => a.health === "held").length,
      of: addresses.length,
      href: "#/routes"
    },
    {
      name: "Services served",
      value: services.filter(({ nextHops }) => nextHops.length > 0).length,
      of: services.length,
      href: "#/routes"
    }
  ]
  return (
    <ul class={`tiles ${fleet.value.stale ? "stale" : ""}`} aria-label="In numbers">
      {tiles
        .filter(({ of }) => of > 0)
        .map(({ name, value, of, href }) => (
          <li key={name}>
            <a class={`tile ${value < of ? "tile-short" : ""}`} href={href}>
              <span class="tile-value">
                {amount(value)}
                <span class="tile-of"> of {amount(of)}</span>
              </span>
              <span class="tile-name">{name}</span>
            </a>
          </li>
        ))}
    </ul>
  )
}

export const ClusterPage = () => {
  const shown = fleet.value.nodes.find(({ name }) => name === parameter("node"))
  return (
    <>
      <Headline />
      <Tiles />
      <PictureCard />
      {shown !== undefined && (
        <NodePanel node={shown} tone={nodeTone(shown)} onClose={() => setParameters({ node: "" })} />
      )}
    </>
  )
}
