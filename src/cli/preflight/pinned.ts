// A certificate known by its fingerprint: looked at in a handshake in which nothing is said, and from then on the only one, or the only
// authority, that connections take. `fetch` calls no check of ours where it does not check by itself (Bun 1.4), so it is given what to trust.
import { connect, type DetailedPeerCertificate } from "node:tls"
import { pem } from "../../net/x509.ts"

/** Without colons, lower case. */
export const plainFingerprint = (fingerprint: string): string => fingerprint.replaceAll(":", "").toLowerCase()

const handshakeMs = 5_000

/** The certificate of the server and those that it sends with it, the server's first. */
const chainOf = (certificate: DetailedPeerCertificate): ReadonlyArray<DetailedPeerCertificate> => {
  const { issuerCertificate } = certificate
  const last =
    issuerCertificate === undefined || issuerCertificate === certificate || issuerCertificate.raw === undefined
  return last || issuerCertificate.fingerprint256 === certificate.fingerprint256
    ? [certificate]
    : [certificate, ...chainOf(issuerCertificate)]
}

/**
 * What to trust for this server, PEM, where its certificate has one of the fingerprints. Rejects with the reason, which names the
 * fingerprint that it has.
 */
export const pinnedAuthority = (
  { hostname, port }: { readonly hostname: string; readonly port: number },
  fingerprints: ReadonlyArray<string>
): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port, rejectUnauthorized: false, timeout: handshakeMs })
    const end = (): void => {
      socket.destroy()
    }
    socket.once("secureConnect", () => {
      const certificate = socket.getPeerCertificate(true)
      end()
      const has = certificate.fingerprint256
      if (has === undefined || !fingerprints.includes(plainFingerprint(has)))
        return reject(
          new Error(
            `its certificate has the fingerprint ${plainFingerprint(has ?? "")}, which --fingerprint does not name`
          )
        )
      resolve(
        chainOf(certificate)
          .map(({ raw }) => pem("CERTIFICATE", new Uint8Array(raw)))
          .join("")
      )
    })
    socket.once("timeout", () => {
      end()
      reject(new Error("no answer"))
    })
    socket.once("error", (error) => {
      end()
      reject(error)
    })
  })
