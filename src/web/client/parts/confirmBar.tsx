// A change that is taken back by itself unless somebody confirms it: on every page, with the time that is left, and the
// button.
import { useSignal } from "@preact/signals"
import { confirm } from "../api.ts"
import { duration } from "../model/format.ts"
import { access, now, unconfirmed } from "../state.ts"
import { Sign } from "./icons.tsx"

export const ConfirmBar = () => {
  const busy = useSignal(false)
  const refused = useSignal("")
  const waiting = unconfirmed.value
  if (waiting === undefined) return null
  const left = Math.max(0, Math.floor((Date.parse(waiting.until) - now.value) / 1000))
  const keep = async () => {
    busy.value = true
    try {
      const { done, reason } = await confirm()
      refused.value = done ? "" : reason
    } catch (error) {
      refused.value = error instanceof Error ? error.message : String(error)
    }
    busy.value = false
  }
  return (
    <section class="bar bar-warn" aria-label="Unconfirmed change">
      <Sign tone="warn" />
      <span>
        <strong>The last change waits to be confirmed.</strong>{" "}
        <span class="countdown" role="timer">
          {left === 0 ? "It is being taken back now" : `In ${duration(left)} it is taken back`}
        </span>
        {` to revision ${waiting.rollbackTo}.`}
        {refused.value !== "" && <span role="alert"> Not confirmed: {refused.value}</span>}
        {!access.value.write && ` You may read only, so somebody else has to confirm it.`}
      </span>
      {access.value.write && (
        <button type="button" class="primary" disabled={busy.value} onClick={keep}>
          Keep it
        </button>
      )}
    </section>
  )
}
