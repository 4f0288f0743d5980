// The shapes of the API's answers that commands rely on. What is printed as
// JSON or YAML is the answer as it came; only what a command looks into is
// decoded.
import { Schema } from "effect"

const Texts = Schema.Record(Schema.String, Schema.String)

/** An object of any kind. */
export const AnyObject = Schema.Struct({
  apiVersion: Schema.String,
  kind: Schema.String,
  metadata: Schema.Struct({
    name: Schema.String,
    namespace: Schema.optionalKey(Schema.String),
    uid: Schema.String,
    resourceVersion: Schema.optionalKey(Schema.String),
    creationTimestamp: Schema.String,
    labels: Schema.optionalKey(Texts),
    annotations: Schema.optionalKey(Texts)
  })
})

export const ObjectList = Schema.Struct({
  metadata: Schema.Struct({ resourceVersion: Schema.String }),
  items: Schema.Array(Schema.Unknown)
})

export const Table = Schema.Struct({
  kind: Schema.Literal("Table"),
  metadata: Schema.Struct({ resourceVersion: Schema.optionalKey(Schema.String) }),
  columnDefinitions: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      type: Schema.String,
      format: Schema.String,
      description: Schema.String,
      priority: Schema.Finite
    })
  ),
  rows: Schema.Array(
    Schema.Struct({
      cells: Schema.Array(Schema.Union([Schema.String, Schema.Finite, Schema.Boolean, Schema.Null])),
      object: Schema.Struct({ metadata: Schema.Struct({ namespace: Schema.optionalKey(Schema.String) }) })
    })
  )
})

export const WatchEvent = Schema.Struct({ type: Schema.String, object: Schema.Unknown })

/** The object of an ERROR event. */
export const WatchError = Schema.Struct({ message: Schema.String })
