// Pod (v1): the speaker of each node whose daemon is alive, as people look for it (S7, S24): `bgpadvertiser-<node>`, ready when the
// sessions that are expected of it are up. There is one container, and its log is the daemon's. Nothing can be made or deleted: the
// node's service manager runs it.
import { Schema } from "effect"
import type { ConfigSnapshot } from "../config/objects.ts"
import { age } from "./age.ts"
import { Condition, condition } from "./condition.ts"
import { derivedMeta, groupVersion, type ResourceKind, type ResourceObject, SYSTEM_NAMESPACE } from "./kind.ts"
import { node } from "./node.ts"
import type { NodeStatus } from "./nodeStatus.ts"

const { Boolean: Flag, Int, String: Text, optionalKey, Struct } = Schema

const Spec = Struct({
  nodeName: Text,
  hostNetwork: Flag,
  containers: Schema.Array(Struct({ name: Text, image: Text }))
})

const Status = Struct({
  phase: Schema.Literal("Running"),
  message: optionalKey(Text),
  conditions: Schema.Array(Condition),
  hostIP: optionalKey(Text),
  podIP: optionalKey(Text),
  startTime: Text,
  containerStatuses: Schema.Array(
    Struct({
      name: Text,
      ready: Flag,
      started: Flag,
      restartCount: Int,
      image: Text,
      imageID: Text,
      state: Struct({ running: Struct({ startedAt: Text }) })
    })
  )
})

type Pod = ResourceObject<typeof Spec.Type, typeof Status.Type>

const CONTAINER = "bgpadvertiser"

/** What the speaker of a node is called. */
export const podName = (nodeName: string): string => `${CONTAINER}-${nodeName}`

const derive = (status: NodeStatus, config: ConfigSnapshot): ReadonlyArray<Pod> =>
  node.derive(status, config).flatMap(({ metadata, status: its }): ReadonlyArray<Pod> => {
    const { startTime, nodeInfo, sessions, addresses, conditions } = its
    if (startTime === undefined) return []
    const ready = sessions === undefined || sessions.established === sessions.expected
    const address = addresses.find(({ type }) => type === "InternalIP")?.address
    const message = conditions[0]?.message
    const meta = derivedMeta(pod, status, podName(metadata.name))
    const image = `viaduct:${nodeInfo.kubeletVersion}`
    return [
      {
        apiVersion: groupVersion(pod),
        kind: pod.kind,
        metadata: {
          ...meta,
          creationTimestamp: startTime,
          labels: { app: CONTAINER },
          // As of a pod that a node runs by itself: `kubectl drain` leaves it where it is.
          annotations: { "kubernetes.io/config.mirror": meta.uid }
        },
        spec: { nodeName: metadata.name, hostNetwork: true, containers: [{ name: CONTAINER, image }] },
        status: {
          phase: "Running",
          ...(message === undefined ? {} : { message }),
          conditions: [condition("Ready", ready, ready ? "SessionsUp" : "SessionsDown", message ?? "", startTime)],
          ...(address === undefined ? {} : { hostIP: address, podIP: address }),
          startTime,
          containerStatuses: [
            {
              name: CONTAINER,
              ready,
              started: true,
              restartCount: 0,
              image,
              imageID: image,
              state: { running: { startedAt: startTime } }
            }
          ]
        }
      }
    ]
  })

export const pod: ResourceKind<Pod> = {
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  singular: "pod",
  shortNames: ["po"],
  namespaced: true,
  namespace: SYSTEM_NAMESPACE,
  description: "The speaker of a node: ready when its sessions are up; its log is the daemon's",
  schema: Struct({ spec: Spec, status: Status }),
  fields: {
    "spec.nodeName": "The node that it runs on",
    "spec.hostNetwork": "Always true: it speaks with the node's own addresses",
    "status.phase": "Always Running: one that does not run is not listed",
    "status.message": "What is up, or what is missing",
    "status.conditions": "Ready: the sessions that are expected are up",
    "status.startTime": "When the daemon started"
  },
  selectableFields: ["spec.nodeName", "status.phase"],
  columns: [
    {
      name: "Name",
      type: "string",
      format: "name",
      description: "bgpadvertiser and the name of the node",
      cell: ({ metadata }) => metadata.name
    },
    {
      name: "Ready",
      type: "string",
      description: "Whether the sessions that are expected are up",
      cell: ({ status }) => `${status.containerStatuses.filter(({ ready }) => ready).length}/1`
    },
    { name: "Status", type: "string", description: "Whether it runs", cell: ({ status }) => status.phase },
    {
      name: "Restarts",
      type: "integer",
      description: "Not counted: the node's service manager knows",
      cell: ({ status }) => status.containerStatuses[0]?.restartCount ?? 0
    },
    {
      name: "Age",
      type: "string",
      description: "How long ago the daemon started",
      cell: ({ status }, now) => age(status.startTime, now)
    },
    {
      name: "IP",
      type: "string",
      description: "Address of the node",
      wide: true,
      cell: ({ status }) => status.podIP ?? null
    },
    { name: "Node", type: "string", description: "The node", wide: true, cell: ({ spec }) => spec.nodeName },
    {
      name: "Message",
      type: "string",
      description: "What is up, or what is missing",
      wide: true,
      cell: ({ status }) => status.message ?? null
    }
  ],
  derive,
  content: ({ spec, status }) => ({ spec, status })
}
