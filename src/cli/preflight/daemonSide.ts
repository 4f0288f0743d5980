// A daemon at the service of a preflight: what it holds itself is told, and left alone.
import { Effect, Layer } from "effect"
import type { NodeSource } from "../../api/source.ts"
import type { Facts } from "../../preflight/protocol.ts"
import type { NodeStatus } from "../../resources/nodeStatus.ts"
import { PreflightHost } from "../../services/PreflightHost.ts"
import { version } from "../../version.ts"
import { preflightNode } from "./preflightNode.ts"

const addressOf = (prefix: string): string => prefix.slice(0, prefix.indexOf("/"))

/** Its sessions, and every address that it or the cluster has, announces or moves. */
const liveOf = ({ sessions, addresses, floatingIps, services }: NodeStatus): NonNullable<Facts["live"]> => ({
  sessions: sessions.map(({ name, localAddress, peerAddress, state, reason, advertised, notes = [] }) => ({
    ...{ name, localAddress, peerAddress, state, advertised: advertised.length, notes },
    ...(reason === undefined ? {} : { reason })
  })),
  reserved: [
    ...new Set([
      ...addresses.map(({ address }) => address),
      ...floatingIps.map(({ address }) => address),
      ...services.flatMap((service) => service.addresses),
      ...sessions.flatMap((session) => session.advertised.map(({ prefix }) => addressOf(prefix)))
    ])
  ]
})

/** The preflight's side of the daemon over `source`, while the scope lives. */
export const daemonPreflight = Effect.fnUntraced(function* (source: NodeSource) {
  const live = Effect.map(
    Effect.promise(() => source.status()),
    liveOf
  )
  const context = yield* Layer.build(PreflightHost.layer({ version, live }))
  return yield* Effect.provideContext(preflightNode, context)
})
