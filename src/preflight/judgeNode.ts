// What the facts of the nodes say before anything is tried: who answers, with which rights and which clock, whether a node is the machine
// that the file means, and what two of them must not have in common.
import { type Address, addressBits, familyOf } from "../net/ip.ts"
import type { DesiredCluster } from "../plan/desired.ts"
import {
  NOT_UNIQUE,
  type NodeAnswer,
  type PreflightNodeState,
  type ReachedNode,
  segmentsOf,
  sourceOf
} from "./nodes.ts"
import { type Finding, failed, ok, warning } from "./types.ts"

const RIGHTS = ["NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE"]
const AGENT =
  'where nothing runs there: start "viaduct agent --listen ADDRESS:PORT --token-file FILE" on the node, or "viaduct run"'

const TOKENS =
  "an agent knows the first line of the file that it was started with (viaduct agent --token-file), " +
  'a daemon the tokens of its node ("viaduct token add NAME --role write" there makes one)'

const refusedFinding = (url: string, { why, reason }: Extract<NodeAnswer, { readonly type: "refused" }>): Finding => {
  switch (why) {
    case "token":
      return failed(`the token is refused by ${url}: ${reason}`, `name a file with another by --token-file: ${TOKENS}`)
    case "no-token":
      return failed(`${url} asks for a token, and none was given`, `name a file with one by --token-file: ${TOKENS}`)
    case "other":
      return failed(`${url} answers, and refuses this command: ${reason}`)
  }
}

const list = (items: ReadonlyArray<string>): string => items.join(", ")

const machineFindings = ({ node, facts }: ReachedNode, url: string): ReadonlyArray<Finding> => {
  const own = facts.addresses.find(({ address }) => address === node.address)
  if (own === undefined) {
    const has = facts.addresses.filter(
      (one) => one.prefixLength < addressBits(familyOf(one.address)) && !NOT_UNIQUE.test(one.address)
    )
    return [
      failed(
        `${url} is ${facts.hostname}, which has no address ${node.address}; it has ${list(has.map((one) => one.address))}`,
        "correct the node's address in the cluster file, or ask the right machine with --nodes"
      )
    ]
  }
  const up = facts.interfaces.find(({ name }) => name === own.interface)?.up
  return up === false ? [failed(`interface ${own.interface} with ${node.address} is down`)] : []
}

const rightsFindings = ({ facts }: ReachedNode): ReadonlyArray<Finding> => {
  const missing = RIGHTS.filter((right) => !facts.rights.includes(right))
  if (missing.length === 0) return []
  const hint = "run it as root, or with these capabilities (the systemd unit in deploy/ has them)"
  return [failed(`the ${facts.kind} has no ${list(missing.map((right) => `CAP_${right}`))}`, hint)]
}

const supportFindings = (cluster: DesiredCluster, { facts }: ReachedNode): ReadonlyArray<Finding> => {
  const peers = [...cluster.loadBalancer.controlPlanePeers, ...cluster.servicePeers]
  const md5 = peers.some(({ passwordFile }) => passwordFile !== undefined)
  const findings: Array<Finding> = []
  if (md5 && !facts.support.includes("tcp-md5"))
    findings.push(failed("the kernel cannot sign TCP (CONFIG_TCP_MD5SIG), and a peer has a passwordFile"))
  const { controlPlaneVips } = cluster.loadBalancer
  const ipv6 = [...controlPlaneVips, ...cluster.floatingIps].find((address) => familyOf(address) === "ipv6")
  if (ipv6 !== undefined && !facts.support.includes("ipv6"))
    findings.push(failed(`the kernel has no IPv6, and the file has ${ipv6}`))
  return findings
}

const anyAddress = (address: string): boolean => address === "0.0.0.0" || address === "::"

const portFindings = (cluster: DesiredCluster, one: ReachedNode): ReadonlyArray<Finding> => {
  const { facts, node } = one
  if (facts.kind === "daemon" || cluster.loadBalancer.type !== "bgp") return []
  const sources = (["ipv4", "ipv6"] as const).flatMap((family) => sourceOf(cluster, one, family) ?? [])
  const taken = facts.bgpListeners.filter((address) => anyAddress(address) || sources.includes(address as Address))
  const speakers = facts.bgpConnections.filter(({ localAddress }) => sources.includes(localAddress as Address))
  const first = speakers[0]
  if (first !== undefined)
    return [
      warning(
        `a BGP speaker runs on ${node.name} already: it has a session from ${first.localAddress} to ${first.peerAddress}`,
        "where that is viaduct itself, ask it instead of an agent; otherwise stop it, or the two will be in each other's way"
      )
    ]
  if (taken.length === 0) return []
  return [
    warning(
      `somebody listens on ${list(taken.map((address) => `${address} port 179`))}: peers cannot connect to us, we have to connect to them`,
      'find it with "ss -ltnp sport = :179" and stop it'
    )
  ]
}

