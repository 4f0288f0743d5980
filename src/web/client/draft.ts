// The change of the config that is being made: the documents in force, what has been written over them or the revision
// to go back to, what the daemon says that it would do, and how it went. Lives as long as the page, whatever part of it
// is looked at.
import { batch, computed, signal } from "@preact/signals"
import type { ApplyOutcome, StageProgress } from "../../api/control.ts"
import type { RevisionInfo } from "../../config/objects.ts"
import * as api from "./api.ts"

interface Base {
  readonly revision: number
  readonly text: string
}

/** The documents in force as they were read; undefined: not yet. */
export const base = signal<Base | undefined>(undefined)
export const text = signal("")
/** A rollback that is looked at instead of an edit. */
export const rollbackTo = signal<number | undefined>(undefined)
export const revisions = signal<ReadonlyArray<RevisionInfo>>([])
/** What the last check of this text, or of this rollback, said. */
export const verdict = signal<ApplyOutcome | undefined>(undefined)
export const result = signal<{ readonly good: boolean; readonly text: string } | undefined>(undefined)
export const steps = signal<ReadonlyArray<StageProgress>>([])
export const busy = signal<"" | "reading" | "checking" | "applying">("")
export const failed = signal("")

export const edited = computed(() => base.value !== undefined && text.value !== base.value.text)

const attempt = async (what: "reading" | "checking" | "applying", work: () => Promise<void>): Promise<void> => {
  if (busy.value !== "") return
  busy.value = what
  failed.value = ""
  try {
    await work()
  } catch (error) {
    failed.value = error instanceof Error ? error.message : String(error)
  }
  busy.value = ""
}

/** Reads documents and history; keeps what has been written unless `discard`. */
export const read = (revision: number, discard: boolean): Promise<void> =>
  attempt("reading", async () => {
    const [documents, history] = await Promise.all([api.documents(0), api.history()])
    batch(() => {
      if (discard || !edited.value) text.value = documents
      base.value = { revision: history[0]?.revision ?? revision, text: documents }
      revisions.value = history
      if (discard) {
        verdict.value = undefined
        rollbackTo.value = undefined
      }
    })
  })

export const write = (value: string): void => {
  batch(() => {
    text.value = value
    verdict.value = undefined
    result.value = undefined
    rollbackTo.value = undefined
    steps.value = []
  })
}

export const check = (): Promise<void> =>
  attempt("checking", async () => {
    const asked = text.value
    const outcome = await api.plan(asked)
    // Typed on meanwhile: it is the answer to another text.
    if (asked === text.value) verdict.value = outcome
  })

export const checkRollback = (revision: number): Promise<void> =>
  attempt("checking", async () => {
    const outcome = await api.planRollback(revision)
    batch(() => {
      result.value = undefined
      rollbackTo.value = revision
      verdict.value = outcome
    })
  })

export interface ApplyForm {
  readonly message: string
  readonly force: boolean
  readonly confirmWithinSeconds: number
  readonly staged: boolean
}

const done = (outcome: ApplyOutcome): void => {
  switch (outcome.outcome) {
    case "applied":
    case "unchanged":
    case "planned": {
      const what = outcome.outcome === "applied" ? "Applied" : "Nothing to apply: it means the same as what is in force"
      const summary = outcome.change.summary === "" ? "" : `: ${outcome.change.summary}`
      result.value = { good: true, text: `${what}, revision ${outcome.revision}${summary}` }
      verdict.value = undefined
      rollbackTo.value = undefined
      break
    }
    case "invalid":
    case "guarded":
      verdict.value = outcome
      result.value = { good: false, text: "Not applied, and nothing changed. See what holds it back." }
      break
    default:
      result.value = { good: false, text: `Not applied, and nothing changed: ${outcome.reason}` }
  }
}

const staged = async (form: ApplyForm): Promise<void> => {
  steps.value = []
  for await (const step of api.stage(text.value, options(form)))
    steps.value = [...steps.value.filter((earlier) => earlier.step !== step.step), step]
  const last = steps.value.at(-1)
  batch(() => {
    if (last?.state === "done") {
      result.value = { good: true, text: `Applied, one peer at a time: ${last.what}` }
      verdict.value = undefined
    } else result.value = { good: false, text: `Stopped at "${last?.what ?? "the first step"}": ${last?.detail ?? ""}` }
  })
}

const options = ({ message, force, confirmWithinSeconds }: ApplyForm): api.ApplyOptions => ({
  ...(message.trim() === "" ? {} : { message: message.trim() }),
  ...(force ? { force } : {}),
  ...(confirmWithinSeconds === 0 ? {} : { confirmWithinSeconds })
})

/** Applies what was checked. */
export const applyDraft = async (form: ApplyForm, revision: number): Promise<void> => {
  await attempt("applying", async () => {
    const to = rollbackTo.value
    if (to !== undefined) done(await api.rollback(to, options(form)))
    else if (form.staged) await staged(form)
    else done(await api.apply(text.value, options(form)))
  })
  if (result.value?.good === true) await read(revision, true)
}
