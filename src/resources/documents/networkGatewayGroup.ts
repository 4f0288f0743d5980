// NetworkGatewayGroup (networking.gke.io/v1, S8) as a resource: the floating IPs, and who holds each of them.
import { Schema } from "effect"
import { Condition, condition } from "../condition.ts"
import { textAt, valueAt } from "../valueAt.ts"
import { ageColumn, documentKind, fieldColumn, nameColumn } from "./document.ts"

const { String: Text, optionalKey } = Schema

const FloatingIp = Schema.Struct({
  address: Text,
  node: optionalKey(Text),
  state: Text,
  reason: Text
})

export const networkGatewayGroup = documentKind({
  apiVersion: "networking.gke.io/v1",
  kind: "NetworkGatewayGroup",
  plural: "networkgatewaygroups",
  singular: "networkgatewaygroup",
  shortNames: ["ngg"],
  description: "Floating IPs: the addresses that service sessions start from",
  fields: {
    spec: "The addresses",
    "spec.floatingIPs": "Addresses of the node subnets that are reserved for this; two or more recommended",
    status: "Who has them",
    "status.floatingIPs": "Each address, its node by the store's word, and how the node that was asked stands to it",
    "status.held": "How many have a node, of all",
    "status.conditions": "Ready: every floating IP has a node"
  },
  statusSchema: Schema.Struct({
    floatingIPs: Schema.Array(FloatingIp),
    held: Text,
    conditions: Schema.Array(Condition)
  }),
  status: (status) => (object) => {
    const listed = valueAt(object, "spec.floatingIPs")
    const wanted: ReadonlyArray<unknown> = Array.isArray(listed) ? listed : []
    const found = status.floatingIps.filter(
      ({ address, purpose }) => purpose === "floating-ip" && wanted.includes(address)
    )
    const held = found.filter(({ node }) => node !== undefined).length
    const all = wanted.length > 0 && held === wanted.length
    const since = found.map((one) => one.since).toSorted()
    return {
      floatingIPs: found.map(({ address, node, state, reason }) => ({
        address,
        ...(node === undefined ? {} : { node }),
        state,
        reason
      })),
      held: `${held}/${wanted.length}`,
      conditions: [
        condition(
          "Ready",
          all,
          all ? "AllHeld" : "SomeUnassigned",
          `${held} of ${wanted.length} floating IPs have a node`,
          since.at(-1) ?? status.config.loadedAt
        )
      ]
    }
  },
  selectableFields: [],
  columns: [
    nameColumn,
    fieldColumn("Floating IPs", "spec.floatingIPs", "The addresses"),
    fieldColumn("Held", "status.held", "How many have a node"),
    {
      name: "Nodes",
      type: "string",
      description: "Who has each of them",
      wide: true,
      cell: (object) => {
        const list = valueAt(object, "status.floatingIPs")
        return Array.isArray(list)
          ? list.map((one) => `${textAt(one, "address")}=${textAt(one, "node") ?? "<none>"}`).join(",")
          : null
      }
    },
    ageColumn
  ]
})
