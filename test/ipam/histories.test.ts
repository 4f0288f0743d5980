// Random histories of services, pools, restarts and allocators that race: what must hold after every step, checked by brute
// force and not with the allocator's own means. I4, S14, S15.
import { expect, test } from "bun:test"
import fc from "fast-check"
import { type Allocation, type AllocationInput, allocate } from "../../src/ipam/allocate.ts"
import {
  type AddressPool,
  type Binding,
  type RestingAddress,
  type ServiceRequest,
  serviceKey
} from "../../src/ipam/types.ts"
import { type Address, addressFromBigInt, addressToBigInt, type Family, familyOf } from "../../src/net/ip.ts"
import { addr, NOW, pool, REST_MS, service } from "./world.ts"

const NAMES = ["a", "b", "c", "d", "e", "f"]
const NAMESPACES = ["one", "two"]
const REQUESTS = ["10.0.0.1", "10.0.0.3", "10.0.1.0", "10.9.9.9", "2001:db8::2"].map(addr)

const services: fc.Arbitrary<ServiceRequest> = fc
  .record({
    key: fc.tuple(fc.constantFrom(...NAMESPACES), fc.constantFrom(...NAMES)),
    labels: fc.constantFrom<Record<string, string>>({}, { tier: "gold" }),
    ports: fc.subarray([80, 443, 53], { minLength: 1 }),
    requested: fc.option(fc.constantFrom(...REQUESTS), { nil: undefined, freq: 3 }),
    pool: fc.option(fc.constantFrom("p", "q", "m"), { nil: undefined, freq: 3 }),
    families: fc.constantFrom<ReadonlyArray<Family>>([], [], ["ipv4"], ["ipv6"], ["ipv6", "ipv4"]),
    familyPolicy: fc.constantFrom("SingleStack", "PreferDualStack", "RequireDualStack"),
    sharingKey: fc.option(fc.constantFrom("k", "l"), { nil: undefined }),
    externalTrafficPolicy: fc.constantFrom("Cluster", "Cluster", "Local")
  })
  .map(({ key: [namespace, name], ports, requested, pool: wanted, families, familyPolicy, sharingKey, ...rest }) =>
    service(`${namespace}/${name}`, {
      ...rest,
      namespaceLabels: { team: namespace },
      ports: ports.map((port) => ({ protocol: "TCP", port }) as const),
      addresses: requested === undefined ? [] : [requested],
      ...(wanted === undefined ? {} : { pool: wanted }),
      families: familyPolicy === "SingleStack" ? families.slice(0, 1) : families,
      familyPolicy,
      ...(sharingKey === undefined ? {} : { sharingKey })
    })
  )

const POOLS: ReadonlyArray<ReadonlyArray<AddressPool>> = [
  [
    pool("p", ["10.0.0.1-10.0.0.4", "2001:db8::1-2001:db8::3"]),
    pool("q", ["10.0.1.0-10.0.1.2"], { avoidBuggyIps: true })
  ],
  [pool("p", ["10.0.0.3-10.0.0.6"]), pool("q", ["10.0.1.0-10.0.1.2", "2001:db8::1-2001:db8::9"], { priority: 1 })],
  [
    pool("q", ["10.0.0.1-10.0.0.2"], { namespaces: ["one"] }),
    pool("m", ["10.0.2.1-10.0.2.2", "2001:db8:2::1"], { manualAssign: true }),
    pool("p", ["10.0.0.3-10.0.0.9", "2001:db8::1-2001:db8::1"], {
      serviceSelector: { matchLabels: { tier: "gold" } },
      namespaceSelector: { matchExpressions: [{ key: "team", operator: "Exists" }] }
    })
  ],
  []
]

type Step =
  | { readonly do: "put"; readonly services: ReadonlyArray<ServiceRequest> }
  | { readonly do: "delete"; readonly which: number }
  | { readonly do: "pools"; readonly which: number; readonly force: boolean }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "look"; readonly who: number }
  | { readonly do: "commit"; readonly who: number }

