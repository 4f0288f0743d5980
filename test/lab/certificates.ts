// A certificate authority for tests, made with openssl: certificates for servers and clients, good ones and bad ones.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { must } from "./process.ts"

export interface Certificate {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

export interface CertificateOptions {
  /** As openssl writes subjectAltName. */
  readonly names?: string
  /** As openssl writes extendedKeyUsage. */
  readonly usage?: string
  /** "/CN=<name>" when not given. */
  readonly subject?: string
  /** 0: it has expired by the next second. */
  readonly days?: number
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

export class Authority {
  private readonly directory: string
  readonly name: string

  private constructor(directory: string, name: string) {
    this.directory = directory
    this.name = name
  }

  private file(name: string): string {
    return join(this.directory, `${this.name}-${name}`)
  }

  static async create(directory: string, name = "ca"): Promise<Authority> {
    const ca = new Authority(directory, name)
    const files = ["-keyout", ca.file("ca.key"), "-out", ca.file("ca.pem")]
    await must(["openssl", "req", "-x509", ...newKey, ...files, "-subj", `/CN=${name}`, "-days", "2"])
    return ca
  }

  /** A certificate for 127.0.0.1, good for servers and clients, unless `options` say otherwise. */
  async issue(name: string, options: CertificateOptions = {}): Promise<Certificate> {
    const [keyFile, request, certFile] = [this.file(`${name}.key`), this.file(`${name}.csr`), this.file(`${name}.pem`)]
    await must([
      "openssl",
      "req",
      ...newKey,
      "-keyout",
      keyFile,
      "-out",
      request,
      "-subj",
      options.subject ?? `/CN=${name}`
    ])
    const extensions = this.file(`${name}.ext`)
    writeFileSync(
      extensions,
      `subjectAltName=${options.names ?? "IP:127.0.0.1"}\nextendedKeyUsage=${options.usage ?? "serverAuth,clientAuth"}\n`
    )
    const caFile = this.file("ca.pem")
    const signer = ["-CA", caFile, "-CAkey", this.file("ca.key"), "-CAcreateserial"]
    const more = ["-days", `${options.days ?? 2}`, "-extfile", extensions]
    await must(["openssl", "x509", "-req", "-in", request, "-out", certFile, ...signer, ...more])
    return { caFile, certFile, keyFile }
  }
}
