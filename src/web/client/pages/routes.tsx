// Addresses with their next hops, the sessions that carry them and the nodes that are left out; pools and how full they
// are; and the explanation of anything that has a name.
import { useSignal } from "@preact/signals"
import { useMemo } from "preact/hooks"
import type { ExplainTarget } from "../../../explain/types.ts"
import { type AddressRow, addressRows } from "../model/addresses.ts"
import { listed, plural } from "../model/format.ts"
import { Explain } from "../parts/explainTree.tsx"
import { Sign } from "../parts/icons.tsx"
import { Facts, Panel } from "../parts/panel.tsx"
import { Pools } from "../parts/pools.tsx"
import { Badge, Choice, Filter, matches } from "../parts/small.tsx"
import { type Column, Table } from "../parts/table.tsx"
import { fleet, parameter, serves, setParameters } from "../state.ts"

const words = { good: "announced", warn: "with gaps", bad: "not served", off: "not known here" } as const

const columns: ReadonlyArray<Column<AddressRow>> = [
  {
    name: "Address",
    role: "main",
    sort: ({ address }) => address,
    cell: ({ address }) =>
      address === "" ? <span class="dim">none yet</span> : <span class="mono nowrap">{address}</span>
  },
  {
    name: "State",
    sort: ({ health }) => ({ bad: 0, warn: 1, off: 2, good: 3 })[health],
    cell: ({ health }) => <Badge tone={health}>{words[health]}</Badge>
  },
  {
    name: "Service",
    sort: ({ of }) => of,
    cell: ({ of }) => (
      <span class="cut" dir="auto" title={of}>
        {of}
      </span>
    )
  },
  {
    name: "Next hops",
    sort: ({ nextHops }) => nextHops.length,
    cell: ({ nextHops }) =>
      nextHops.length === 0 ? (
        <span class="dim">none</span>
      ) : (
        <span class="cut" dir="auto" title={nextHops.map(({ node }) => node).join(", ")}>
          {listed(nextHops.map(({ node }) => node))}
        </span>
      )
  },
  {
    name: "Left out",
    sort: ({ left }) => left.length,
    cell: ({ left, reason }) => (
      <span class="reason" dir="auto" title={left.map((entry) => `${entry.node}: ${entry.reason}`).join("\n")}>
        {left.length === 0 ? (reason ?? "") : `${listed(left.map(({ node }) => node))}: ${left[0]?.reason}`}
      </span>
    )
  },
  { name: "Sessions", numeric: true, sort: ({ sessions }) => sessions.length, cell: ({ sessions }) => sessions.length },
  {
    name: "Pool",
    role: "wide",
    sort: ({ pools }) => pools.join(),
    cell: ({ pools }) => (
      <span class="cut" dir="auto">
        {pools.join(", ")}
      </span>
    )
  }
]

const types = ["vip", "service", "peer", "floatingip", "node"] as const
const typeNames = { vip: "VIP", service: "Service", peer: "Peer", floatingip: "Floating IP", node: "Node" } as const

/** The names of each type, to choose from while typing. */
const namesOf = (type: ExplainTarget["type"]): ReadonlyArray<string> => {
  const { announced, services, routers, addresses, nodes } = fleet.value
  switch (type) {
    case "vip":
      return announced.map(({ prefix }) => prefix.replace(/\/\d+$/, ""))
    case "service":
      return services.map(({ namespace, name }) => `${namespace}/${name}`)
    case "peer":
      return routers.map(({ address }) => address)
    case "floatingip":
      return addresses.map(({ address }) => address)
    case "node":
      return nodes.map(({ name }) => name)
  }
}

const NAMES_MAX = 200

const ExplainForm = () => {
  const type = useSignal<ExplainTarget["type"]>("vip")
  const name = useSignal("")
  if (!serves("/v1/explain")) return null
  return (
    <form
      class="explain-form"
      aria-label="Explain something"
      onSubmit={(event) => {
        event.preventDefault()
        if (name.value.trim() !== "") setParameters({ explain: `${type.value} ${name.value.trim()}`, show: "" })
      }}
    >
      <select
        value={type.value}
        aria-label="What to explain"
        onChange={(event) => {
          type.value = types.find((value) => value === event.currentTarget.value) ?? "vip"
        }}
      >
        {types.map((value) => (
          <option key={value} value={value}>
            {typeNames[value]}
          </option>
        ))}
      </select>
      <input
        aria-label="Name or address"
        placeholder="name or address"
        list="explain-names"
        value={name.value}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => {
          name.value = event.currentTarget.value
        }}
      />
      <datalist id="explain-names">
        {namesOf(type.value)
          .slice(0, NAMES_MAX)
          .map((value) => (
            <option key={value} value={value} />
          ))}
      </datalist>
      <button type="submit">Explain</button>
    </form>
  )
}

