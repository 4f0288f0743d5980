// Chains of what is no VIP: a peer, a floating IP, a node.
import type { DesiredCluster } from "../plan/desired.ts"
import { servicePeersOf } from "../plan/servicePeers.ts"
import { membersOf, sharesStore } from "../resources/members.ts"
import { peersOf } from "./controlPlane.ts"
import { floatingIpLink } from "./floatingIps.ts"
import { allSessions, count, type ExplainInput, list, type Seen, upOf } from "./input.ts"
import { anyOf, explanation, link } from "./links.ts"
import { sessionLink } from "./session.ts"
import type { ExplainLink, ExplainTarget, Explanation } from "./types.ts"

const sessionsLink = (sessions: ReadonlyArray<Seen>, none: string, input: ExplainInput): ExplainLink => {
  if (sessions.length === 0) return link("sessions", "broken", none)
  const links = sessions.map((session) => sessionLink(session, input))
  return link("sessions", anyOf(links), upOf(sessions), { links })
}

const configuredAs = (address: string, cluster: DesiredCluster): ReadonlyArray<ExplainLink> => {
  const entries = cluster.loadBalancer.controlPlanePeers.filter(({ ip }) => ip === address)
  const documents = cluster.servicePeers.filter(({ peerIp }) => peerIp === address)
  const used = new Set(servicePeersOf(cluster).peers.map(({ peer }) => peer.name))
  return [
    ...entries.map(({ asn, ip }) => {
      const nodes = cluster.controlPlaneNodes.filter((node) => peersOf(node, cluster).some((one) => one.ip === ip))
      const from = nodes.length === 0 ? "no node peers with it" : `peers of ${list(nodes.map(({ name }) => name))}`
      return link(
        `bgpPeers entry ${ip}`,
        nodes.length === 0 ? "broken" : "ok",
        `AS ${asn}, for the control plane: ${from}`
      )
    }),
    ...documents.map(({ name, peerAsn, localAsn, sessions }) =>
      used.has(name)
        ? link(
            `BGPPeer ${name}`,
            "ok",
            `AS ${peerAsn}, from AS ${localAsn}, for services: wants ${count(sessions, "session")} from floating IPs`
          )
        : link(`BGPPeer ${name}`, "broken", "no BGPLoadBalancer selects it: its labels are not those of peerSelector", {
            hints: ["compare metadata.labels of the BGPPeer with spec.peerSelector of the BGPLoadBalancer"]
          })
    )
  ]
}

export const explainPeer = (target: ExplainTarget, address: string, input: ExplainInput): Explanation => {
  const sessions = allSessions(input.status).filter(({ peerAddress }) => peerAddress === address)
  const configured = input.cluster === undefined ? [] : configuredAs(address, input.cluster)
  if (configured.length === 0 && sessions.length === 0)
    return explanation(
      target,
      [
        link(
          `peer ${address}`,
          "broken",
          "is in no config: neither an entry of loadBalancer.bgpPeers nor a BGPPeer has this address"
        )
      ],
      ""
    )
  const refusals = input.status.refusals
    .filter(({ subject }) => configured.some((one) => one.subject === subject))
    .map(({ subject, reason }) => link(subject, "warn", reason))
  const none =
    "no node that is known of has a session to it: viaduct get floatingips says whether there is one to start from"
  return explanation(
    target,
    [...configured, ...refusals, sessionsLink(sessions, none, input)],
    `peer ${address}: ${upOf(sessions)}`
  )
}

