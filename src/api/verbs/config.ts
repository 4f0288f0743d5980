// The verbs that change the config: what would it do, do it, one peer at a time, take it back, keep it; the history and the documents
// of a revision. Documents name secrets by file only, and so does everything that is answered here (I10).
import type { Context } from "hono"
import type { ContentfulStatusCode } from "hono/utils/http-status"
import type { ApplyRequest } from "../../config/change.ts"
import type { ConfigFile } from "../../config/load.ts"
import { noteOutcome } from "../access/audit.ts"
import { CONFIG_OCTETS_MAX } from "../body.ts"
import type { ApplyOutcome, ConfigControl, Done } from "../control.ts"
import { ApiError, failure } from "../failure.ts"
import type { NodeSource } from "../source.ts"
import { DoneAnswer, History, Outcome, Progress } from "./answers.ts"
import { ApplyBody, ChangeBody, ConfirmBody, PlanBody, ReloadQuery, RollbackBody, StageBody } from "./schemas.ts"
import { jsonVerb, linesVerb, otherVerb, type Verb } from "./verb.ts"

const codes: Readonly<Record<ApplyOutcome["outcome"], ContentfulStatusCode>> = {
  applied: 200,
  unchanged: 200,
  planned: 200,
  invalid: 422,
  exists: 409,
  conflict: 409,
  guarded: 409,
  "not-found": 404,
  refused: 503
}

const outcomes = {
  answers: Outcome,
  answersWhat: "What was done, or would be.",
  status: ({ outcome }: Pick<ApplyOutcome, "outcome">) => codes[outcome],
  also: {
    404: "There is no such revision any more.",
    409: "A guard holds it back (`force`), or the config has changed since.",
    422: "It is no valid config; nothing changed.",
    503: "Not here and now: recovery mode, no store, a change that waits to be confirmed."
  }
} as const

const done = {
  answers: DoneAnswer,
  answersWhat: "Whether it was done, and why not.",
  status: (value: { readonly done: boolean }): ContentfulStatusCode => (value.done ? 200 : 409),
  also: { 409: "It was not done; the reason says why." }
}

/** The request without `change` and `by`, from the fields of a body. */
const options = ({ message, force, dryRun, confirmWithinSeconds }: Partial<typeof ApplyBody.Type>) => ({
  ...(message === undefined ? {} : { message }),
  ...(force === undefined ? {} : { force }),
  ...(dryRun === undefined ? {} : { dryRun }),
  ...(confirmWithinSeconds === undefined ? {} : { confirmWithinSeconds })
})

/** The outcome, noted for the audit. */
const noted = async <T extends ApplyOutcome | Done>(context: Context, outcome: Promise<T>): Promise<T> => {
  const value = await outcome
  noteOutcome(context, value)
  return value
}

const files = (given: ReadonlyArray<ConfigFile>) => ({ type: "files", files: given }) as const

const planVerb = (config: ConfigControl): Verb =>
  jsonVerb(
    {
      method: "POST",
      path: "/v1/plan",
      summary: "What would this config do",
      description: "Validates, plans and compares; nothing changes. Either files, or a revision to roll back to.",
      role: "read",
      body: PlanBody,
      bodyOctetsMax: CONFIG_OCTETS_MAX,
      ...outcomes
    },
    ({ body, by }) => {
      const change: ApplyRequest["change"] =
        body.files === undefined ? { type: "rollback", to: body.rollbackTo ?? 0 } : files(body.files)
      return config.apply({ change, by, ...options(body), dryRun: true })
    }
  )

const applyVerb = (config: ConfigControl): Verb =>
  jsonVerb(
    {
      method: "POST",
      path: "/v1/apply",
      summary: "Make this the config",
      description: "The whole config becomes these files. A config that means what is in force changes nothing.",
      role: "write",
      body: ApplyBody,
      bodyOctetsMax: CONFIG_OCTETS_MAX,
      ...outcomes
    },
    ({ body, by, context }) => noted(context, config.apply({ change: files(body.files), by, ...options(body) }))
  )

/** One change of any kind, as a console hands it on; `/plan` tries it out, which takes no more than looking does. */
const changeVerb = (config: ConfigControl, plan: boolean): Verb =>
  jsonVerb(
    {
      method: "POST",
      path: plan ? "/v1/change/plan" : "/v1/change",
      summary: plan ? "What would this change of the config do" : "Change the config",
      description:
        "One document that is put or deleted, all of them, or a rollback; what a console hands on to a node.",
      role: plan ? "read" : "write",
      body: ChangeBody,
      bodyOctetsMax: CONFIG_OCTETS_MAX,
      ...outcomes
    },
    ({ body, by, context }) => {
      const outcome = config.apply({ change: body.change, by, ...options(body), ...(plan ? { dryRun: true } : {}) })
      return plan ? outcome : noted(context, outcome)
    }
  )

