// The reasons of events, documented: what happened, in one word that tools can select by. An event's message is for people and says
// the rest. `Warning` means that somebody may have to do something. Where a service logs the same thing in its own words
// already, the journal does not log it again.

interface ReasonEntry {
  readonly type: "Normal" | "Warning"
  /** What it means, for the documentation. */
  readonly means: string
  /** A service says it in the log. */
  readonly logged?: true
}

const logged = true as const

export const eventReasons = {
  Started: { type: "Normal", means: "the daemon of this node has started" },
  SessionEstablished: { type: "Normal", means: "a BGP session is up", logged },
  SessionLost: { type: "Warning", means: "a BGP session that was up is not any more", logged },
  SessionRefused: { type: "Warning", means: "a try to bring a BGP session up failed", logged },
  SessionEnded: { type: "Normal", means: "a BGP session is not wanted on this node any more" },
  AddressHeld: { type: "Normal", means: "this node holds an address that moves", logged },
  AddressHeldOver: { type: "Warning", means: "this node keeps an address without word from the store", logged },
  AddressLost: { type: "Warning", means: "an address that this node held is gone", logged },
  AddressMoved: { type: "Normal", means: "an address went to another node" },
  AddressConflict: { type: "Warning", means: "somebody else uses an address that this node is to hold", logged },
  AddressFailed: { type: "Warning", means: "the kernel refused an address, which is not announced", logged },
  NoNodeForAddress: { type: "Warning", means: "no node can hold an address", logged },
  AddressAllocated: { type: "Normal", means: "services got an address", logged },
  AddressReleased: { type: "Normal", means: "services have given an address back", logged },
  PoolExhausted: { type: "Warning", means: "a pool has no free address left" },
  ServiceRefused: { type: "Warning", means: "services have no address, or are not announced" },
  ServiceServed: { type: "Normal", means: "services that were refused have all that they need" },
  NextHopAdded: { type: "Normal", means: "a node takes the traffic of services" },
  NextHopRemoved: { type: "Warning", means: "a node takes the traffic of services no more" },
  ConfigAccepted: { type: "Normal", means: "another config is in force", logged },
  ConfigRefused: { type: "Warning", means: "a config was refused and nothing changed", logged },
  ConfigUnconfirmed: { type: "Warning", means: "a config is taken back unless somebody confirms it" },
  ConfigConfirmed: { type: "Normal", means: "a config that waited for it was confirmed", logged },
  ConfigRolledBack: { type: "Warning", means: "a config that nobody confirmed was taken back", logged },
  LocalEditOverruled: {
    type: "Warning",
    means: "the file of this node says something else than the store, which wins",
    logged
  },
  ConfigNote: { type: "Warning", means: "there is something to know about the config of this node", logged },
  RecoveryMode: { type: "Warning", means: "the file of this node wins, whatever the store says (--config-local)" },
  ConfigDiffers: { type: "Warning", means: "nodes of the cluster run different configs" },
  NodeJoined: { type: "Normal", means: "a node has come into the cluster" },
  NodeLeaving: { type: "Normal", means: "a node hands over what it has" },
  NodeLeft: { type: "Warning", means: "a node is not in the cluster any more" },
  NodeDrained: { type: "Normal", means: "a node was taken out of service" },
  NodeUnreachable: { type: "Warning", means: "a console cannot ask a node that it was told of" },
  NodeReturned: { type: "Normal", means: "a node that was drained is back in service" },
  LoginRefused: {
    type: "Warning",
    means: "somebody could not log in to the admin API; the log says from where",
    logged
  },
  WriteDenied: {
    type: "Warning",
    means: "somebody asked the admin API for what they may not do; the log says what",
    logged
  },
  StoreLost: { type: "Warning", means: "the cluster's store does not answer" },
  StoreBack: { type: "Normal", means: "the cluster's store answers again" },
  AllocatorConflict: { type: "Normal", means: "two nodes gave out addresses at once; one of them did it again" }
} as const satisfies Readonly<Record<string, ReasonEntry>>

export type EventReason = keyof typeof eventReasons

/** Whether a service logs it already. */
export const isLogged = (reason: EventReason): boolean => {
  const entry: ReasonEntry = eventReasons[reason]
  return entry.logged === true
}