const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .array(services, { minLength: 1, maxLength: 4 })
        .map((list) => ({ do: "put", services: list }) as const)
    },
    { weight: 2, arbitrary: fc.nat(20).map((which) => ({ do: "delete", which }) as const) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("pools" as const),
        which: fc.nat(POOLS.length - 1),
        force: fc.boolean()
      })
    },
    { weight: 2, arbitrary: fc.constantFrom(1, REST_MS / 2, REST_MS).map((ms) => ({ do: "wait", ms }) as const) },
    { weight: 3, arbitrary: fc.nat(1).map((who) => ({ do: "look", who }) as const) },
    { weight: 6, arbitrary: fc.nat(1).map((who) => ({ do: "commit", who }) as const) }
  ),
  { minLength: 5, maxLength: 40 }
)

interface Store {
  readonly bindings: ReadonlyArray<Binding>
  readonly resting: ReadonlyArray<RestingAddress>
}

// What follows knows pools and selectors by the text of the specification only.

const addressesOf = (one: AddressPool): ReadonlyArray<Address> =>
  one.ranges.flatMap(({ first, last }) => {
    const all: Array<Address> = []
    for (let n = addressToBigInt(first); n <= addressToBigInt(last); n++)
      all.push(addressFromBigInt(n, familyOf(first)))
    return all
  })

const holderOf = (pools: ReadonlyArray<AddressPool>, address: Address): AddressPool | undefined =>
  pools.find((one) => addressesOf(one).includes(address))

const open = (one: AddressPool, request: ServiceRequest): boolean => {
  const restricted = one.namespaces !== undefined || one.namespaceSelector !== undefined
  const byNamespace =
    !restricted || one.namespaces?.includes(request.namespace) === true || one.namespaceSelector !== undefined
  return byNamespace && (one.serviceSelector === undefined || request.labels.tier === "gold")
}

const buggy = (one: AddressPool, address: Address): boolean => one.avoidBuggyIps && /\.(0|255)$/.test(address)

const heldIn = (store: Store, key: string): ReadonlyArray<Binding> =>
  store.bindings.filter(({ owners }) => owners.some((owner) => owner.service === key))

const requestOf = (input: AllocationInput, key: string): ServiceRequest => {
  const found = input.services.find((one) => serviceKey(one) === key)
  if (found === undefined) throw new Error(`${key} has an address and does not exist`)
  return found
}

/** Never two owners but where both asked for it, one address of a family each. */
const checkOwners = (input: AllocationInput, out: Store): void => {
  expect(new Set(out.bindings.map(({ address }) => address)).size).toBe(out.bindings.length)
  const seen = new Set<string>()
  for (const { address, owners } of out.bindings) {
    expect(owners.length).toBeGreaterThan(0)
    const requests = owners.map((owner) => requestOf(input, owner.service))
    const ports = requests.flatMap((request) => request.ports.map((port) => `${port.protocol} ${port.port}`))
    if (owners.length > 1) {
      expect(new Set(requests.map((request) => request.sharingKey ?? `none of ${serviceKey(request)}`)).size).toBe(1)
      expect(new Set(ports).size).toBe(ports.length)
      expect(requests.map((request) => request.externalTrafficPolicy)).not.toContain("Local")
    }
    for (const owner of owners) {
      const slot = `${owner.service} ${familyOf(address)}`
      expect(seen.has(slot)).toBe(false)
      seen.add(slot)
      expect(owner.sharingKey).toBe(requestOf(input, owner.service).sharingKey as string)
    }
  }
}