const RowPanel = ({ row }: { row: AddressRow }) => (
  <Panel
    title={row.address === "" ? row.of : row.address}
    label={`Address ${row.address} of ${row.of}`}
    onClose={() => setParameters({ show: "" })}
  >
    <p>
      <Badge tone={row.health}>{words[row.health]}</Badge>
    </p>
    {row.reason !== undefined && (
      <p class="why" dir="auto">
        {row.reason}
      </p>
    )}
    <Facts
      facts={[
        ["Of", row.of],
        ["Pool", row.pools.join(", ")],
        ["externalTrafficPolicy", row.policy]
      ]}
    />
    <h3>Next hops ({row.nextHops.length})</h3>
    <ul class="plain-list">
      {row.nextHops.map(({ node, nextHop }) => (
        <li key={nextHop} dir="auto">
          {node} <span class="mono dim">{nextHop}</span>
        </li>
      ))}
    </ul>
    {row.left.length > 0 && (
      <>
        <h3>Left out ({row.left.length})</h3>
        <ul class="plain-list">
          {row.left.map(({ node, reason }) => (
            <li key={node + reason} dir="auto">
              {node}: <span class="dim">{reason}</span>
            </li>
          ))}
        </ul>
      </>
    )}
    <h3>Carried by {plural(row.sessions.length, "session")}</h3>
    <ul class="plain-list">
      {row.sessions.map(({ name, node }) => (
        <li key={`${name} ${node}`}>
          <a href={`#/sessions?${new URLSearchParams({ show: name })}`}>{name}</a> <span class="dim">on {node}</span>
        </li>
      ))}
    </ul>
    <Explain target={row.target} />
  </Panel>
)

/** `vip 10.0.0.8` out of the page's address. */
const targetOf = (text: string): ExplainTarget | undefined => {
  const space = text.indexOf(" ")
  const type = types.find((value) => value === text.slice(0, space))
  return type === undefined ? undefined : { type, name: text.slice(space + 1) }
}

const TargetPanel = ({ target }: { target: ExplainTarget }) => (
  <Panel title={target.name} label={`Explanation of ${target.name}`} onClose={() => setParameters({ explain: "" })}>
    <p class="dim">{typeNames[target.type]}</p>
    {serves("/v1/explain") ? <Explain target={target} /> : <FloatingFacts address={target.name} />}
  </Panel>
)

/** Where nothing explains: what the status says of an address that moves. */
const FloatingFacts = ({ address }: { address: string }) => {
  const found = fleet.value.addresses.find((candidate) => candidate.address === address)
  if (found === undefined) return <p class="dim">This daemon does not explain.</p>
  return (
    <>
      <Facts
        facts={[
          ["State", found.state],
          ["On", found.node],
          ["Of", found.of],
          ["Why", found.reason]
        ]}
      />
      <h3>Each node</h3>
      <ul class="plain-list">
        {found.judgements.map(({ node, ok, reason }) => (
          <li key={node} dir="auto">
            <Sign tone={ok ? "good" : "off"} size={13} /> {node}: <span class="dim">{reason}</span>
          </li>
        ))}
      </ul>
    </>
  )
}

export const RoutesPage = () => {
  const q = parameter("q")
  const only = parameter("only")
  const shown = parameter("show")
  const current = fleet.value
  const rows = useMemo(() => addressRows(current), [current])
  const found = useMemo(
    () =>
      rows.filter((row) =>
        matches(q, row.address, row.of, row.pools.join(" "), row.nextHops.map((h) => h.node).join(" "))
      ),
    [rows, q]
  )
  const troubled = found.filter(({ health }) => health === "bad" || health === "warn")
  const items = only === "trouble" ? troubled : found
  const row = rows.find(({ key }) => key === shown)
  const target = targetOf(parameter("explain"))
  return (
    <>
      <h1>Routes</h1>
      <Pools pools={current.pools} />
      <div class="tools">
        <Filter label="Filter addresses" value={q} onInput={(value) => setParameters({ q: value })} />
        <Choice
          label="Which"
          value={only}
          onChange={(value) => setParameters({ only: value })}
          options={[
            { value: "", name: "All", count: found.length },
            { value: "trouble", name: "Troubled", count: troubled.length }
          ]}
        />
        <ExplainForm />
      </div>
      <Table
        label="Addresses"
        columns={columns}
        items={items}
        keyOf={({ key }) => key}
        toneOf={({ health }) => health}
        open={row?.key}
        onOpen={({ key }) => setParameters({ show: key === shown ? "" : key, explain: "" })}
        empty={rows.length === 0 ? "Nothing is announced." : "No address matches the filter."}
      />
      {current.announcedMore > 0 && (
        <p class="dim">
          Other nodes announce {plural(current.announcedMore, "more prefix", "more prefixes")} that this one does not
          list.
        </p>
      )}
      {row !== undefined && <RowPanel key={row.key} row={row} />}
      {row === undefined && target !== undefined && <TargetPanel key={parameter("explain")} target={target} />}
    </>
  )
}