export const explainFloatingIp = (target: ExplainTarget, address: string, input: ExplainInput): Explanation => {
  const { status, cluster } = input
  const one = status.floatingIps.find((entry) => entry.address === address)
  if (one === undefined) {
    const listed = cluster?.floatingIps.some((entry) => entry === address) === true
    const why = status.refusals.find(({ subject }) => subject.includes(address))?.reason
    const text = listed
      ? `is in the NetworkGatewayGroup, and no node looks after it: ${why ?? "there is no word from the store"}`
      : "is in no NetworkGatewayGroup"
    return explanation(target, [link(`floating IP ${address}`, "broken", text)], "")
  }
  const holder = floatingIpLink(one, input)
  const sessions = allSessions(status).filter(({ localAddress }) => localAddress === address)
  const from =
    sessions.length === 0
      ? [
          link(
            "sessions",
            "unknown",
            "none starts from it: the peers have their sessions from other floating IPs, or it is on no node"
          )
        ]
      : [sessionsLink(sessions, "", input)]
  return explanation(target, [holder, ...from], `${address} is held by node ${one.node}: ${upOf(sessions)}`)
}

export const explainNode = (target: ExplainTarget, name: string, input: ExplainInput): Explanation => {
  const { status, cluster } = input
  const member = status.members.find((one) => one.name === name)
  const known = membersOf(status).find((one) => one.name === name)
  const entry =
    cluster === undefined
      ? undefined
      : [...cluster.controlPlaneNodes, ...cluster.loadBalancer.nodes, ...cluster.workerNodes].find(
          (one) => one.name === name || one.address === known?.address || one.address === name
        )
  const subject = `node ${name}`
  const self = name === status.node
  const roles = [
    ...(cluster?.controlPlaneNodes.some(({ address }) => address === entry?.address) === true
      ? ["control-plane node"]
      : []),
    ...(cluster?.loadBalancer.nodes.some(({ address }) => address === entry?.address) === true
      ? ["load-balancer node"]
      : [])
  ]
  const configured =
    entry === undefined && cluster !== undefined
      ? [link(subject, "broken", "is in no document of the config")]
      : [link(subject, "ok", roles.length === 0 ? "is in the config" : `is a ${list(roles)}`)]
  const sessions = allSessions(status).filter((session) => session.node === name)
  if (member === undefined && !self && !sharesStore(status))
    return explanation(
      target,
      [...configured, link("daemon", "unknown", "nothing is known of it here: ask the daemon of that node")],
      ""
    )
  if (member === undefined && !self)
    return explanation(
      target,
      [
        ...configured,
        link("daemon", "broken", "is not in the cluster: its daemon is down, or it cannot reach the store", {
          hints: ["on the node: systemctl status viaduct; viaduct get bgpsessions -o wide"]
        })
      ],
      ""
    )
  const other = member !== undefined && member.configHash !== status.config.hash
  const chain = [
    ...configured,
    ...(member === undefined
      ? [
          sharesStore(status)
            ? link("daemon", "warn", "runs, and is not in the cluster's store yet")
            : link("daemon", "ok", `viaduct ${status.version}, revision ${status.config.revision} of its config`)
        ]
      : [
          link(
            "daemon",
            "ok",
            `viaduct ${member.version}${member.report === undefined ? "" : `, ${member.report.summary}`}`
          ),
          ...(member.drained
            ? [
                link("drain", "warn", "is drained: no next hop and no floating IP", {
                  hints: ["take it back into service (viaduct drain)"]
                })
              ]
            : []),
          ...(member.leaving ? [link("stop", "warn", "is on its way out: it hands over what it has")] : []),
          link(
            "config",
            other ? "warn" : "ok",
            other
              ? `runs config ${member.configHash}, and node ${status.node} runs ${status.config.hash}`
              : `runs config ${member.configHash}, revision ${status.config.revision}`
          )
        ]),
    ...(self
      ? status.addresses.map(({ address, state, reason, interface: on }) =>
          link(`address ${address}`, state === "failed" ? "broken" : "ok", `${state} on ${on}: ${reason}`)
        )
      : []),
    ...status.floatingIps.filter((one) => one.node === name).map((one) => floatingIpLink(one, input)),
    ...(sessions.length === 0 ? [link("sessions", "unknown", "it has none")] : [sessionsLink(sessions, "", input)])
  ]
  return explanation(target, chain, `node ${name} is in service: ${upOf(sessions)}`)
}
