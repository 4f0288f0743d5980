// `ClusterCIDRConfig` of baremetal.cluster.gke.io/v1alpha1 (S15): the pod ranges of a dual-stack cluster. Nothing
// is planned from it; it is read because its presence is part of what makes a cluster dual stack.
import { Schema } from "effect"
import { familyOf, prefixLength } from "../../net/ip.ts"
import { Metadata } from "./common.ts"
import { intBetween, PrefixText } from "./leaves.ts"

const cidrOf = (family: "ipv4" | "ipv6", bits: number) => {
  const expected = `a cidr of ${family} and a perNodeMaskSize not shorter than its prefix`
  return Schema.Struct({ cidr: PrefixText, perNodeMaskSize: intBetween(1, bits) })
    .check(
      Schema.makeFilter((block: { readonly cidr: typeof PrefixText.Type; readonly perNodeMaskSize: number }) => {
        if (familyOf(block.cidr) !== family) return { path: ["cidr"], issue: `is not of family ${family}` }
        return (
          prefixLength(block.cidr) <= block.perNodeMaskSize || {
            path: ["perNodeMaskSize"],
            issue: "is shorter than the prefix"
          }
        )
      })
    )
    .annotate({ expected })
}

export const ClusterCidrConfigDocument = Schema.Struct({
  apiVersion: Schema.Literal("baremetal.cluster.gke.io/v1alpha1"),
  kind: Schema.Literal("ClusterCIDRConfig"),
  metadata: Metadata,
  spec: Schema.Struct({
    ipv4: Schema.optionalKey(cidrOf("ipv4", 32)),
    ipv6: Schema.optionalKey(cidrOf("ipv6", 128)),
    nodeSelector: Schema.optionalKey(Schema.Unknown)
  }),
  status: Schema.optionalKey(Schema.Unknown)
})
export type ClusterCidrConfigDocument = typeof ClusterCidrConfigDocument.Type
