// What people see: the listings and descriptions of S22 and S23, character by character, in kubectl's layout.
import { expect, describe as group, test } from "bun:test"
import { parse } from "yaml"
import { age } from "../../src/resources/age.ts"
import { bgpAdvertisedRoute } from "../../src/resources/bgpAdvertisedRoute.ts"
import { bgpSession } from "../../src/resources/bgpSession.ts"
import { describe, labelFor } from "../../src/resources/describe.ts"
import { service } from "../../src/resources/documents/service.ts"
import { floatingIp } from "../../src/resources/floatingIp.ts"
import type { ApiObject, ResourceKind } from "../../src/resources/kind.ts"
import { stableUid } from "../../src/resources/kind.ts"
import { findKind, listResources, nearestKind } from "../../src/resources/kinds.ts"
import { node } from "../../src/resources/node.ts"
import type { NodeStatus } from "../../src/resources/nodeStatus.ts"
import { alignColumns, tableLines, toTable } from "../../src/resources/table.ts"
import { toYaml } from "../../src/resources/yaml.ts"
import { clusterStatus, down, NOW, nodeStatus, route, s22, s23, session } from "./fixtures.ts"

const printed = (kind: ResourceKind, status: NodeStatus, wide = false): string => {
  const table = toTable(kind, listResources(kind, status), NOW)
  return alignColumns(tableLines(table, { wide, headers: true })).text.join("\n")
}

const named = <O extends ApiObject>(kind: ResourceKind<O>, status: NodeStatus, name: string): O => {
  const found = listResources(kind, status).find(({ metadata }) => metadata.name === name)
  if (found === undefined) throw new Error(`${name} is not listed`)
  return found
}

group("tables", () => {
  test("S22: sessions are listed with the source's columns and ages", () => {
    expect(printed(bgpSession, s22)).toBe(
      `
NAME                 LOCAL ASN   PEER ASN   LOCAL IP     PEER IP      STATE         LAST REPORT
10.0.1.254-node-01   65500       65000      10.0.1.178   10.0.1.254   Established   2s
10.0.1.254-node-02   65500       65000      10.0.3.212   10.0.1.254   Established   2s
10.0.3.254-node-01   65500       65000      10.0.1.178   10.0.3.254   Established   2s
10.0.3.254-node-02   65500       65000      10.0.3.212   10.0.3.254   Established   2s`.slice(1)
    )
  })

  test("S23: routes are listed once each, whatever the number of sessions, and METRIC is blank without a MED", () => {
    expect(printed(bgpAdvertisedRoute, s23)).toBe(
      `
NAME                                    PREFIX          METRIC
default-default-load-balancer-example   10.1.1.34/32    
default-gke-system-istio-ingress        10.1.1.107/32   `.slice(1)
    )
  })

  test("wide adds why a session is down, and its hold time where one was negotiated", () => {
    const text = printed(bgpSession, nodeStatus([down("10.0.1.254-node-01", "connection refused", { flaps: 3 })]), true)
    const [header, row] = text.split("\n")
    expect(header).toEndWith("PURPOSE   IN STATE   HOLD TIME   ROUTES   FLAPS   REASON")
    expect(row).toMatch(/Connect +2s +service +9m38s +0 +3 +connection refused$/)
  })

  test("addresses that move, with who has them and how this node stands to them", () => {
    expect(printed(floatingIp, clusterStatus)).toBe(
      `
NAME         PURPOSE       NODE      STATE        INTERFACE   AGE
10.0.3.100   floating-ip   node-01   held         eth0        60s
10.0.3.101   floating-ip   node-01   conflict     eth0        8s
10.9.9.9     floating-ip             unassigned               10m`.slice(1)
    )
    const wide = printed(floatingIp, clusterStatus, true).split("\n")
    expect(wide[2]).toEndWith("8s    default   02:00:00:00:00:09 answers for it")
  })

  test("services with their addresses, next hops and what is missing", () => {
    expect(printed(service, clusterStatus)).toBe(
      `
NAME   TYPE           EXTERNAL-IP            PORT(S)          NEXT HOPS   AGE   REASON
web    LoadBalancer   10.1.1.1,2001:db8::1   80/TCP,443/TCP   2           10m   
db     LoadBalancer   <pending>              80/TCP,443/TCP   0           10m   pool pool1 has no free address`.slice(1)
    )
    expect(printed(service, clusterStatus, true).split("\n")[1]).toEndWith("pool1   Cluster   node-01,node-02")
  })

  test("nodes with their state, release and, wide, what they run and hold", () => {
    expect(printed(node, clusterStatus)).toBe(
      `
NAME      STATUS          ROLES    AGE   VERSION
node-01   Ready           <none>   10m   0.1.0
node-02   Ready,Drained   <none>   38s   0.1.0`.slice(1)
    )
    const members = clusterStatus.members.map((one) => ({ ...one, leaving: true }))
    expect(printed(node, { ...clusterStatus, members })).toMatch(/Leaving .* 10m .*\n.*Leaving .* 38s/)
    expect(printed(node, clusterStatus, true).split("\n")[1]).toEndWith(
      "0.1.0     10.0.1.10     4/4        9f2c     10.0.1.100   10.0.1.10,2001:db8:1::10"
    )
  })

  test("a node that says of itself that something is missing is not ready", () => {
    const members = clusterStatus.members.map((one) => ({
      ...one,
      report: { ready: false, summary: "not ready: 1 of 2", sessions: { established: 1, expected: 2 }, held: [] }
    }))
    expect(printed(node, { ...clusterStatus, members })).toMatch(/NotReady .* 10m .*\n.*Ready,Drained .* 38s/)
    expect(named(node, { ...clusterStatus, members }, "node-01").status.conditions).toMatchObject([
      { type: "Ready", status: "False", message: "not ready: 1 of 2" }
    ])
  })

  test("a MED shows as the metric, differing ones side by side", () => {
    const status = nodeStatus([
      session("10.0.1.254-n", { advertised: [route("vip", "10.0.0.8/32", "10.0.0.1", { med: 200 })] }),
      session("10.0.3.254-n", { advertised: [route("vip", "10.0.0.8/32", "10.0.0.1", { med: 50 })] })
    ])
    expect(named(bgpAdvertisedRoute, status, "vip").spec).toEqual({ prefix: "10.0.0.8/32", metric: "50,200" })
  })

  test("later rows keep the widths of earlier ones, so that a watch stays in line", () => {
    const first = alignColumns([
      ["NAME", "STATE"],
      ["10.0.1.254-node-01", "Idle"]
    ])
    expect(alignColumns([["a", "Established"]], first.widths).text).toEqual([`${"a".padEnd(21)}Established`])
  })
})

