// The revisions of the config, newest first: who, when, why, what it did; what is different in one; the way back to it.
import { useSignal } from "@preact/signals"
import type { RevisionInfo } from "../../../config/objects.ts"
import * as api from "../api.ts"
import { base, busy, checkRollback, revisions, rollbackTo, verdict } from "../draft.ts"
import { diffLines, hunks } from "../model/lineDiff.ts"
import { access } from "../state.ts"
import { ApplyForm } from "./applyForm.tsx"
import { ChangeView } from "./changeView.tsx"
import { DiffLines } from "./diff.tsx"
import { Age, Badge } from "./small.tsx"

const origins = {
  file: "from the file",
  api: "through the API",
  apply: "applied",
  rollback: "rolled back",
  unconfirmed: "taken back: not confirmed"
} as const

const PAGE = 20

/** The difference of a revision to what is in force. */
const Difference = ({ text }: { text: string }) => {
  const lines = hunks(diffLines(base.value?.text ?? "", text))
  if (lines.every(({ type }) => type === "skipped")) return <p class="dim">The same text as what is in force.</p>
  return (
    <>
      <p class="dim">From what is in force (−) to this revision (+):</p>
      <DiffLines lines={lines} />
    </>
  )
}

const Revision = ({ info, current }: { info: RevisionInfo; current: boolean }) => {
  const text = useSignal<string | undefined>(undefined)
  const failed = useSignal("")
  const looked = rollbackTo.value === info.revision
  const show = async () => {
    if (text.value !== undefined) {
      text.value = undefined
      return
    }
    try {
      text.value = await api.documents(info.revision)
      failed.value = ""
    } catch (error) {
      failed.value = error instanceof Error ? error.message : String(error)
    }
  }
  return (
    <li class={`revision ${current ? "current" : ""}`}>
      <div class="revision-head">
        <span class="revision-number">{info.revision}</span>
        <div class="revision-text" dir="auto">
          <p class="revision-message">
            {info.message ?? info.summary ?? origins[info.origin]} {current && <Badge tone="good">in force</Badge>}
            {info.unconfirmed !== undefined && <Badge tone="warn">not confirmed yet</Badge>}
          </p>
          <p class="dim">
            {info.by} on {info.node}, <Age at={info.at} ago />, {origins[info.origin]}
            {info.message !== undefined && info.summary !== undefined && ` · ${info.summary}`}
          </p>
        </div>
        {!current && (
          <div class="revision-actions">
            <button type="button" aria-expanded={text.value !== undefined} onClick={() => void show()}>
              {text.value === undefined ? "Compare" : "Hide"}
            </button>
            <button
              type="button"
              aria-expanded={looked}
              disabled={busy.value !== ""}
              onClick={() => {
                if (looked) {
                  rollbackTo.value = undefined
                  verdict.value = undefined
                } else void checkRollback(info.revision)
              }}
            >
              {looked ? "Leave it" : access.value.write ? "Roll back…" : "What would it do?"}
            </button>
          </div>
        )}
      </div>
      {failed.value !== "" && <p class="refusal">{failed.value}</p>}
      {text.value !== undefined && <Difference text={text.value} />}
      {looked && verdict.value !== undefined && (
        <div class="rollback">
          <ChangeView outcome={verdict.value} />
          <ApplyForm key={info.revision} revision={info.revision} />
        </div>
      )}
    </li>
  )
}

export const History = ({ revision }: { revision: number }) => {
  const count = useSignal(PAGE)
  const all = revisions.value
  return (
    <section class="card" aria-labelledby="history-title">
      <h2 id="history-title">History</h2>
      {all.length === 0 && <p class="dim">No revision is kept.</p>}
      <ol class="revisions">
        {all.slice(0, count.value).map((info) => (
          <Revision key={info.revision} info={info} current={info.revision === revision} />
        ))}
      </ol>
      {all.length > count.value && (
        <button type="button" onClick={() => (count.value += PAGE)}>
          {all.length - count.value} older
        </button>
      )}
    </section>
  )
}