const stageVerb = (config: ConfigControl): Verb =>
  linesVerb(
    {
      method: "POST",
      path: "/v1/stage",
      summary: "Make this the config, one peer at a time",
      description:
        "Adds a peer, waits until it is Established, removes the old one, and stops at the first step that fails.",
      role: "write",
      body: StageBody,
      bodyOctetsMax: CONFIG_OCTETS_MAX,
      answers: Progress,
      answersWhat: "A line for each step as it begins, waits and ends."
    },
    async function* ({ body, by, context }, signal) {
      const { stepSeconds } = body
      const patience = stepSeconds === undefined ? {} : { stepSeconds }
      const request = { change: files(body.files), by, ...options(body), ...patience }
      for await (const progress of config.stage(request, signal)) {
        if (progress.state === "failed" || (progress.state === "done" && progress.step === progress.steps))
          noteOutcome(context, progress)
        yield progress
      }
    }
  )

const rollbackVerb = (config: ConfigControl): Verb =>
  jsonVerb(
    {
      method: "POST",
      path: "/v1/rollback",
      summary: "Make an earlier revision the config again",
      description: "Its documents come back as a new revision.",
      role: "write",
      body: RollbackBody,
      ...outcomes
    },
    ({ body, by, context }) =>
      noted(context, config.apply({ change: { type: "rollback", to: body.to }, by, ...options(body) }))
  )

const confirmVerb = (config: ConfigControl): Verb =>
  jsonVerb(
    {
      method: "POST",
      path: "/v1/confirm",
      summary: "Keep a change that waits for it",
      description: "Without it the change is taken back at the time that it was applied with.",
      role: "write",
      body: ConfirmBody,
      ...done
    },
    ({ by, context }) => noted(context, config.confirm(by))
  )

const reloadVerb = (config: ConfigControl): Verb =>
  jsonVerb(
    {
      method: "POST",
      path: "/v1/reload",
      summary: "Read the local files again",
      description: "As SIGHUP does. A config that is refused changes nothing.",
      role: "write",
      query: ReloadQuery,
      ...done,
      status: ({ done: reloaded }) => (reloaded ? 200 : 422),
      also: { 422: "It was refused and nothing changed; the reason says why." }
    },
    ({ query, context }) => noted(context, config.reload(query.force === "true"))
  )

const documentsVerb = (config: ConfigControl): Verb =>
  otherVerb(
    {
      method: "GET",
      path: "/v1/documents/{revision}",
      summary: "The documents of a revision",
      description: "Secrets are files that the documents name, and are not in here.",
      role: "read",
      parameters: { revision: "Number of the revision; 0 is the one in force." },
      contentType: "application/yaml",
      answersWhat: "One YAML file with all documents.",
      also: { 404: "There is no such revision any more." }
    },
    async ({ context }) => {
      const revision = context.req.param("revision") ?? ""
      if (!/^\d{1,15}$/.test(revision))
        throw new ApiError(failure(400, "BadRequest", `revision is "${revision}": it has to be a number, from 0`))
      const text = await config.documents(Number(revision))
      if (text === undefined) {
        const gone = `there is no revision ${revision}, or it is not kept any more; /v1/history has those that are`
        throw new ApiError(failure(404, "NotFound", gone))
      }
      return new Response(text, {
        headers: { "content-type": "application/yaml; charset=utf-8", "cache-control": "no-store" }
      })
    }
  )

/** Read from the source: it is there also where nobody may change anything. */
export const historyVerb = (source: NodeSource): Verb =>
  jsonVerb(
    {
      method: "GET",
      path: "/v1/history",
      summary: "The revisions of the config",
      description: "Who made them, when and why. Newest first, the one in force among them.",
      role: "read",
      answers: History,
      answersWhat: "What is in force, and what was before."
    },
    async () => {
      const { revision, hash, history } = await source.config()
      return { revision, hash, history }
    }
  )

/** All verbs over the config. */
export const configVerbs = (config: ConfigControl): ReadonlyArray<Verb> => [
  planVerb(config),
  applyVerb(config),
  changeVerb(config, true),
  changeVerb(config, false),
  stageVerb(config),
  rollbackVerb(config),
  confirmVerb(config),
  documentsVerb(config),
  reloadVerb(config)
]
