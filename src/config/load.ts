// From the text of files to a desired cluster: parse, decode each document, check them together, and only when
// nothing is wrong give a cluster with its canonical form and hash (I5: what is not valid changes nothing). Pure:
// who reads the files is the caller. Every problem of every file is reported in one go, in the order of the files
// and their lines.
import type { DesiredCluster } from "../plan/desired.ts"
import { canonicalForm, hashOf } from "./canonical.ts"
import { checkAddresses } from "./checks/addresses.ts"
import { checkContext } from "./checks/context.ts"
import { checkControlPlane } from "./checks/controlPlane.ts"
import { checkDaemonConfig } from "./checks/daemonConfig.ts"
import { checkDocuments, checkDuplicateDocuments } from "./checks/documents.ts"
import { checkEndpointSlices } from "./checks/endpointSlices.ts"
import { checkServiceDocuments, checkServicesServed } from "./checks/serviceDocuments.ts"
import { checkServiceParts, checkServices } from "./checks/services.ts"
import { type DaemonSettings, daemonSettings } from "./daemonSettings.ts"
import { toDesired } from "./desired.ts"
import { noDocuments, readDocument } from "./kinds.ts"
import { type Problem, sortProblems } from "./problem.ts"
import { parseAhead, parseSource, type SourceDocument } from "./source.ts"

export interface ConfigFile {
  readonly path: string
  readonly text: string
}

export interface ConfigResult {
  /** Present, with the next three, where there is no problem of severity error. */
  readonly cluster?: DesiredCluster
  /** The same for every configuration that means the same. */
  readonly canonical?: string
  /** Sixteen hex digits of the canonical form. */
  readonly hash?: string
  /** How the daemon runs; no part of the canonical form. */
  readonly daemon?: DaemonSettings
  readonly problems: ReadonlyArray<Problem>
}

const isClusterDocument = ({ value }: SourceDocument): boolean =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "Cluster"

const noCluster = (files: ReadonlyArray<ConfigFile>): Problem => ({
  severity: "error",
  file: files[0]?.path ?? "",
  line: 1,
  column: 1,
  path: "",
  message: "there is no Cluster document",
  expected: "a document with apiVersion: baremetal.cluster.gke.io/v1 and kind: Cluster"
})

/** Documents that are decoded in one step. */
const SLICE = 100

/**
 * `loadCluster` step by step, for who has other things to do in between: with thousands of documents it takes longer than a lease
 * or a hold timer can wait.
 */
export function* loadSteps(files: ReadonlyArray<ConfigFile>): Generator<void, ConfigResult> {
  for (const { text } of files) yield* parseAhead(text)
  const parsed = files.map((file) => parseSource(file.path, file.text))
  const sources = parsed.flatMap((file) => file.documents)
  const documents = noDocuments()
  const problems: Array<Problem> = parsed.flatMap((file) => file.problems)
  const readings: Array<ReturnType<typeof readDocument>> = []
  for (const [at, source] of sources.entries()) {
    readings.push(readDocument(source, documents))
    if (at % SLICE === SLICE - 1) yield
  }
  for (const reading of readings) problems.push(...reading.problems)
  problems.push(...checkDuplicateDocuments(documents), ...checkDaemonConfig(documents))
  const cluster = documents.clusters[0]
  if (cluster === undefined) {
    // A Cluster that is there but wrong, or a file that could not be read, has its own problems already.
    if (!sources.some(isClusterDocument) && !parsed.some((file) => file.problems.length > 0))
      problems.push(noCluster(files))
  } else {
    // What a broken document would have said is not missed as well.
    const complete = readings.every((reading) => reading.complete) && parsed.every((file) => file.complete)
    const context = checkContext(cluster, documents)
    const checks = [checkDocuments, checkControlPlane, checkAddresses, checkServices, checkServiceDocuments]
    const ofTheWhole = complete ? [checkServiceParts, checkServicesServed] : []
    for (const check of [...checks, checkEndpointSlices, ...ofTheWhole]) {
      yield
      for (const problem of check(context)) problems.push(problem)
    }
  }
  const sorted = sortProblems(
    problems,
    files.map((file) => file.path)
  )
  if (cluster === undefined || sorted.some((problem) => problem.severity === "error")) return { problems: sorted }
  yield
  const desired = toDesired(cluster, documents)
  yield
  const canonical = canonicalForm(desired)
  yield
  const daemon = daemonSettings(documents.daemonConfigs[0]?.value)
  return { cluster: desired, canonical, hash: hashOf(canonical), daemon, problems: sorted }
}

/** The cluster that `files` together describe, and what is wrong or doubtful about them. Never throws. */
export const loadCluster = (files: ReadonlyArray<ConfigFile>): ConfigResult => {
  const steps = loadSteps(files)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}
