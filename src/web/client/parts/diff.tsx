// A difference of two texts, line by line; signs say what colours say.
import { amount } from "../model/format.ts"
import type { DiffLine } from "../model/lineDiff.ts"

const signs = { same: " ", added: "+", removed: "−", skipped: "⋯" } as const
const DIFF_SHOWN = 800

export const DiffLines = ({ lines }: { lines: ReadonlyArray<DiffLine> }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so it has to be reachable by keyboard
  <section class="diff" aria-label="Difference of the texts" tabIndex={0}>
    {lines.slice(0, DIFF_SHOWN).map((line, i) => (
      <div key={i} class={`diff-line diff-${line.type}`}>
        <span class="diff-sign">{signs[line.type]}</span>
        <span class="diff-text">{line.text}</span>
      </div>
    ))}
    {lines.length > DIFF_SHOWN && (
      <div class="diff-line diff-skipped">and {amount(lines.length - DIFF_SHOWN)} more lines</div>
    )}
  </section>
)
