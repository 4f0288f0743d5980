// EndpointSlices of services that are ours (L4): a node that nobody knows makes no next hop.
import { serviceKey } from "../../ipam/types.ts"
import { nearest } from "../nearest.ts"
import type { Problem } from "../problem.ts"
import { namespaceOf, ownServices, sliceOwner } from "../services.ts"
import type { CheckContext } from "./context.ts"
import { warningAt } from "./report.ts"

const NAMES_MAX = 6

const list = (names: ReadonlyArray<string>): string =>
  names.length <= NAMES_MAX
    ? names.join(", ")
    : `${names.slice(0, NAMES_MAX).join(", ")} and ${names.length - NAMES_MAX} more`

export const checkEndpointSlices = (context: CheckContext): ReadonlyArray<Problem> => {
  const { documents, controlPlaneNodes, lbNodes, workers } = context
  const nodes = [...controlPlaneNodes, ...lbNodes, ...workers].map((node) => node.value)
  const known = new Set<string>(nodes.flatMap(({ name, address }) => [address, ...(name === undefined ? [] : [name])]))
  const names = [...new Set<string>(nodes.map(({ name, address }) => name ?? address))]
  const ours = new Set(
    ownServices(documents).map(({ value }) => serviceKey({ namespace: namespaceOf(value), name: value.metadata.name }))
  )
  return documents.endpointSlices.flatMap(({ source, value }) => {
    const owner = sliceOwner(value)
    if (owner === undefined || !ours.has(owner)) return []
    const told = new Set<string>()
    return (value.endpoints ?? []).flatMap(({ nodeName }, i) => {
      if (nodeName === undefined || nodeName === null || known.has(nodeName) || told.has(nodeName)) return []
      told.add(nodeName)
      const hint = nearest(nodeName, names)
      const place = { source, path: ["endpoints", i, "nodeName"] }
      return [
        warningAt(place, "is no node of this cluster: its endpoints count for nothing", {
          found: nodeName,
          ...(hint === undefined ? { expected: `one of ${list(names)}` } : { hint })
        })
      ]
    })
  })
}
