// An explanation as the daemon gives it: the verdict, the link that is broken first, and the chain from the config to
// the router.
import { useSignal } from "@preact/signals"
import { useEffect } from "preact/hooks"
import type { ExplainLink, ExplainTarget, Explanation, LinkState } from "../../../explain/types.ts"
import { explain } from "../api.ts"
import { serves } from "../state.ts"
import { Sign, type Tone } from "./icons.tsx"

const tones: Readonly<Record<LinkState, Tone>> = { ok: "good", warn: "warn", broken: "bad", unknown: "off" }
const words: Readonly<Record<LinkState, string>> = {
  ok: "ok",
  warn: "works, with a but",
  broken: "broken",
  unknown: "unknown"
}

const Hints = ({ hints }: { hints: ReadonlyArray<string> }) =>
  hints.length === 0 ? null : (
    <ul class="hints">
      {hints.map((hint) => (
        <li key={hint} dir="auto">
          {hint}
        </li>
      ))}
    </ul>
  )

const LINKS_MAX = 40

const Chain = ({ links }: { links: ReadonlyArray<ExplainLink> }) => (
  <ul class="chain">
    {links.slice(0, LINKS_MAX).map((link, i) => (
      <li key={i} class={`chain-${link.state}`}>
        <div class="chain-link" dir="auto">
          <Sign tone={tones[link.state]} size={14} />
          <span>
            <strong>{link.subject}</strong> <span class="hidden">({words[link.state]})</span> {link.text}
          </span>
        </div>
        <Hints hints={link.hints} />
        {link.links.length > 0 && <Chain links={link.links} />}
      </li>
    ))}
    {links.length > LINKS_MAX && <li class="dim">and {links.length - LINKS_MAX} more</li>}
  </ul>
)

const ExplanationView = ({ explanation }: { explanation: Explanation }) => (
  <div class="explanation">
    <p class={`verdict verdict-${explanation.state}`} dir="auto" role="status">
      <Sign tone={tones[explanation.state]} size={18} />
      <strong>{explanation.verdict}</strong>
    </p>
    {explanation.broken !== undefined && (
      <div class="broken" dir="auto">
        <p>
          First broken link: <strong>{explanation.broken.subject}</strong>. {explanation.broken.text}
        </p>
        <Hints hints={explanation.broken.hints} />
      </div>
    )}
    <Chain links={explanation.chain} />
  </div>
)

/** The explanation of `target`, where explanations are served. */
export const Explain = ({ target }: { target: ExplainTarget }) =>
  serves("/v1/explain") ? <Asked key={`${target.type} ${target.name}`} target={target} /> : null

const Asked = ({ target: { type, name } }: { target: ExplainTarget }) => {
  const answer = useSignal<Explanation | undefined>(undefined)
  const failed = useSignal("")
  const round = useSignal(0)
  useEffect(() => {
    let stale = false
    failed.value = ""
    explain({ type, name }).then(
      (explanation) => {
        if (!stale) answer.value = explanation
      },
      (error: unknown) => {
        if (!stale) failed.value = error instanceof Error ? error.message : String(error)
      }
    )
    return () => {
      stale = true
    }
  }, [type, name, round.value, answer, failed])
  return (
    <section aria-label="Explanation">
      <h3 class="with-action">
        Explanation
        <button type="button" class="plain" onClick={() => round.value++}>
          Ask again
        </button>
      </h3>
      {failed.value !== "" && <p class="refusal">No explanation: {failed.value}</p>}
      {failed.value === "" && answer.value === undefined && <p class="dim">Asking…</p>}
      {answer.value !== undefined && <ExplanationView explanation={answer.value} />}
    </section>
  )
}
