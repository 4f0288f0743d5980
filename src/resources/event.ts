// Event (v1): what happened on this node, in the form that `kubectl get events` and `kubectl describe` read: about which object,
// why, how often, when first and last. An event lives in the namespace of what it is about; one about something of the whole
// cluster in `default`. Newest last, as the journal has them.
import { Schema } from "effect"
import type { ConfigSnapshot } from "../config/objects.ts"
import { age } from "./age.ts"
import { type ApiObject, derivedUid, groupVersion, objectTime, type ResourceKind } from "./kind.ts"
import type { EventRecord, NodeStatus } from "./nodeStatus.ts"

const { Int, String: Text, optionalKey } = Schema

const About = Schema.Struct({
  kind: Text,
  namespace: optionalKey(Text),
  name: Text,
  uid: Text,
  apiVersion: Text
})

const Body = Schema.Struct({
  involvedObject: About,
  reason: Text,
  message: Text,
  type: Schema.Literals(["Normal", "Warning"]),
  count: Int,
  firstTimestamp: Text,
  lastTimestamp: Text,
  source: Schema.Struct({ component: Text, host: Text }),
  reportingComponent: Text,
  reportingInstance: Text
})

type Event = ApiObject & typeof Body.Type

/** What an event is about, by the namespace and identity that the object has: a document's own, or those that this node gives to it. */
const aboutOf = ({ about }: EventRecord, status: NodeStatus, { objects }: ConfigSnapshot): typeof About.Type => {
  const document = objects.find(
    ({ apiVersion, kind, metadata }) =>
      apiVersion === about.apiVersion &&
      kind === about.kind &&
      metadata.name === about.name &&
      // There is one Cluster, wherever its document is.
      (kind === "Cluster" || metadata.namespace === about.namespace)
  )
  const namespace = document?.metadata.namespace ?? about.namespace
  const inside = namespace === "" ? undefined : namespace
  // Clients look for the events of a Node by its name.
  const own = about.kind === "Node" ? about.name : derivedUid(status, about.kind, inside, about.name)
  return {
    kind: about.kind,
    ...(inside === undefined ? {} : { namespace: inside }),
    name: about.name,
    uid: document?.metadata.uid ?? own,
    apiVersion: about.apiVersion
  }
}

/** A name may hold neither slashes nor blanks. */
const nameOf = ({ about, uid }: EventRecord): string => `${about.name}.${uid}`.replace(/[/\s]/g, "-")

const derive = (status: NodeStatus, config: ConfigSnapshot): ReadonlyArray<Event> =>
  status.events.map((record) => {
    const { type, reason, message, count, firstAt, lastAt } = record
    const about = aboutOf(record, status, config)
    return {
      apiVersion: groupVersion(event),
      kind: event.kind,
      metadata: {
        name: nameOf(record),
        namespace: about.namespace ?? "default",
        uid: record.uid,
        creationTimestamp: objectTime(firstAt)
      },
      involvedObject: about,
      reason,
      message,
      type,
      count,
      firstTimestamp: objectTime(firstAt),
      lastTimestamp: objectTime(lastAt),
      source: { component: "viaduct", host: status.node },
      reportingComponent: "viaduct",
      reportingInstance: status.node
    }
  })

export const event: ResourceKind<Event> = {
  group: "",
  version: "v1",
  kind: "Event",
  plural: "events",
  singular: "event",
  shortNames: ["ev"],
  namespaced: true,
  description: "Something that happened, with how often and when last",
  schema: Body,
  fields: {
    involvedObject: "What it is about",
    reason: "Why, as one word",
    message: "What happened, as a sentence",
    type: "Normal, or Warning where somebody should look",
    count: "How often",
    firstTimestamp: "When first",
    lastTimestamp: "When last",
    source: "Who says so"
  },
  selectableFields: [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "reason",
    "type"
  ],
  columns: [
    {
      name: "Last Seen",
      type: "string",
      description: "How long ago it happened last",
      cell: ({ lastTimestamp }, now) => age(lastTimestamp, now)
    },
    { name: "Type", type: "string", description: "Normal or Warning", cell: ({ type }) => type },
    { name: "Reason", type: "string", description: "Why, as one word", cell: ({ reason }) => reason },
    {
      name: "Object",
      type: "string",
      description: "What it is about",
      cell: ({ involvedObject: { kind, name } }) => `${kind.toLowerCase()}/${name}`
    },
    { name: "Message", type: "string", description: "What happened", cell: ({ message }) => message },
    { name: "Count", type: "integer", description: "How often", wide: true, cell: ({ count }) => count },
    {
      name: "First Seen",
      type: "string",
      description: "How long ago it happened first",
      wide: true,
      cell: ({ firstTimestamp }, now) => age(firstTimestamp, now)
    },
    {
      name: "Name",
      type: "string",
      format: "name",
      description: "Name of the event",
      wide: true,
      cell: ({ metadata }) => metadata.name
    }
  ],
  derive,
  content: ({ metadata, ...body }) => body
}
