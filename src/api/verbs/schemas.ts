// What the verbs take: bodies and queries, as the schemas that decode them and that the OpenAPI document is made of. The `expected`
// annotations are what a caller reads who sent something else.
import { Schema } from "effect"

const filled = (what: string) =>
  Schema.String.check(Schema.makeFilter((text) => text.trim() !== "" || "is empty")).annotate({ expected: what })

const whole = (minimum: number, maximum: number, what: string) =>
  Schema.Int.check(
    Schema.makeFilter((n) => (n >= minimum && n <= maximum) || `is not between ${minimum} and ${maximum}`)
  ).annotate({ expected: what, minimum, maximum })

const described = <S extends Schema.Top>(schema: S, description: string) => schema.annotate({ description })

const File = Schema.Struct({
  path: described(filled("the name of the file"), "Name under which problems of the file are told."),
  text: described(Schema.String, "Its YAML, one document or many.")
})

const Files = described(
  Schema.Array(File)
    .check(Schema.makeFilter((files) => files.length > 0 || "has no file"))
    .annotate({
      expected: "at least one file"
    }),
  "The whole config: what no file has is gone afterwards."
)

const Revision = whole(1, Number.MAX_SAFE_INTEGER, "the number of a revision, from 1")

const insistence = {
  message: Schema.optionalKey(described(Schema.String, "Why, for the history.")),
  force: Schema.optionalKey(described(Schema.Boolean, "Also what a guard holds back."))
}

const confirmation = {
  dryRun: Schema.optionalKey(described(Schema.Boolean, "Everything but the doing.")),
  confirmWithinSeconds: Schema.optionalKey(
    described(
      whole(5, 86_400, "seconds from 5 to 86400"),
      "The change is taken back after so many seconds unless it is confirmed."
    )
  )
}

export const PlanBody = Schema.Struct({
  files: Schema.optionalKey(Files),
  rollbackTo: Schema.optionalKey(described(Revision, "What would a rollback to this revision do.")),
  ...insistence
})
  .check(
    Schema.makeFilter(
      ({ files, rollbackTo }) => (files === undefined) !== (rollbackTo === undefined) || "has not exactly one of both"
    )
  )
  .annotate({ identifier: "PlanBody", expected: "either files or rollbackTo" })

export const ApplyBody = Schema.Struct({ files: Files, ...insistence, ...confirmation }).annotate({
  identifier: "ApplyBody"
})

export const StageBody = Schema.Struct({
  files: Files,
  ...insistence,
  stepSeconds: Schema.optionalKey(
    described(whole(1, 86_400, "seconds from 1 to 86400"), "How long a step waits for its sessions; 60 where absent.")
  )
}).annotate({ identifier: "StageBody" })

export const RollbackBody = Schema.Struct({
  to: described(Revision, "The revision whose documents come back."),
  ...insistence,
  ...confirmation
}).annotate({ identifier: "RollbackBody" })

const Ref = Schema.Struct({
  apiVersion: filled("the apiVersion of a document"),
  kind: filled("its kind"),
  namespace: Schema.String,
  name: filled("its name")
})
const generation = {
  ifGeneration: Schema.optionalKey(
    described(whole(0, Number.MAX_SAFE_INTEGER, "a generation"), "It must still be this.")
  )
}

export const ChangeBody = Schema.Struct({
  change: Schema.Union([
    Schema.Struct({
      type: Schema.Literal("put"),
      object: described(Schema.Record(Schema.String, Schema.Unknown), "The document as it shall be, whole."),
      ifAbsent: Schema.optionalKey(described(Schema.Literals([true]), "It must not exist.")),
      ...generation
    }),
    Schema.Struct({ type: Schema.Literal("delete"), ref: Ref, ...generation }),
    Schema.Struct({ type: Schema.Literal("files"), files: Files }),
    Schema.Struct({ type: Schema.Literal("rollback"), to: Revision })
  ]).annotate({ expected: "a change: put, delete, files or rollback" }),
  ...insistence,
  ...confirmation
}).annotate({ identifier: "ChangeBody" })

/** Nothing; a struct without fields would take anything. */
export const ConfirmBody = Schema.Record(Schema.String, Schema.Unknown)
  .check(
    Schema.makeFilter((body) => {
      const [field] = Object.keys(body)
      return field === undefined || { path: [field], issue: "is not known here" }
    })
  )
  .annotate({ identifier: "ConfirmBody", expected: "{}" })

export const DrainBody = Schema.Struct({
  node: described(filled("the name of a node"), "Name of the node."),
  drain: described(Schema.Boolean, "true takes it out of service, false back in."),
  force: Schema.optionalKey(described(Schema.Boolean, "Also what no other node takes over."))
}).annotate({ identifier: "DrainBody" })

const Flag = Schema.Literals(["true", "false"]).annotate({ expected: "true or false" })

export const ReloadQuery = Schema.Struct({
  force: Schema.optionalKey(described(Flag, "Also what a guard holds back."))
})

export const ExplainQuery = Schema.Struct({
  type: Schema.optionalKey(
    described(
      Schema.Literals(["vip", "service", "peer", "floatingip", "node"]).annotate({
        expected: "vip, service, peer, floatingip or node"
      }),
      "What kind of thing; found out by the name where absent."
    )
  ),
  name: described(
    filled("an address or a name"),
    "An address, namespace/name of a service, a peer's address or name, a node's name."
  )
})

export const TraceQuery = Schema.Struct({
  session: Schema.optionalKey(described(filled("a session or a peer's address"), "Only this session, or this peer's.")),
  follow: Schema.optionalKey(described(Flag, "Go on with the messages to come."))
})
