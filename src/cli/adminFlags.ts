// Where `viaduct run` serves its admin API, and who may use it: flags, and what a DaemonConfig document says where they are absent.
import { resolve } from "node:path"
import { Effect, Option } from "effect"
import { Flag } from "effect/cli"
import type { AdminSettings } from "../config/daemonSettings.ts"
import { ListenAddressError } from "./listenAddress.ts"

const file = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

export const adminFlags = {
  adminSocket: Flag.String("admin-socket").pipe(
    Flag.withDescription("Unix socket of the admin API"),
    Flag.withDefault("/run/viaduct/admin.sock")
  ),
  adminListen: Flag.String("admin-listen").pipe(
    Flag.withDescription("Loopback address and port of the admin API without TLS, for reading; or none"),
    Flag.withDefault("127.0.0.1:7179")
  ),
  adminTlsListen: Flag.String("admin-tls-listen").pipe(
    Flag.withDescription(
      "Address and port of the admin API under TLS, for who has a token or a certificate; or none " +
        "(default: 127.0.0.1:7180, none with --admin-listen none)"
    ),
    Flag.optional
  ),
  tlsCert: file("tls-cert", "PEM file of the certificate; the daemon makes its own where absent"),
  tlsKey: file("tls-key", "PEM file of its key"),
  clientCa: file("client-ca", "PEM file of the CAs whose client certificates may log in"),
  tokensFile: file("tokens-file", "File of the tokens (default: DATA-DIR/tokens)")
}

export interface AdminFlags {
  readonly adminTlsListen: Option.Option<string>
  readonly tlsCert: Option.Option<string>
  readonly tlsKey: Option.Option<string>
  readonly clientCa: Option.Option<string>
  readonly tokensFile: Option.Option<string>
}

const at = <Field extends keyof AdminSettings>(field: Field, value: Option.Option<string>) =>
  Option.isSome(value) ? { [field]: field === "listen" ? value.value : resolve(value.value) } : {}

/** What the command line says. */
export const adminSettings = (flags: AdminFlags): Effect.Effect<AdminSettings, ListenAddressError> => {
  if (Option.isSome(flags.tlsCert) !== Option.isSome(flags.tlsKey))
    return Effect.fail(new ListenAddressError({ message: "--tls-cert and --tls-key need each other" }))
  return Effect.succeed({
    ...at("listen", flags.adminTlsListen),
    ...at("certFile", flags.tlsCert),
    ...at("keyFile", flags.tlsKey),
    ...at("clientCaFile", flags.clientCa),
    ...at("tokensFile", flags.tokensFile)
  })
}
