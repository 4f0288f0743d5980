// What a program does with @kubernetes/client-node on Node, as the kubeconfig in KUBECONFIG says; each step's finding is a line of JSON.
import {
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  Watch
} from "@kubernetes/client-node"

const config = new KubeConfig()
config.loadFromDefault()
const custom = config.makeApiClient(CustomObjectsApi)
const core = config.makeApiClient(CoreV1Api)
const PEERS = { group: "networking.gke.io", version: "v1", namespace: "cluster-e2e", plural: "bgppeers" }
const path = "/apis/networking.gke.io/v1/namespaces/cluster-e2e/bgppeers"

const tell = (step, finding) => process.stdout.write(`${JSON.stringify({ step, finding })}\n`)
const failure = (error) => ({ code: error.code, message: JSON.parse(error.body ?? "{}").message })
const peer = (name, spec = {}) => ({
  apiVersion: "networking.gke.io/v1",
  kind: "BGPPeer",
  metadata: { name },
  spec: { localASN: 65001, peerASN: 65002, peerIP: "127.24.2.250", sessions: 1, ...spec }
})
/** Resolves with the first event of a type for an object. */
const once = (informer, type, name) =>
  new Promise((resolve) => {
    const heard = (object) => {
      if (object.metadata.name !== name) return
      informer.off(type, heard)
      resolve(object)
    }
    informer.on(type, heard)
  })

const { items } = await custom.listNamespacedCustomObject({ ...PEERS, namespace: "kube-system", plural: "bgpsessions" })
tell(
  "list",
  items.map(({ metadata }) => metadata.name)
)

const list = () => custom.listNamespacedCustomObject(PEERS)
const informer = makeInformer(config, path, list)
await informer.start()
tell(
  "informer",
  informer.list().map(({ metadata }) => metadata.name)
)

const added = once(informer, "add", "p2")
const created = await custom.createNamespacedCustomObject({ ...PEERS, body: peer("p2") })
tell("create", created.metadata.generation)
tell("informer add", (await added).spec.peerIP)

const body = { spec: { sessions: 2 } }
const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch)
const updated = once(informer, "update", "p2")
const merged = await custom.patchNamespacedCustomObject({ ...PEERS, name: "p2", body }, merge)
tell("merge patch", [merged.metadata.generation, (await updated).spec.sessions])
const operations = [{ op: "replace", path: "/spec/sessions", value: 3 }]
const patched = await custom.patchNamespacedCustomObject({ ...PEERS, name: "p2", body: operations })
tell("json patch", patched.spec.sessions)

await custom
  .replaceNamespacedCustomObject({ ...PEERS, name: "p2", body: created })
  .catch((error) => tell("stale replace", failure(error).code))
await custom
  .createNamespacedCustomObject({ ...PEERS, body: peer("bad", { peerASN: 0 }) })
  .catch((error) => tell("invalid", failure(error)))

const objects = KubernetesObjectApi.makeApiClient(config)
const service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default" },
  spec: { type: "LoadBalancer", ports: [{ port: 80 }] }
}
tell("object create", (await objects.create(service)).metadata.uid !== undefined)
tell(
  "core list",
  (await core.listNamespacedService({ namespace: "default" })).items.map(({ metadata }) => metadata.name)
)
tell("events", (await core.listNamespacedEvent({ namespace: "kube-system" })).items.length > 0)
tell(
  "nodes",
  (await core.listNode()).items.map(({ metadata }) => metadata.name)
)

const seen = await new Promise((resolve, reject) => {
  const types = []
  const watching = new Watch(config).watch(
    path,
    { allowWatchBookmarks: true },
    async (type, object) => {
      types.push(`${type} ${object.metadata.name}`)
      if (type === "ADDED" && object.metadata.name === "p2")
        await custom.deleteNamespacedCustomObject({ ...PEERS, name: "p2" })
      if (type === "DELETED") {
        resolve(types)
        ;(await watching).abort()
      }
    },
    reject
  )
})
tell(
  "watch",
  seen.filter((one) => one.endsWith(" p2"))
)
await objects.delete(service)
await informer.stop()
process.exit(0)
