// BGPLoadBalancer (networking.gke.io/v1, S9) as a resource: which BGPPeers serve the services.
import { Schema } from "effect"
import { valueAt } from "../valueAt.ts"
import { ageColumn, documentKind, documentsOf, fieldColumn, nameColumn } from "./document.ts"

const NETWORKING = "networking.gke.io/v1"

const selectorOf = (object: unknown): ReadonlyArray<readonly [string, unknown]> =>
  Object.entries(valueAt(object, "spec.peerSelector") ?? {})

export const bgpLoadBalancer = documentKind({
  apiVersion: NETWORKING,
  kind: "BGPLoadBalancer",
  plural: "bgploadbalancers",
  singular: "bgploadbalancer",
  shortNames: ["bgplb"],
  description: "Which BGPPeers announce the services",
  fields: {
    spec: "The choice",
    "spec.peerSelector": "Labels that a BGPPeer must have; an empty selector chooses all",
    status: "What came of it",
    "status.peers": "The BGPPeers that are chosen"
  },
  statusSchema: Schema.Struct({ peers: Schema.Array(Schema.String) }),
  status: (_, config) => (object) => ({
    peers: documentsOf(config, NETWORKING, "BGPPeer")
      .filter(({ metadata }) => selectorOf(object).every(([label, value]) => metadata.labels?.[label] === value))
      .map(({ metadata }) => metadata.name)
  }),
  selectableFields: [],
  columns: [
    nameColumn,
    {
      name: "Selector",
      type: "string",
      description: "Labels that a BGPPeer must have",
      cell: (object) =>
        selectorOf(object)
          .map(([label, value]) => `${label}=${value}`)
          .join(",") || "<all>"
    },
    fieldColumn("Peers", "status.peers", "The BGPPeers that are chosen"),
    ageColumn
  ]
})