group("describe", () => {
  test("an address that moves has every node with the reason why or why not", () => {
    expect(describe(named(floatingIp, clusterStatus, "10.0.3.100"))).toBe(
      `
Name:         10.0.3.100
Namespace:    kube-system
Labels:       <none>
Annotations:  <none>
API Version:  viaduct.dev/v1
Kind:         FloatingIP
Metadata:
  Creation Timestamp:  2021-06-14T21:59:00Z
  UID:                 UID
Spec:
  Address:  10.0.3.100
  Of:       default
  Purpose:  floating-ip
Status:
  Candidates:
    Eligible:  true
    Node:      node-01
    Reason:    has eth0 in 10.0.3.0/24
    Eligible:  false
    Node:      node-02
    Reason:    has no interface in its subnet
  Conditions:
    Last Transition Time:  2021-06-14T22:08:38Z
    Message:               node-01 has it and keeps it while it can
    Reason:                held
    Status:                True
    Type:                  Held
  Generation:              7
  Interface:               eth0
  Last Transition Time:    2021-06-14T22:08:38Z
  Node:                    node-01
  Reason:                  node-01 has it and keeps it while it can
  State:                   held
`
        .slice(1)
        .replace(/UID:( +)UID/, (_, gap) => `UID:${gap}${named(floatingIp, clusterStatus, "10.0.3.100").metadata.uid}`)
    )
  })

  test("S22: a session has the source's fields under the source's names", () => {
    const text = describe(named(bgpSession, s22, "10.0.1.254-node-01"))
    expect(text).toBe(
      `
Name:         10.0.1.254-node-01
Namespace:    kube-system
Labels:       <none>
Annotations:  <none>
API Version:  networking.gke.io/v1
Kind:         BGPSession
Metadata:
  Creation Timestamp:  2021-06-14T21:59:00Z
  UID:                 ${named(bgpSession, s22, "10.0.1.254-node-01").metadata.uid}
Spec:
  Floating IP:  10.0.1.178
  Local ASN:    65500
  Local IP:     10.0.1.178
  Node Name:    node-01
  Peer ASN:     65000
  Peer IP:      10.0.1.254
  Purpose:      service
Status:
  Advertised Routes:
    10.0.4.1/32
  Conditions:
    Last Transition Time:  2021-06-14T22:00:00Z
    Reason:                Established
    Status:                True
    Type:                  Established
  Flaps:                   0
  Last Report Time:        2021-06-14T22:09:36Z
  Last Transition Time:    2021-06-14T22:00:00Z
  Messages Received:
    Keepalive:      40
    Notification:   0
    Open:           1
    Route Refresh:  0
    Update:         2
  Messages Sent:
    Keepalive:      40
    Notification:   0
    Open:           1
    Route Refresh:  0
    Update:         2
  Received Routes:  0
  Received Sample:
  State:  Established
`.slice(1)
    )
  })

  test("S23: a route has its next hops, and for each the sessions that announce it", () => {
    const text = describe(named(bgpAdvertisedRoute, s23, "default-default-load-balancer-example"))
    expect(text).toEndWith(
      `
Spec:
  Prefix:  10.1.1.34/32
Status:
  Next Hops:
    Address:  10.0.1.10
    Path ID:  1
    Sessions:
      10.0.1.254-node-01
    Address:  10.0.1.11
    Path ID:  2
    Sessions:
      10.0.1.254-node-01
      10.0.3.254-node-01
`.slice(1)
    )
  })

  test("a control-plane session shows an empty floating IP, and a reason while it is down (S3, I9)", () => {
    const status = nodeStatus([down("10.0.1.254-node-01", "no route to host", { purpose: "control-plane" })])
    const text = describe(named(bgpSession, status, "10.0.1.254-node-01"))
    expect(text).toContain("\n  Floating IP:  \n")
    expect(text).toContain("\n  Reason:           no route to host\n")
  })

  test.each([
    ["advertisedRoutes", "Advertised Routes"],
    ["localASN", "Local ASN"],
    ["uid", "UID"],
    ["apiVersion", "API Version"],
    ["ipv4", "ipv4"],
    ["peerRouterID", "Peer Router ID"]
  ])("the key %s is shown as %s", (key, label) => expect(labelFor(key)).toBe(label))

  test("labels and annotations stand one below the other", () => {
    const object = named(bgpSession, s22, "10.0.1.254-node-01")
    const metadata = { ...object.metadata, labels: { b: "2", a: "1" }, annotations: { note: "x" } }
    expect(describe({ ...object, metadata })).toContain(
      "Labels:       a=1\n              b=2\nAnnotations:  note: x\nAPI Version:  "
    )
  })
})