/** `version` is the operator's own. */
const versionFindings = ({ facts }: ReachedNode, version: string): ReadonlyArray<Finding> =>
  facts.version === version
    ? []
    : [warning(`runs viaduct ${facts.version}, this command is ${version}`, "use one version on all nodes")]

const summary = ({ facts }: ReachedNode): string => {
  const live = facts.live === undefined ? "" : `, holds ${facts.live.sessions.length} sessions`
  return `${facts.kind} ${facts.version} on ${facts.hostname}, Linux ${facts.kernel}${live}`
}

/** Everything about one node by itself. */
export const judgeNode = (
  cluster: DesiredCluster,
  { node, url, answer }: PreflightNodeState,
  version: string
): ReadonlyArray<Finding> => {
  if (answer.type === "refused") return [refusedFinding(url, answer)]
  if (answer.type === "silent") return [failed(`nobody answers at ${url}: ${answer.reason}`, AGENT)]
  const one: ReachedNode = { node, ...answer }
  return [
    ok(summary(one)),
    ...machineFindings(one, url),
    ...rightsFindings(one),
    ...supportFindings(cluster, one),
    ...portFindings(cluster, one),
    ...versionFindings(one, version)
  ]
}

/** Beyond that, times in logs and events of several nodes do not fit together, in ms. */
const CLOCK_WARN_MS = 500
/** Beyond that, certificates and tokens begin to fail, in ms. */
const CLOCK_FAIL_MS = 60_000

const milliseconds = (ms: number): string =>
  Math.abs(ms) < 10_000 ? `${Math.abs(Math.round(ms))} ms` : `${Math.abs(Math.round(ms / 1_000))} s`

const offset = (ms: number): string => `${milliseconds(ms)} ${ms < 0 ? "behind" : "ahead of"}`

/** Against the operator's machine and, through it, against each other. */
export const judgeClock = (one: ReachedNode, all: ReadonlyArray<ReachedNode>): ReadonlyArray<Finding> => {
  const beyond = (ms: number, uncertainMs: number, limit: number): boolean => Math.abs(ms) - uncertainMs > limit
  const hint = 'let chrony or systemd-timesyncd set the clock ("timedatectl" shows it)'
  const away = all
    .filter((other) => beyond(one.aheadMs - other.aheadMs, one.uncertainMs + other.uncertainMs, CLOCK_WARN_MS))
    .map((other) => `${offset(one.aheadMs - other.aheadMs)} ${other.node.name}`)
  const here = `${offset(one.aheadMs)} this machine's`
  if (beyond(one.aheadMs, one.uncertainMs, CLOCK_FAIL_MS)) return [failed(`its clock is ${here}`, hint)]
  if (beyond(one.aheadMs, one.uncertainMs, CLOCK_WARN_MS))
    return [warning(`its clock is ${here}${away.length === 0 ? "" : `, and ${list(away)}`}`, hint)]
  return [ok(`${offset(one.aheadMs)} this machine's, known to ${milliseconds(one.uncertainMs)}`)]
}

const shared = <A>(nodes: ReadonlyArray<ReachedNode>, of: (one: ReachedNode) => ReadonlyArray<A>) => {
  const owners = new Map<A, Array<string>>()
  for (const one of nodes)
    for (const item of new Set(of(one))) owners.set(item, [...(owners.get(item) ?? []), one.node.name])
  return [...owners].filter(([, names]) => names.length > 1)
}

/** What only one node may have: addresses of segments that machines share, and MAC addresses there. */
export const judgeDuplicates = (nodes: ReadonlyArray<ReachedNode>): ReadonlyArray<Finding> => {
  const segments = segmentsOf(nodes)
  const addresses = shared(nodes, (one) => segments(one).map(({ own }) => own)).map(([address, names]) =>
    failed(
      `${list(names)} all have ${address}`,
      "take it off all but one; two machines with one address lose each other's traffic"
    )
  )
  const macsOf = (one: ReachedNode): ReadonlyArray<string> => {
    const devices = new Set(segments(one).map((subnet) => subnet.interface))
    return one.facts.interfaces.filter(({ name }) => devices.has(name)).map(({ mac }) => mac)
  }
  const macs = shared(nodes, macsOf).map(([mac, names]) =>
    failed(
      `${list(names)} have the same MAC address ${mac}`,
      "cloned machines keep each other's MAC: give one a new one"
    )
  )
  const all = [...addresses, ...macs]
  return all.length > 0 ? all : [ok(`no address and no MAC is on two of the ${nodes.length} nodes`)]
}
