// What may I do here? (`kubectl auth can-i`): self subject access and rules reviews (authorization.k8s.io/v1), answered from the role of
// whoever asks. A role counts for everything alike: `read` looks, `write` also changes what can be changed.
import { type Context, Hono } from "hono"
import { allKinds } from "../resources/kinds.ts"
import { isObject, type JsonObject } from "../resources/patch/json.ts"
import { badRequest } from "./failure.ts"
import { OBJECT_TYPES, readBody } from "./writes/request.ts"
import { WRITE_VERBS } from "./writes/writeRoutes.ts"

export const REVIEW_GROUP = { group: "authorization.k8s.io", version: "v1" } as const
export const REVIEW_KINDS = [
  { kind: "SelfSubjectAccessReview", plural: "selfsubjectaccessreviews", singular: "selfsubjectaccessreview" },
  { kind: "SelfSubjectRulesReview", plural: "selfsubjectrulesreviews", singular: "selfsubjectrulesreview" }
] as const

const READ_VERBS = ["get", "list", "watch"]
const PATHS_READ = ["get", "head", "options"]

interface Verdict {
  readonly allowed: boolean
  readonly reason?: string
}

const no = (reason: string): Verdict => ({ allowed: false, reason })

const text = (object: JsonObject, key: string): string => (typeof object[key] === "string" ? object[key] : "")

/** Verbs that change something, of those that a kind has. */
const writeVerbsOf = (kind: (typeof allKinds)[number]): ReadonlyArray<string> => {
  if (kind.writable === true) return WRITE_VERBS
  return kind.kind === "Node" ? ["patch"] : []
}

const resourceVerdict = (attributes: JsonObject, writes: boolean, who: string): Verdict => {
  const [verb, group, plural] = ["verb", "group", "resource"].map((key) => text(attributes, key))
  if (verb === "*" || plural === "*") return writes ? { allowed: true } : no(`${who} may read only`)
  const kind = allKinds.find((one) => one.plural === plural && (group === "*" || one.group === group))
  if (kind === undefined) return no(`there are no ${plural} here`)
  if (READ_VERBS.includes(verb ?? "")) return { allowed: true }
  if (!writeVerbsOf(kind).includes(verb ?? "")) return no(`${plural} cannot be changed: they show what there is`)
  return writes ? { allowed: true } : no(`${who} may read only`)
}

const pathVerdict = (attributes: JsonObject, writes: boolean, who: string): Verdict =>
  writes || PATHS_READ.includes(text(attributes, "verb").toLowerCase()) ? { allowed: true } : no(`${who} may read only`)

const rulesOf = (writes: boolean) => ({
  resourceRules: allKinds.map((kind) => ({
    apiGroups: [kind.group],
    resources: [kind.plural],
    verbs: [...READ_VERBS, ...(writes ? writeVerbsOf(kind) : [])]
  })),
  nonResourceRules: [{ nonResourceURLs: ["*"], verbs: writes ? ["*"] : PATHS_READ }],
  incomplete: false
})

export const accessReviewRoutes = (): Hono => {
  const routes = new Hono()
  const base = `/apis/${REVIEW_GROUP.group}/${REVIEW_GROUP.version}`
  const review = async (context: Context, answer: (spec: JsonObject, writes: boolean, who: string) => object) => {
    const body = await readBody(context, OBJECT_TYPES)
    if (!isObject(body)) throw badRequest("the body has to be a review")
    const actor = context.get("actor")
    const status = answer(isObject(body.spec) ? body.spec : {}, actor?.role === "write", actor?.name ?? "whoever asks")
    return context.json({ ...body, status }, 201)
  }
  routes.post(`${base}/selfsubjectaccessreviews`, (context) =>
    review(context, (spec, writes, who) => {
      if (isObject(spec.nonResourceAttributes)) return pathVerdict(spec.nonResourceAttributes, writes, who)
      return resourceVerdict(isObject(spec.resourceAttributes) ? spec.resourceAttributes : {}, writes, who)
    })
  )
  routes.post(`${base}/selfsubjectrulesreviews`, (context) => review(context, (_, writes) => rulesOf(writes)))
  return routes
}