group("ages", () => {
  const seconds = (n: number) => age("2021-06-14T00:00:00Z", Date.parse("2021-06-14T00:00:00Z") + n * 1000)
  test.each([
    [0, "0s"],
    [119, "119s"],
    [120, "2m"],
    [125, "2m5s"],
    [3599, "59m"],
    [3 * 3600 - 1, "179m"],
    [3 * 3600, "3h"],
    [3 * 3600 + 1260, "3h21m"],
    [8 * 3600 + 1260, "8h"],
    [47 * 3600, "47h"],
    [50 * 3600, "2d2h"],
    [9 * 86400, "9d"],
    [800 * 86400, "2y70d"],
    [9 * 365 * 86400, "9y"],
    [-1, "0s"],
    [-5, "<invalid>"]
  ])("%d seconds are %s", (n, text) => expect(seconds(n)).toBe(text))

  test("text that is no time has no age", () => expect(age("never", NOW)).toBe("<invalid>"))
})

group("objects", () => {
  test("a second prefix under one name (dual stack, S15) is an object of its own", () => {
    const status = nodeStatus([
      session("10.0.1.254-n", {
        advertised: [
          route("control-plane", "2001:db8::8/128", "2001:db8::1"),
          route("control-plane", "10.0.0.8/32", "10.0.0.1")
        ]
      })
    ])
    expect(listResources(bgpAdvertisedRoute, status).map(({ metadata, spec }) => [metadata.name, spec.prefix])).toEqual(
      [
        ["control-plane", "10.0.0.8/32"],
        ["control-plane-2001:db8::8", "2001:db8::8/128"]
      ]
    )
  })

  test("the uid is a version 8 UUID, the same on every reading, another after the daemon restarted", () => {
    const uid = named(bgpSession, s22, "10.0.1.254-node-01").metadata.uid
    expect(uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(named(bgpSession, s22, "10.0.1.254-node-01").metadata.uid).toBe(uid)
    expect(named(bgpSession, { ...s22, startedAt: NEW_START }, "10.0.1.254-node-01").metadata.uid).not.toBe(uid)
    expect(new Set(Array.from({ length: 2000 }, (_, i) => stableUid("kind", String(i)))).size).toBe(2000)
  })
  const NEW_START = "2021-06-15T00:00:00Z"

  test("YAML says what the object says", () => {
    const object = named(bgpSession, s22, "10.0.1.254-node-01")
    const text = toYaml(object)
    expect(text).toStartWith(
      "apiVersion: networking.gke.io/v1\nkind: BGPSession\nmetadata:\n  name: 10.0.1.254-node-01\n"
    )
    expect(parse(text)).toEqual(JSON.parse(JSON.stringify(object)))
  })

  test.each([
    ["bgpsessions", "BGPSession"],
    ["BGPSession", "BGPSession"],
    ["bgps", "BGPSession"],
    ["bgpsessions.networking.gke.io", "BGPSession"],
    ["bgpadvertisedroute", "BGPAdvertisedRoute"],
    ["fip", "FloatingIP"],
    ["services", "Service"],
    ["bgppeers.networking.gke.io", "BGPPeer"],
    ["ngg", "NetworkGatewayGroup"],
    ["no", "Node"]
  ])("%s names the kind %s", (word, kind) => expect(findKind(word)?.kind).toBe(kind))

  test("a misspelt kind has a nearest name, an unrelated word has none", () => {
    expect(findKind("bgpsesions")).toBeUndefined()
    expect(nearestKind("bgpsesions")).toBe("bgpsessions")
    expect(nearestKind("bgpadvertisedrotue")).toBe("bgpadvertisedroutes")
    expect(nearestKind("deployments")).toBeUndefined()
    expect(nearestKind("nods")).toBe("nodes")
  })
})
