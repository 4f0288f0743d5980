// The annotations of a Service that say which address it wants (S14): our own, and the same in the words of MetalLB, which
// services carry that come from there. All forms mean the same; the first that is given counts, and another one that says
// something else is an error of the checks.
import { type Address, parseAddress } from "../net/ip.ts"
import type { ServiceDocument } from "./documents/coreV1.ts"

const FORMS = {
  pool: ["viaduct.dev/address-pool", "metallb.io/address-pool", "metallb.universe.tf/address-pool"],
  addresses: ["viaduct.dev/load-balancer-ips", "metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"],
  sharingKey: ["viaduct.dev/allow-shared-ip", "metallb.io/allow-shared-ip", "metallb.universe.tf/allow-shared-ip"]
} as const

export type ServiceAnnotation = keyof typeof FORMS
export const SERVICE_ANNOTATIONS: ReadonlyArray<ServiceAnnotation> = ["pool", "addresses", "sharingKey"]

/** Prefix of the annotations that are ours alone, and the names that it may stand before. */
export const OWN_PREFIX = "viaduct.dev/"
export const OWN_ANNOTATIONS: ReadonlyArray<string> = SERVICE_ANNOTATIONS.map((what) => FORMS[what][0])

/** What the API notes on any document: who manages which field (metadata.managedFields), and that a guard is not to hold a write back. */
export const MANAGED_ANNOTATION = `${OWN_PREFIX}managed-fields`
export const FORCE_ANNOTATION = `${OWN_PREFIX}force`
export const API_ANNOTATIONS: ReadonlyArray<string> = [MANAGED_ANNOTATION, FORCE_ANNOTATION]

export interface GivenAnnotation {
  readonly key: string
  readonly value: string
}

/** Every form of an annotation that `service` has; an empty value counts as none. */
export const annotationsOf = (service: ServiceDocument, what: ServiceAnnotation): ReadonlyArray<GivenAnnotation> => {
  const { annotations = {} } = service.metadata
  return FORMS[what].flatMap((key) => {
    const value = Object.hasOwn(annotations, key) ? annotations[key]?.trim() : undefined
    return value === undefined || value === "" ? [] : [{ key, value }]
  })
}

/** The entries of a comma list, each with its address where it is one. */
export const addressList = (text: string): ReadonlyArray<{ readonly text: string; readonly address?: Address }> =>
  text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map((entry) => {
      const address = parseAddress(entry)
      return address === undefined ? { text: entry } : { text: entry, address }
    })
