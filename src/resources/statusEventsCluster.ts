// The part of statusEvents.ts about the cluster around a node: its config, its nodes, its store.
import type { EventDraft } from "./eventLog.ts"
import type { EventReason } from "./eventReasons.ts"
import type { MemberStatus, NodeStatus } from "./nodeStatus.ts"

type Around = Pick<NodeStatus, "node" | "config" | "members" | "store">
type About = EventDraft["about"]

/** What the config's store has to say beside what is in force: as a rule that the local file says something else (S20). */
const noteEvents = (
  was: Around["config"],
  { mode, note }: Around["config"]
): ReadonlyArray<readonly [EventReason, string]> => {
  if (note === undefined || note === was.note || mode === "local") return []
  return [[note.startsWith("the file ") ? "LocalEditOverruled" : "ConfigNote", note]]
}

const configEvents = ({ config: was }: Around, { config: is }: Around, about: About): ReadonlyArray<EventDraft> => {
  const draft = (reason: EventReason, message: string): EventDraft => ({ reason, message, about })
  const another = is.hash !== was.hash && is.hash !== ""
  const waited = was.unconfirmed !== undefined && is.unconfirmed?.until !== was.unconfirmed.until
  const of = is.revision === 0 ? "" : `, revision ${is.revision}`
  return [
    // Confirmed, a revision keeps its number; taken back, an older one comes again under a new number.
    ...(waited && is.revision !== was.revision && is.unconfirmed === undefined
      ? [
          draft(
            "ConfigRolledBack",
            `nobody confirmed revision ${was.revision} in time: revision ${was.unconfirmed?.rollbackTo} is in force again`
          )
        ]
      : []),
    ...(another ? [draft("ConfigAccepted", `config ${is.hash}${of} from ${is.source} is in force`)] : []),
    ...(waited && is.revision === was.revision ? [draft("ConfigConfirmed", `revision ${is.revision} stays`)] : []),
    ...(is.unconfirmed !== undefined && is.unconfirmed.until !== was.unconfirmed?.until
      ? [
          draft(
            "ConfigUnconfirmed",
            `revision ${is.revision} goes back to ${is.unconfirmed.rollbackTo} at ${is.unconfirmed.until} unless it is confirmed`
          )
        ]
      : []),
    ...(is.lastError !== undefined && is.lastError !== was.lastError ? [draft("ConfigRefused", is.lastError)] : []),
    ...(is.mode === "local" && was.mode !== "local"
      ? [draft("RecoveryMode", is.note ?? "the file of this node wins, whatever the store says")]
      : []),
    ...noteEvents(was, is).map(([reason, message]) => draft(reason, message))
  ]
}

const nodeAbout = (name: string): About => ({ apiVersion: "v1", kind: "Node", namespace: "", name })

const memberNews = (before: MemberStatus | undefined, after: MemberStatus): ReadonlyArray<EventDraft> => {
  const about = nodeAbout(after.name)
  const draft = (reason: EventReason, message: string): EventDraft => ({ reason, message, about })
  const again = before !== undefined && before.startedAt !== after.startedAt
  return [
    ...(before === undefined
      ? [draft("NodeJoined", `node ${after.name} (${after.address}) is in the cluster, viaduct ${after.version}`)]
      : []),
    ...(again ? [draft("NodeJoined", `node ${after.name} (${after.address}) was started again`)] : []),
    ...(after.leaving && before?.leaving !== true
      ? [draft("NodeLeaving", `node ${after.name} is on its way out`)]
      : []),
    ...(after.drained && before?.drained !== true
      ? [draft("NodeDrained", `node ${after.name} is drained: no next hop and no floating IP`)]
      : []),
    ...(!after.drained && before?.drained === true
      ? [draft("NodeReturned", `node ${after.name} is not drained any more`)]
      : [])
  ]
}

/** Configs that nodes run, by hash, where there is more than one. */
const configsOf = (members: ReadonlyArray<MemberStatus>): string | undefined => {
  const byHash = Map.groupBy(members, ({ configHash }) => configHash)
  if (byHash.size < 2) return undefined
  return [...byHash]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([hash, nodes]) => `${hash} on ${nodes.map(({ name }) => name).join(", ")}`)
    .join("; ")
}

const memberEvents = (before: Around, after: Around, about: About): ReadonlyArray<EventDraft> => {
  if (before.members === after.members) return []
  const was = new Map(before.members.map((member) => [member.name, member]))
  const is = new Set(after.members.map(({ name }) => name))
  const gone = before.members.filter(({ name }) => !is.has(name) && name !== after.node)
  const configs = configsOf(after.members)
  const differ = configs !== undefined && configs !== configsOf(before.members)
  return [
    ...gone.map(
      ({ name, leaving }): EventDraft => ({
        reason: "NodeLeft",
        message: leaving
          ? `node ${name} has left in order`
          : `node ${name} is gone: its daemon is down, or it cannot reach the store`,
        about: nodeAbout(name)
      })
    ),
    ...after.members
      .filter(({ name }) => was.size > 0 || name === after.node)
      .flatMap((member) => memberNews(was.get(member.name), member)),
    ...(differ ? [{ reason: "ConfigDiffers" as const, message: `nodes run different configs: ${configs}`, about }] : [])
  ]
}

const storeEvents = ({ store: was, members }: Around, { store: is, node }: Around): ReadonlyArray<EventDraft> => {
  if (is === undefined || was === undefined) return []
  // A store that has not been heard of yet counts as lost from the start; it is news once there is a reason for it.
  const found = is.state === "lost" && was.reason === undefined && is.reason !== undefined
  if (is.state === was.state && !found) return []
  const about = nodeAbout(node)
  // Heard for the first time: it was never lost.
  if (is.state === "connected" && members.length === 0 && was.reason === undefined) return []
  if (is.state === "connected") return [{ reason: "StoreBack", message: `${is.name} answers`, about }]
  const why = is.reason === undefined ? "" : `: ${is.reason}`
  return [{ reason: "StoreLost", message: `no word from ${is.name}${why}; what is announced stays`, about }]
}

/** `about` is the cluster. */
export const clusterEvents = (before: Around, after: Around, about: About): ReadonlyArray<EventDraft> => [
  ...configEvents(before, after, about),
  ...memberEvents(before, after, about),
  ...storeEvents(before, after)
]
