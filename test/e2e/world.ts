// What the end-to-end tests stand on: routers that are our own passive speaker on loopback, the program under test as a
// process of its own, and waiting for conditions instead of sleeping.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { Effect, Exit, Layer, Logger, Scope } from "effect"
import { BunTransport } from "../../src/adapters/bun/BunTransport.ts"
import { FileSecrets } from "../../src/adapters/file/FileSecrets.ts"
import type { Message } from "../../src/bgp/message/types.ts"
import type { Address } from "../../src/net/ip.ts"
import type { SessionParameters } from "../../src/plan/types.ts"
import type { NodeStatus } from "../../src/resources/nodeStatus.ts"
import { cease } from "../../src/services/endMode.ts"
import { Listeners } from "../../src/services/Listeners.ts"
import { runSession, type Session } from "../../src/services/SessionRunner.ts"
import { fsmConfig } from "../../src/services/sessionConfig.ts"

const root = resolve(import.meta.dir, "../..")

/** The words that start the program: the executable named by VIADUCT_BIN, or Bun and the sources. */
export const program: ReadonlyArray<string> =
  process.env.VIADUCT_BIN === undefined
    ? [process.execPath, join(root, "src/main.ts")]
    : [resolve(process.env.VIADUCT_BIN)]

const port = 17911

/** Waits until `check` gives something other than undefined or false; fails with `what` and the detail after the deadline. */
export const until = async <T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  detail: () => string = () => "",
  deadlineMs = 15_000
): Promise<T> => {
  for (const end = performance.now() + deadlineMs; performance.now() < end; ) {
    const found = await check()
    if (found !== undefined && found !== false) return found
    await Bun.sleep(10)
  }
  throw new Error(`not within ${deadlineMs} ms: ${what}\n${detail()}`)
}

export interface Router {
  readonly address: Address
  readonly session: Session
  readonly got: ReadonlyArray<Message>
  /** "10.0.0.8/32 via 127.10.1.1" */
  readonly routes: () => ReadonlyArray<string>
  readonly stop: () => Promise<void>
}

/** A router on loopback that waits for `node`. */
export const startRouter = async (
  address: string,
  node: string,
  more: Partial<SessionParameters> = {}
): Promise<Router> => {
  const parameters: SessionParameters = {
    localAddress: address as Address,
    peerAddress: node as Address,
    peerPort: port,
    localAsn: 65002,
    peerAsn: 65001,
    routerId: address as Address,
    holdTime: 9,
    keepaliveTime: 3,
    connectRetryTime: 1,
    passive: true,
    families: ["ipv4", "ipv6"],
    ...more
  }
  const got: Array<Message> = []
  const services = Listeners.layer.pipe(Layer.provideMerge(Layer.merge(BunTransport, FileSecrets)))
  const scope = await Effect.runPromise(Scope.make())
  const observer = {
    onMessage: (direction: string, message: Message) => void (direction === "received" && got.push(message))
  }
  const session = await Effect.runPromise(
    Effect.gen(function* () {
      const context = yield* Layer.build(services)
      return yield* Effect.provideContext(runSession(parameters, fsmConfig(parameters, "router"), observer), context)
    }).pipe(Scope.provide(scope), Effect.provide(Logger.layer([])))
  )
  return {
    address: parameters.localAddress,
    session,
    got,
    routes: () =>
      session
        .received()
        .list()
        .map(({ prefix, nextHop }) => `${prefix} via ${nextHop}`)
        .sort(),
    stop: () => Effect.runPromise(Effect.andThen(session.stop(cease({ subcode: 3 })), Scope.close(scope, Exit.void)))
  }
}

export class Directory {
  readonly path = mkdtempSync(join(tmpdir(), "viaduct-e2e-"))

  write(name: string, text: string): string {
    const path = join(this.path, name)
    writeFileSync(path, text)
    return path
  }

  at(name: string): string {
    return join(this.path, name)
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** The program, running; its output is kept. */
export class Running {
  readonly child: Bun.Subprocess<"ignore", "pipe", "pipe">
  output = ""

  constructor(args: ReadonlyArray<string>, command = program) {
    this.child = Bun.spawn([...command, ...args], { stdio: ["ignore", "pipe", "pipe"], cwd: tmpdir() })
    for (const stream of [this.child.stdout, this.child.stderr]) void this.collect(stream)
  }

  private async collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of stream) this.output += decoder.decode(chunk, { stream: true })
  }

  says(pattern: RegExp): Promise<RegExpExecArray> {
    return until(
      `the output has ${pattern}`,
      () => pattern.exec(this.output) ?? undefined,
      () => this.output
    )
  }

  /** Sends `signal` and waits for the end. */
  async end(
    signal: "SIGTERM" | "SIGINT" | "SIGKILL" = "SIGTERM"
  ): Promise<{ readonly code: number; readonly tookMs: number }> {
    const from = performance.now()
    this.child.kill(signal)
    await this.child.exited
    return { code: this.child.exitCode ?? -1, tookMs: performance.now() - from }
  }
}

/** The program to its end. */
export const runOnce = async (
  args: ReadonlyArray<string>,
  input: string | Uint8Array = "",
  command = program
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> => {
  const child = Bun.spawn([...command, ...args], {
    stdin: typeof input === "string" ? new TextEncoder().encode(input) : input,
    stdout: "pipe",
    stderr: "pipe",
    cwd: tmpdir()
  })
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited
  ])
  return { code, out, err }
}

export const statusAt = async (socket: string): Promise<NodeStatus> =>
  (await (await fetch("http://localhost/v1/status", { unix: socket })).json()) as NodeStatus

/** A cluster of one node with these peers; `extra` goes into each peer's entry. */
export const clusterYaml = (node: string, peers: ReadonlyArray<string>, vip = "10.0.0.8", extra = ""): string => `
apiVersion: baremetal.cluster.gke.io/v1
kind: Cluster
metadata:
  name: e2e
  namespace: cluster-e2e
spec:
  controlPlane:
    nodePoolSpec:
      nodes:
        - address: ${node}
          name: node-01
  loadBalancer:
    mode: bundled
    type: bgp
    vipInterface: none
    localASN: 65001
    bgpPeers:
${peers.map((peer) => `      - { ip: ${peer}, asn: 65002, port: ${port}, connectRetryTime: 1${extra} }`).join("\n")}
    vips:
      controlPlaneVIP: ${vip}
`
