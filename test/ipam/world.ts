// Pools, services and bindings in few words, for the tests of the allocation.
import type { Allocation, AllocationInput } from "../../src/ipam/allocate.ts"
import { allocate } from "../../src/ipam/allocate.ts"
import type { AddressPool, ServiceRequest } from "../../src/ipam/types.ts"
import type { Address } from "../../src/net/ip.ts"

export const addr = (text: string): Address => text as Address

/** `ranges` as "first-last", or one address. */
export const pool = (name: string, ranges: ReadonlyArray<string>, rest: Partial<AddressPool> = {}): AddressPool => ({
  name,
  ranges: ranges.map((range) => {
    const [first = "", last = first] = range.split("-")
    return { first: addr(first), last: addr(last) }
  }),
  avoidBuggyIps: false,
  manualAssign: false,
  ...rest
})

/** `key` is `<namespace>/<name>` or a name in the namespace default. */
export const service = (key: string, rest: Partial<ServiceRequest> = {}): ServiceRequest => {
  const [name = "", namespace = "default"] = key.split("/").reverse()
  return {
    namespace,
    name,
    labels: {},
    namespaceLabels: {},
    ports: [{ protocol: "TCP", port: 80 }],
    addresses: [],
    families: [],
    familyPolicy: "SingleStack",
    externalTrafficPolicy: "Cluster",
    ...rest
  }
}

export const NOW = Date.UTC(2026, 0, 1)
export const REST_MS = 60_000

export const start: AllocationInput = {
  pools: [],
  services: [],
  bindings: [],
  resting: [],
  nowMs: NOW,
  restMs: REST_MS,
  serviceFamilies: ["ipv4"]
}

/** The input of the next allocation after `before` has been stored. */
export const next = (before: AllocationInput, change: Partial<AllocationInput> = {}): AllocationInput => {
  const { bindings, resting } = allocate(before)
  return { ...before, bindings, resting, ...change }
}

/** Addresses by service, as one line each: "default/a 10.0.0.1". */
export const shown = (allocation: Allocation): ReadonlyArray<string> =>
  [...allocation.statuses].map(([key, { addresses, reason }]) =>
    [key, ...addresses, ...(reason === undefined ? [] : [`(${reason})`])].join(" ")
  )

export const changesOf = (allocation: Allocation): ReadonlyArray<string> =>
  allocation.changes.map(({ kind, service: key, address, reason }) => `${kind} ${address} ${key}: ${reason}`)
