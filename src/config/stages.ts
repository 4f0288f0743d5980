// A change of the config peer by peer (S20): the configs to go through, each whole and valid. New peers come first, one at a time, beside
// all that there is; then everything else at once, while the old peers still stand; the old peers go last, one at a time. So a step
// that goes wrong leaves the sessions of before, and the last steps only take away what has been replaced.
// A peer is its address and port: one that changes its address is a new peer and an old one, under two names for a while. Where the
// change has another `peerSelector` as well, a peer that is beside its own config has the labels that this one asks for.
import { isMap, isSeq, parseDocument } from "yaml"
import { selects } from "../ipam/selector.ts"
import { type Address, parseAddress } from "../net/ip.ts"
import { DEFAULT_PORT } from "../plan/peerDefaults.ts"
import { type ConfigDocument, documentsOf, sameDocuments } from "./documentsOf.ts"
import { editFiles } from "./edit.ts"
import { isRecord, type Json } from "./identity.ts"
import { type ConfigFile, loadCluster } from "./load.ts"
import { contentOf, splitPieces, withContent } from "./pieces.ts"

/** Where sessions go to. */
export interface PeerEnd {
  readonly address: Address
  readonly port: number
}

export interface Stage {
  /** `add peer 10.0.1.254`, `everything else`, `remove peer 10.0.1.254`. */
  readonly what: string
  /** The whole config of this step. */
  readonly files: ReadonlyArray<ConfigFile>
  /** Has to be Established before the next step. */
  readonly added?: PeerEnd
}

/** An entry of bgpPeers or a BGPPeer document. */
interface Peer {
  readonly end: PeerEnd
  readonly key: string
  readonly text: string
  readonly value: Json
  readonly document: boolean
}

const PATH = ["spec", "loadBalancer", "bgpPeers"]

const endOf = (address: unknown, port: unknown): PeerEnd | undefined => {
  const parsed = typeof address === "string" ? parseAddress(address) : undefined
  return parsed === undefined ? undefined : { address: parsed, port: typeof port === "number" ? port : DEFAULT_PORT }
}

const endText = ({ address, port }: PeerEnd): string => (port === DEFAULT_PORT ? address : `${address} port ${port}`)

const entriesOf = (cluster: Json | undefined): ReadonlyArray<Json> => {
  const found = PATH.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), cluster)
  return Array.isArray(found) ? found.filter(isRecord) : []
}

const clusterOf = (files: ReadonlyArray<ConfigFile>): ConfigDocument | undefined =>
  documentsOf(files).find(({ object }) => object?.ref.kind === "Cluster")

/** By kind and address: a router may be a peer of the control plane and one of the services. */
const peersOf = (files: ReadonlyArray<ConfigFile>): ReadonlyMap<string, Peer> => {
  const peers = new Map<string, Peer>()
  const add = (value: Json, end: PeerEnd | undefined, document: boolean): void => {
    if (end === undefined) return
    const key = `${document ? "BGPPeer" : "bgpPeers"} ${endText(end)}`
    const what = document ? `service peer ${endText(end)}` : `peer ${endText(end)}`
    if (!peers.has(key)) peers.set(key, { end, key, text: what, value, document })
  }
  for (const entry of entriesOf(clusterOf(files)?.object?.content)) add(entry, endOf(entry.ip, entry.port), false)
  for (const { object } of documentsOf(files)) {
    const spec = object?.content.spec
    if (object?.ref.kind === "BGPPeer" && isRecord(spec)) add(object.content, endOf(spec.peerIP, spec.port), true)
  }
  return peers
}

/** With one more entry in bgpPeers, comments and all else as they are. */
const withEntry = (files: ReadonlyArray<ConfigFile>, entry: Json): ReadonlyArray<ConfigFile> => {
  const cluster = clusterOf(files)
  if (cluster === undefined) return files
  return files.map((file, index) => {
    if (index !== cluster.file) return file
    const pieces = splitPieces(file.text).map(({ text }, piece) => {
      if (piece !== cluster.piece) return text
      const document = parseDocument(contentOf(text))
      const list = document.getIn(PATH)
      if (isSeq(list)) document.addIn(PATH, document.createNode(entry))
      else if (isMap(document.getIn(PATH.slice(0, -1)))) document.setIn(PATH, document.createNode([entry]))
      return withContent(text, document.toString({ lineWidth: 0, flowCollectionPadding: false }))
    })
    return { path: file.path, text: pieces.join("") }
  })
}

const withName = (value: Json, name: string): Json => ({
  ...value,
  metadata: { ...(isRecord(value.metadata) ? value.metadata : {}), name }
})

