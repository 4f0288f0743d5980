// Whether a service may share an address with those that have it (S14): the same sharing key, no port of a protocol twice,
// and traffic that may enter at any node, since one address cannot be announced from different nodes for different ports.
import type { BindingOwner, ServiceKey, ServicePort, ServiceRequest } from "./types.ts"
import { serviceKey } from "./types.ts"

const portText = ({ protocol, port }: ServicePort): string => `${protocol} ${port}`

/** Ports as they are recorded in a binding: each once, in order, so that equal meaning is equal text. */
export const recordedPorts = (ports: ReadonlyArray<ServicePort>): ReadonlyArray<ServicePort> =>
  [...new Map(ports.map(({ protocol, port }) => [`${protocol} ${port}`, { protocol, port }])).values()].sort(
    (a, b) => (a.protocol < b.protocol ? -1 : a.protocol > b.protocol ? 1 : 0) || a.port - b.port
  )

/** How a binding names `service`. */
export const ownerOf = (service: ServiceRequest): BindingOwner => ({
  service: serviceKey(service),
  ports: recordedPorts(service.ports),
  ...(service.sharingKey === undefined ? {} : { sharingKey: service.sharingKey })
})

export const sameOwner = (a: BindingOwner, b: BindingOwner): boolean =>
  a.service === b.service &&
  a.sharingKey === b.sharingKey &&
  recordedPorts(a.ports).map(portText).join() === recordedPorts(b.ports).map(portText).join()

/** Why `service` cannot share an address with `owners`, or undefined where it can. */
export const whyNotShared = (
  service: ServiceRequest,
  owners: ReadonlyArray<BindingOwner>,
  requests: ReadonlyMap<ServiceKey, ServiceRequest>
): string | undefined => {
  const own = new Set(service.ports.map(portText))
  for (const owner of owners) {
    if (service.sharingKey === undefined) return `${owner.service} has it, and this service has no sharing key`
    if (owner.sharingKey !== service.sharingKey) {
      const theirs = owner.sharingKey === undefined ? "no sharing key" : `the sharing key ${owner.sharingKey}`
      return `${owner.service} has it with ${theirs}, this service has ${service.sharingKey}`
    }
    const clash = owner.ports.map(portText).find((port) => own.has(port))
    if (clash !== undefined) return `${owner.service} serves ${clash} there already`
    const local =
      service.externalTrafficPolicy === "Local"
        ? "this service"
        : requests.get(owner.service)?.externalTrafficPolicy === "Local"
          ? owner.service
          : undefined
    if (local !== undefined)
      return (
        `${owner.service} has it, and only services with externalTrafficPolicy Cluster share an address: ` +
        `${local} has Local`
      )
  }
  return undefined
}
