// What is known of one node: how it does, in its own words, what it holds, its sessions.
import type { FleetNode } from "../model/fleetTypes.ts"
import { Drain } from "./drain.tsx"
import { Explain } from "./explainTree.tsx"
import type { Tone } from "./icons.tsx"
import { Facts, Panel } from "./panel.tsx"
import { Age, Badge, sessionTone } from "./small.tsx"

const megabytes = (octets: number): string => `${Math.round(octets / 1e6)} MB`

export const NodePanel = ({ node, tone, onClose }: { node: FleetNode; tone: Tone; onClose: () => void }) => (
  <Panel title={node.name} label={`Node ${node.name}`} onClose={onClose}>
    <p>
      <Badge tone={tone}>{node.drained ? "drained" : node.health.replace("-", " ")}</Badge>
    </p>
    <Facts
      facts={[
        ["Says", node.summary],
        ["Address", node.address],
        ["Version", node.version],
        ["Up for", node.startedAt === undefined ? undefined : <Age at={node.startedAt} />],
        ["Config", node.configHash === undefined ? undefined : <code>{node.configHash.slice(0, 12)}</code>],
        ["Memory", node.status === undefined ? undefined : megabytes(node.status.process.residentBytes)],
        ["Source", node.status?.config.source]
      ]}
    />
    {node.held.length > 0 && (
      <>
        <h3>Holds</h3>
        <ul class="plain-list">
          {node.held.map((address) => (
            <li key={address.address}>
              <code>{address.address}</code> {address.of}
              <span class="dim"> {address.reason}</span>
            </li>
          ))}
        </ul>
      </>
    )}
    <h3>Sessions</h3>
    <ul class="plain-list">
      {node.sessions.map((session) => (
        <li key={session.key}>
          <a href={`#/sessions?${new URLSearchParams({ show: session.name })}`}>{session.name}</a>{" "}
          <Badge tone={sessionTone(session.health)}>{session.state}</Badge>
          {session.reason !== undefined && <span class="dim"> {session.reason}</span>}
        </li>
      ))}
      {node.sessions.length === 0 && <li class="dim">none</li>}
    </ul>
    {node.status !== undefined && node.status.refusals.length > 0 && (
      <>
        <h3>Does not do, and why</h3>
        <ul class="plain-list">
          {node.status.refusals.slice(0, 50).map(({ subject, reason }) => (
            <li key={subject + reason} dir="auto">
              {subject}: <span class="dim">{reason}</span>
            </li>
          ))}
        </ul>
      </>
    )}
    <Drain node={node} />
    <Explain target={{ type: "node", name: node.name }} />
  </Panel>
)
