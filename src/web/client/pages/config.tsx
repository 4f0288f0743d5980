// The config: the documents in force, changed in three steps that cannot be skipped: edit, see what it does, apply.
// Below it the history, and the way back. The daemon decides what is allowed; this page shows why not.
import type { ComponentChildren } from "preact"
import { useEffect, useRef } from "preact/hooks"
import type { Problem } from "../../../config/problem.ts"
import { base, busy, check, edited, failed, read, result, rollbackTo, text, verdict, write } from "../draft.ts"
import { amount } from "../model/format.ts"
import { diffLines, hunks } from "../model/lineDiff.ts"
import { ApplyForm, Steps } from "../parts/applyForm.tsx"
import { ChangeView } from "../parts/changeView.tsx"
import { DiffLines } from "../parts/diff.tsx"
import { History } from "../parts/history.tsx"
import { Sign } from "../parts/icons.tsx"
import { Age } from "../parts/small.tsx"
import { access, fleet, served, serves } from "../state.ts"

const Editor = ({ field }: { field: { readonly current: HTMLTextAreaElement | null } }) => {
  const gutter = useRef<HTMLPreElement>(null)
  const lines = text.value.split("\n").length
  return (
    <div class="editor">
      <pre class="gutter" ref={gutter} aria-hidden="true">
        {Array.from({ length: lines }, (_, i) => i + 1).join("\n")}
      </pre>
      <textarea
        ref={field}
        aria-label="Documents of the cluster, YAML"
        spellcheck={false}
        autocapitalize="off"
        autocomplete="off"
        wrap="off"
        readOnly={!access.value.write}
        value={text.value}
        onInput={(event) => write(event.currentTarget.value)}
        onScroll={(event) => {
          if (gutter.current !== null) gutter.current.scrollTop = event.currentTarget.scrollTop
        }}
      />
    </div>
  )
}

const TextDiff = () => {
  if (base.value === undefined || !edited.value) return null
  const lines = diffLines(base.value.text, text.value)
  const added = lines.filter(({ type }) => type === "added").length
  const removed = lines.filter(({ type }) => type === "removed").length
  return (
    <details class="diff-box" open>
      <summary>
        Text: <span class="diff-added">+{amount(added)}</span> <span class="diff-removed">−{amount(removed)}</span>{" "}
        lines
      </summary>
      <DiffLines lines={hunks(lines)} />
    </details>
  )
}

/** Puts the cursor into a line of the editor and shows it. */
const goTo = (field: HTMLTextAreaElement | null, line: number): void => {
  if (field === null) return
  const lines = field.value.split("\n")
  const start = lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0)
  field.focus()
  field.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0))
  const height = field.scrollHeight / Math.max(1, lines.length)
  field.scrollTop = Math.max(0, (line - 4) * height)
}

const ReadOnly = () => {
  if (access.value.write) return null
  return (
    <p class="note" role="note">
      <Sign tone="off" /> You may read only{access.value.reason === "" ? "" : `: ${access.value.reason}`}. You can look
      at everything, also at what an earlier revision would do; changing takes a token with the role write.
    </p>
  )
}

/** Where a config comes from, and what an operator should know about it. */
const Source = () => {
  const [status] = fleet.value.statuses
  if (status === undefined) return null
  const { source, mode, loadedAt, revision, hash, note, lastError } = status.config
  const modes = {
    file: "this node's file",
    store: "the cluster's store",
    local: "this node's file, in recovery mode"
  } as const
  return (
    <>
      <p class="dim source" dir="auto">
        In force: revision {revision} <code>{hash.slice(0, 12)}</code> from {modes[mode]} (
        <span class="mono">{source}</span>), loaded <Age at={loadedAt} ago />
      </p>
      {note !== undefined && (
        <p class="note" dir="auto">
          {note}
        </p>
      )}
      {lastError !== undefined && (
        <div class="refusal" dir="auto">
          <p>The last reload was refused, and what was there before goes on:</p>
          <pre class="wrapped">{lastError}</pre>
        </div>
      )}
    </>
  )
}

const Changed = ({ revision }: { revision: number }) => {
  if (base.value === undefined || base.value.revision === revision || revision === 0 || !edited.value) return null
  return (
    <p class="note" role="status">
      <Sign tone="warn" /> Revision {revision} is in force by now; you are editing revision {base.value.revision}.
      Discard your edits to start from the new one, or go on: yours will replace it.
    </p>
  )
}

const EditorCard = ({ revision }: { revision: number }) => {
  const field = useRef<HTMLTextAreaElement>(null)
  const onProblem = (problem: Problem) => goTo(field.current, problem.line)
  return (
    <section class="card" aria-labelledby="documents-title">
      <h2 id="documents-title">Documents</h2>
      <Source />
      <Changed revision={revision} />
      {base.value !== undefined && <Editor field={field} />}
      {base.value === undefined && failed.value === "" && <p class="dim">Reading…</p>}
      <div class="actions">
        {access.value.write && (
          <>
            <button
              type="button"
              class="primary"
              disabled={!edited.value || busy.value !== ""}
              onClick={() => void check()}
            >
              {busy.value === "checking" ? "Checking…" : "See what it does"}
            </button>
            <button
              type="button"
              disabled={!edited.value || busy.value !== ""}
              onClick={() => void read(revision, true)}
            >
              Discard edits
            </button>
            {!edited.value && (
              <span class="dim">
                Edit the documents, then see what the change would do. Nothing happens until you apply it.
              </span>
            )}
          </>
        )}
      </div>
      {failed.value !== "" && (
        <p class="refusal" role="alert">
          {failed.value}
        </p>
      )}
      <Result />
      <TextDiff />
      <Steps />
      {verdict.value !== undefined && rollbackTo.value === undefined && (
        <Outcome>
          <ChangeView outcome={verdict.value} onProblem={onProblem} />
          <ApplyForm key="edit" revision={revision} />
        </Outcome>
      )}
    </section>
  )
}

/** What was asked for comes into view: it stands below a tall editor. */
const Outcome = ({ children }: { children: ComponentChildren }) => {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    box.current?.scrollIntoView({ block: "start" })
  }, [])
  return (
    <div class="outcome" ref={box} aria-live="polite">
      {children}
    </div>
  )
}

const Result = () => {
  if (result.value === undefined) return null
  return (
    <p class={result.value.good ? "success" : "refusal"} role="status" dir="auto">
      <Sign tone={result.value.good ? "good" : "bad"} /> {result.value.text}
    </p>
  )
}

export const ConfigPage = () => {
  const revision = fleet.value.statuses[0]?.config.revision ?? 0
  const hash = fleet.value.statuses[0]?.config.hash ?? ""
  const there = serves("/v1/documents/{revision}")
  // Another config in force, by whomever: what is shown follows, edits stay.
  useEffect(() => {
    if (there) void read(revision, false)
  }, [revision, hash, there])
  if (!there)
    return (
      <>
        <h1>Config</h1>
        <Source />
        <p class="empty">{served.value === undefined ? "Asking…" : "Documents and history are not served here."}</p>
      </>
    )
  return (
    <>
      <h1>Config</h1>
      <ReadOnly />
      <EditorCard revision={revision} />
      <History revision={revision} />
    </>
  )
}
