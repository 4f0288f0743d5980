// The last step of a change: why, how long it may stay without being confirmed, and for what is guarded the insistence.
import { useSignal } from "@preact/signals"
import { applyDraft, busy, rollbackTo, steps, verdict } from "../draft.ts"
import { duration } from "../model/format.ts"
import { access, serves } from "../state.ts"
import { appliable, guardsOf } from "./changeView.tsx"
import { Sign } from "./icons.tsx"

const confirmations = [0, 60, 120, 300, 600] as const
const DEFAULT_CONFIRMATION = 120

const progress = { started: "trying", waiting: "trying", done: "good", failed: "bad" } as const

/** The steps of a change that is made one peer at a time. */
export const Steps = () =>
  steps.value.length === 0 ? null : (
    <ol class="steps" aria-label="Steps" aria-live="polite">
      {steps.value.map(({ step, steps: all, what, state, detail }) => (
        <li key={step} dir="auto">
          <Sign tone={progress[state]} size={14} />
          <span>
            {step} of {all}: <strong>{what}</strong> {state === "done" ? "" : state} <span class="dim">{detail}</span>
          </span>
        </li>
      ))}
    </ol>
  )

export const ApplyForm = ({ revision }: { revision: number }) => {
  const message = useSignal("")
  const confirmWithinSeconds = useSignal<number>(DEFAULT_CONFIRMATION)
  const staged = useSignal(false)
  const force = useSignal(false)
  const outcome = verdict.value
  if (outcome === undefined || !appliable(outcome)) return null
  if (!access.value.write)
    return (
      <p class="note">Applying takes the role write{access.value.reason === "" ? "" : `: ${access.value.reason}`}.</p>
    )
  const guards = guardsOf(outcome)
  const back = rollbackTo.value
  const mayStage = back === undefined && serves("/v1/stage")
  const insisted = guards.length === 0 || force.value
  const apply = (event: Event) => {
    event.preventDefault()
    void applyDraft(
      {
        message: message.value,
        force: force.value,
        staged: staged.value && mayStage,
        confirmWithinSeconds: staged.value && mayStage ? 0 : confirmWithinSeconds.value
      },
      revision
    )
  }
  return (
    <form class="apply-form" aria-label="Apply" onSubmit={apply}>
      <label class="grow">
        <span class="label">Why (for the history)</span>
        <input
          value={message.value}
          maxLength={500}
          placeholder={back === undefined ? "what this change is for" : `back to revision ${back}`}
          onInput={(event) => {
            message.value = event.currentTarget.value
          }}
        />
      </label>
      <label>
        <span class="label">Take it back unless confirmed</span>
        <select
          value={String(confirmWithinSeconds.value)}
          disabled={staged.value}
          onChange={(event) => {
            confirmWithinSeconds.value = Number(event.currentTarget.value)
          }}
        >
          {confirmations.map((seconds) => (
            <option key={seconds} value={String(seconds)}>
              {seconds === 0 ? "no: it stays" : `within ${duration(seconds)}`}
            </option>
          ))}
        </select>
      </label>
      {mayStage && (
        <label class="check">
          <input
            type="checkbox"
            checked={staged.value}
            onChange={(event) => {
              staged.value = event.currentTarget.checked
            }}
          />
          one peer at a time
        </label>
      )}
      {guards.length > 0 && (
        <label class="check check-force">
          <input
            type="checkbox"
            checked={force.value}
            onChange={(event) => {
              force.value = event.currentTarget.checked
            }}
          />
          do it all the same
        </label>
      )}
      <button type="submit" class={guards.length > 0 ? "danger" : "primary"} disabled={!insisted || busy.value !== ""}>
        {busy.value === "applying" ? "Applying…" : back === undefined ? "Apply" : `Roll back to revision ${back}`}
      </button>
    </form>
  )
}
