// A change as people read it.
import { expect, test } from "bun:test"
import { printChange } from "../../src/plan/printChange.ts"

test("what is the same on many nodes is told once, and what has to be insisted on comes before the sum", () => {
  const reset = (node: string) => ({
    verdict: "session reset" as const,
    node,
    subject: `session 10.0.1.254-${node}`,
    detail: "holdTime 90 → 30",
    parameters: ["holdTime"]
  })
  const moved = (name: string) => ({
    verdict: "address moved" as const,
    subject: `service default/${name}`,
    detail: "from 10.1.1.1 to 10.1.1.3"
  })
  const text = printChange({
    lines: [
      moved("web"),
      moved("db"),
      ...["a", "b", "c", "d", "e"].map(reset),
      { verdict: "no effect", subject: "BGPPeer spare", detail: "no BGPLoadBalancer selects it" }
    ],
    guards: [{ type: "service-address", subject: "service default/web", reason: "service default/web would lose it" }],
    summary: "2 addresses moved, 5 sessions reset; 5 nodes"
  })
  expect(text).toBe(
    `
address moved     service default/web
                    from 10.1.1.1 to 10.1.1.3
address moved     service default/db
                    from 10.1.1.1 to 10.1.1.3
session reset     sessions 10.0.1.254-a, 10.0.1.254-b, 10.0.1.254-c and 2 more sessions on a, b, c and 2 more nodes
                    holdTime 90 → 30
no effect         BGPPeer spare
                    no BGPLoadBalancer selects it
Has to be insisted on (--force):
  - service default/web would lose it
2 addresses moved, 5 sessions reset; 5 nodes`.trimStart()
  )
})

test("nothing to tell is one line, and the word of a verdict can be coloured", () => {
  expect(printChange({ lines: [], guards: [], summary: "nothing moves" })).toBe("nothing moves")
  const line = { verdict: "withdraw" as const, node: "a", subject: "session s", detail: "withdraws prefix 10.1.1.1/32" }
  const painted = printChange(
    { lines: [line], guards: [], summary: "x" },
    { paint: (verdict, text) => `<${verdict}|${text}>` }
  )
  expect(painted.split("\n")[0]).toBe("<withdraw|withdraw        >  session s on a")
})
