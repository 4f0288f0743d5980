// How AS_PATH and AS4_PATH of a two-octet peer become one path (RFC 6793 4.2.3).
import { describe, expect, test } from "bun:test"
import { type AsPath, mergeAs4Path, writeAsPath } from "../../src/bgp/attribute/asPath.ts"

describe("AS4_PATH is led by as much of AS_PATH as it is shorter (RFC 6793 4.2.3)", () => {
  const rows: ReadonlyArray<readonly [what: string, path: AsPath, as4: AsPath, merged: AsPath]> = [
    ["equal length", [[23456, 65001]], [[70000, 65001]], [[70000, 65001]]],
    ["one hop more, sequences join", [[65002, 23456]], [[70000]], [[65002, 70000]]],
    ["a set counts one", [[65002], { set: [1, 2] }, [23456]], [[70000]], [[65002], { set: [1, 2] }, [70000]]],
    [
      "a leading confederation segment stays",
      [{ confedSequence: [64512] }, [23456]],
      [[70000]],
      [{ confedSequence: [64512] }, [70000]]
    ],
    ["a set in AS4_PATH does not join", [[65002], { set: [23456] }], [{ set: [70000] }], [[65002], { set: [70000] }]],
    ["longer AS4_PATH: ignored", [[65001]], [[70000, 70001]], [[65001]]],
    ["empty AS4_PATH", [[65001, 65002]], [], [[65001, 65002]]]
  ]
  for (const [what, path, as4, merged] of rows) {
    test(what, () => expect(mergeAs4Path(path, as4)).toEqual(merged))
  }
})

test("a sequence of more than 255 AS numbers is split (RFC 4271 4.3)", () => {
  const octets = writeAsPath([Array.from({ length: 300 }, () => 65001)], false)
  expect([octets[1], octets[2 + 255 * 2 + 1], octets.length]).toEqual([255, 45, 300 * 2 + 4])
})