/** A service that asks for what it asked for keeps what it has, unless it waits for something else or is forced. */
const checkNothingNeedless = (
  input: AllocationInput,
  before: ReadonlyMap<string, ServiceRequest>,
  out: Store
): void => {
  for (const binding of input.bindings) {
    for (const { service: key } of binding.owners) {
      const request = input.services.find((one) => serviceKey(one) === key)
      if (request === undefined || JSON.stringify(request) !== JSON.stringify(before.get(key))) continue
      const { address } = binding
      const asked = request.addresses.find((other) => familyOf(other) === familyOf(address))
      if (asked !== undefined && asked !== address) continue
      const holder = holderOf(input.pools, address)
      if (
        asked === undefined &&
        request.pool !== undefined &&
        request.pool !== holder?.name &&
        request.pool !== binding.pool
      )
        continue
      if (asked === undefined && binding.pool === "" && holder === undefined) continue
      const allowed =
        asked === address
          ? holder === undefined || open(holder, request)
          : holder !== undefined && open(holder, request) && (request.pool ?? holder.name) === holder.name
      if (input.force === true && !allowed) continue
      expect({ key, held: heldIn(out, key).map((one) => one.address) }).toEqual({
        key,
        held: expect.arrayContaining([address]) as unknown as Array<Address>
      })
    }
  }
}

/** What is given newly is in a pool that the service may use, or asked for, and rests for nobody else. */
const checkGiven = (input: AllocationInput, out: Allocation): void => {
  for (const { kind, service: key, address } of out.changes) {
    if (kind !== "bind" && kind !== "share") continue
    const request = requestOf(input, key)
    const holder = holderOf(input.pools, address)
    if (holder !== undefined) expect(open(holder, request)).toBe(true)
    if (holder !== undefined && request.pool !== undefined) expect(holder.name).toBe(request.pool)
    if (!request.addresses.includes(address)) {
      expect(holder).toBeDefined()
      if (holder !== undefined) {
        const asked = request.addresses.some((other) => holderOf(input.pools, other) === holder)
        expect(holder.manualAssign && request.pool !== holder.name && !asked).toBe(false)
        if (kind === "bind") expect(buggy(holder, address)).toBe(false)
      }
    }
    const rest = input.resting.find((one) => one.address === address && one.until > input.nowMs)
    expect([undefined, key]).toContain(rest?.service)
  }
  for (const { kind, service: key, address } of out.changes) {
    if (kind !== "unbind") continue
    const again = out.bindings.some((binding) => binding.address === address)
    const rest = out.resting.find((one) => one.address === address)
    if (!again) expect(rest).toEqual({ address, service: key, until: input.nowMs + input.restMs })
  }
  const bound = new Set(out.bindings.map(({ address }) => address))
  for (const rest of input.resting)
    if (rest.until > input.nowMs && !bound.has(rest.address)) expect(out.resting).toContainEqual(rest)
}

/** Whoever has nothing could have nothing, and everybody who lacks something is told why. */
const checkWhoHasNothing = (input: AllocationInput, out: Allocation): void => {
  const taken = new Set([...out.bindings, ...out.resting].map(({ address }) => address))
  expect([...out.statuses.keys()].sort()).toEqual(input.services.map(serviceKey).sort())
  for (const request of input.services) {
    const status = out.statuses.get(serviceKey(request))
    expect(status?.addresses.toSorted() as unknown).toEqual(
      heldIn(out, serviceKey(request))
        .map(({ address }) => address)
        .sort()
    )
    if ((status?.addresses.length ?? 0) > 0) continue
    expect(status?.reason ?? "").toMatch(/\w/)
    if (request.familyPolicy === "RequireDualStack" || request.addresses.length > 0) continue
    const family = request.families[0] ?? input.serviceFamilies[0] ?? "ipv4"
    const could = input.pools
      .filter(
        (one) => open(one, request) && (request.pool === undefined ? !one.manualAssign : one.name === request.pool)
      )
      .flatMap((one) => addressesOf(one).filter((address) => !buggy(one, address)))
    if (request.families.length > 0 || input.serviceFamilies.length > 0)
      expect(could.filter((address) => familyOf(address) === family && !taken.has(address))).toEqual([])
  }
}