/** With one more BGPPeer; under another name where its own is taken. */
const withDocument = (files: ReadonlyArray<ConfigFile>, value: Json, suffix: string): ReadonlyArray<ConfigFile> => {
  const name = isRecord(value.metadata) ? String(value.metadata.name) : "peer"
  for (let n = 0; n < 100; n++) {
    const free = n === 0 ? name : `${name}-${suffix}${n === 1 ? "" : `-${n}`}`
    const edited = editFiles(files, { type: "put", object: withName(value, free), ifAbsent: true }, () => 0)
    if (edited.outcome === "edited") return edited.files
    if (edited.outcome !== "exists") break
  }
  return files
}

type Labels = Readonly<Record<string, string>>

/** Labels of a document that is valid. */
const asLabels = (value: unknown): Labels =>
  isRecord(value) ? Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)])) : {}

const labelsOf = ({ metadata }: Json): Labels => asLabels(isRecord(metadata) ? metadata.labels : undefined)

/** Of the BGPLoadBalancer; none: nothing is selected. */
const selectorOf = (files: ReadonlyArray<ConfigFile>): Labels | undefined => {
  const document = documentsOf(files).find(({ object }) => object?.ref.kind === "BGPLoadBalancer")
  const spec = document?.object?.content.spec
  return isRecord(spec) && isRecord(spec.peerSelector) ? asLabels(spec.peerSelector) : undefined
}

/** `value`, of the config `home`, as it has to be to serve in another one, if it does at home. */
const selectedIn = (files: ReadonlyArray<ConfigFile>, home: ReadonlyArray<ConfigFile>, value: Json): Json => {
  const selector = selectorOf(files)
  const [labels, atHome] = [labelsOf(value), selectorOf(home)]
  if (selector === undefined || atHome === undefined || !selects({ matchLabels: atHome }, labels)) return value
  const metadata = isRecord(value.metadata) ? value.metadata : {}
  return { ...value, metadata: { ...metadata, labels: { ...labels, ...selector } } }
}

const withPeer = (
  files: ReadonlyArray<ConfigFile>,
  home: ReadonlyArray<ConfigFile>,
  { value, document }: Peer,
  suffix: string
) => (document ? withDocument(files, selectedIn(files, home, value), suffix) : withEntry(files, value))

const sameMeaning = (a: ReadonlyArray<ConfigFile>, b: ReadonlyArray<ConfigFile>): boolean =>
  loadCluster(a).hash === loadCluster(b).hash

const isValid = (files: ReadonlyArray<ConfigFile>): boolean => loadCluster(files).cluster !== undefined

/** `from` with one peer of `home` after the other; those with which it would be no valid config are left out. */
const adding = (
  from: ReadonlyArray<ConfigFile>,
  home: ReadonlyArray<ConfigFile>,
  peers: ReadonlyArray<Peer>,
  suffix: string
) => {
  let files = from
  const steps: Array<{ readonly peer: Peer; readonly files: ReadonlyArray<ConfigFile> }> = []
  for (const peer of peers) {
    const more = withPeer(files, home, peer, suffix)
    if (!isValid(more)) continue
    files = more
    steps.push({ peer, files })
  }
  return { files, steps }
}

/** The steps from one config to the other; none where both say the same. Both have to be valid. */
export const stagesOf = (before: ReadonlyArray<ConfigFile>, after: ReadonlyArray<ConfigFile>): ReadonlyArray<Stage> => {
  const [old, next] = [peersOf(before), peersOf(after)]
  const added = [...next.values()].filter(({ key }) => !old.has(key))
  const removed = [...old.values()].filter(({ key }) => !next.has(key))
  const first = adding(before, after, added, "new")
  // From the end: the config with all old peers, with all but the first, and so on down to the config that is wanted.
  const kept = adding(after, before, removed.toReversed(), "old")
  const stages: Array<Stage> = first.steps.map(({ peer, files }) => ({
    what: `add ${peer.text}`,
    files,
    added: peer.end
  }))
  // What is in other words only comes with the last step.
  if (!sameMeaning(first.files, kept.files)) stages.push({ what: "everything else", files: kept.files })
  const left = kept.steps.toReversed()
  for (const [index, { peer }] of left.entries())
    stages.push({ what: `remove ${peer.text}`, files: left[index + 1]?.files ?? after })
  const last = stages.pop()
  if (last !== undefined) return [...stages, { ...last, files: after }]
  return sameDocuments(before, after) ? [] : [{ what: "everything else", files: after }]
}
