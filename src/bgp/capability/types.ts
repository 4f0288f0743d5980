// Capabilities in an OPEN as values (RFC 5492), one variant per capability that this speaker knows; others are kept as hex.
import type { Family } from "../../net/ip.ts"

/** Address family as it stands on the wire, for families that this speaker has no name for. */
export interface AfiSafi {
  readonly afi: number
  readonly safi: number
}

export type Capability =
  /** 1, RFC 4760. */
  | ({ readonly code: 1; readonly name: "multiprotocol"; readonly family?: `${Family}-unicast` } & AfiSafi)
  /** 2, RFC 2918. */
  | { readonly code: 2; readonly name: "route-refresh" }
  /** 5, RFC 8950. */
  | {
      readonly code: 5
      readonly name: "extended-next-hop"
      readonly families: ReadonlyArray<AfiSafi & { readonly nextHopAfi: number }>
    }
  /** 6, RFC 8654. */
  | { readonly code: 6; readonly name: "extended-message" }
  /** 9, RFC 9234. */
  | {
      readonly code: 9
      readonly name: "role"
      readonly role: "provider" | "route-server" | "route-server-client" | "customer" | "peer" | number
    }
  /** 64, RFC 4724; notification is the N bit of RFC 8538. */
  | {
      readonly code: 64
      readonly name: "graceful-restart"
      readonly restarting: boolean
      readonly notification: boolean
      /** Seconds, 0–4095. */
      readonly restartTime: number
      readonly families: ReadonlyArray<AfiSafi & { readonly forwardingPreserved: boolean }>
    }
  /** 65, RFC 6793. */
  | { readonly code: 65; readonly name: "four-octet-as"; readonly asn: number }
  /** 69, RFC 7911. */
  | {
      readonly code: 69
      readonly name: "add-path"
      readonly families: ReadonlyArray<AfiSafi & { readonly mode: "receive" | "send" | "both" | number }>
    }
  /** 70, RFC 7313. */
  | { readonly code: 70; readonly name: "enhanced-route-refresh" }
  /** 71, RFC 9494. */
  | {
      readonly code: 71
      readonly name: "long-lived-graceful-restart"
      readonly families: ReadonlyArray<AfiSafi & { readonly forwardingPreserved: boolean; readonly staleTime: number }>
    }
  /** 73, draft-walton-bgp-hostname-capability, as FRR and others send it. */
  | { readonly code: 73; readonly name: "fqdn"; readonly hostname: string; readonly domain: string }
  /** Any other, and 128 (pre-standard route refresh), value as hex. */
  | { readonly code: number; readonly name: "unknown" | "route-refresh-cisco"; readonly value: string }