/** A free address that was found has no free one before it in its pool. */
const checkLowest = (input: AllocationInput, out: Allocation): void => {
  const taken = new Set([...out.bindings, ...out.resting].map(({ address }) => address))
  for (const { kind, address, reason } of out.changes) {
    const holder = holderOf(input.pools, address)
    if (kind !== "bind" || holder === undefined || !reason.startsWith("the lowest free")) continue
    const all = addressesOf(holder).filter((other) => familyOf(other) === familyOf(address))
    const earlier = all.slice(0, all.indexOf(address)).filter((other) => !buggy(holder, other))
    expect(earlier.filter((other) => !taken.has(other))).toEqual([])
  }
}

const shuffled = <T>(items: ReadonlyArray<T>): ReadonlyArray<T> => {
  const half = items.length >>> 1
  return [...items.slice(half).toReversed(), ...items.slice(0, half)]
}

const checkStable = (input: AllocationInput, out: Allocation): void => {
  const again = allocate({ ...input, bindings: out.bindings, resting: out.resting })
  expect(again.changes).toEqual([])
  expect([again.bindings, again.resting]).toEqual([out.bindings, out.resting])
  expect(again.statuses).toEqual(out.statuses)
  const { services: list, bindings, resting } = input
  const other = allocate({
    ...input,
    services: shuffled(list),
    bindings: shuffled(bindings),
    resting: shuffled(resting)
  })
  expect({ ...other, examined: 0 }).toEqual({ ...out, examined: 0 })
}

/** Plays `history` with two allocators that store what they worked out only where nobody was faster. */
const play = (history: ReadonlyArray<Step>, serviceFamilies: ReadonlyArray<Family>): void => {
  let store: Store & { readonly revision: number } = { bindings: [], resting: [], revision: 0 }
  let documents = new Map<string, ServiceRequest>()
  // What the services asked for when the store was last written.
  let settled = new Map<string, ServiceRequest>()
  let pools = POOLS[0] ?? []
  let force = false
  let nowMs = NOW
  const views = [store, store]
  for (const step of history) {
    if (step.do === "put")
      documents = new Map([...documents, ...step.services.map((one) => [serviceKey(one), one] as const)])
    if (step.do === "delete") {
      const keys = [...documents.keys()]
      documents.delete(keys[step.which % Math.max(1, keys.length)] ?? "")
      documents = new Map(documents)
    }
    if (step.do === "pools") {
      pools = POOLS[step.which] ?? []
      force = step.force
    }
    if (step.do === "wait") nowMs += step.ms
    if (step.do === "look") views[step.who] = store
    if (step.do !== "commit") continue
    const view = views[step.who] ?? store
    const input: AllocationInput = {
      pools,
      services: [...documents.values()],
      bindings: view.bindings,
      resting: view.resting,
      nowMs,
      restMs: REST_MS,
      serviceFamilies,
      force
    }
    const out = allocate(input)
    if (view.revision !== store.revision) continue
    const current = { ...input, bindings: store.bindings, resting: store.resting }
    checkOwners(current, out)
    checkNothingNeedless(current, settled, out)
    checkGiven(current, out)
    checkWhoHasNothing(current, out)
    checkLowest(current, out)
    checkStable(current, out)
    store = { bindings: out.bindings, resting: out.resting, revision: store.revision + 1 }
    views[step.who] = store
    settled = documents
  }
}

test("property: over random histories nobody loses, shares or gets what they should not (I4)", () => {
  const families = fc.constantFrom<ReadonlyArray<Family>>(["ipv4"], ["ipv4", "ipv6"], ["ipv6", "ipv4"], [])
  fc.assert(
    fc.property(steps, families, (history, serviceFamilies) => play(history, serviceFamilies)),
    { numRuns: 600, seed: 4 }
  )
}, 60_000)
