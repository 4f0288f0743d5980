// What does not fit together in a DaemonConfig: halves of a pair, files for TLS without TLS, an endpoint twice.
import type { Documents } from "../kinds.ts"
import type { Problem } from "../problem.ts"
import { duplicates, errorAt, lineOf, type Place, warningAt } from "./report.ts"

const PAIRS = [
  ["certFile", "keyFile"],
  ["keyFile", "certFile"],
  ["username", "passwordFile"],
  ["passwordFile", "username"]
] as const

export const checkDaemonConfig = ({ daemonConfigs }: Documents): ReadonlyArray<Problem> =>
  daemonConfigs.flatMap(({ source, value }) => {
    const { etcd, admin } = value.spec
    const ownPlace = (field: string): Place => ({ source, path: ["spec", "admin", field] })
    const adminHalves = (["certFile", "keyFile"] as const).flatMap((given) => {
      const other = given === "certFile" ? "keyFile" : "certFile"
      if (admin?.[given] === undefined || admin[other] !== undefined) return []
      return [errorAt(ownPlace(given), `${given} needs ${other} beside it`)]
    })
    if (etcd === undefined) return adminHalves
    const at = (...path: ReadonlyArray<string | number>): Place => ({ source, path: ["spec", "etcd", ...path] })
    const halves = PAIRS.filter(([given, other]) => etcd[given] !== undefined && etcd[other] === undefined)
    const secure = etcd.endpoints.filter((url) => url.startsWith("https:"))
    const files = (["caFile", "certFile"] as const).filter((field) => etcd[field] !== undefined)
    return [
      ...adminHalves,
      ...halves.map(([given, other]) => errorAt(at(given), `${given} needs ${other} beside it`)),
      ...duplicates(
        etcd.endpoints.map((url, i) => ({ ...at("endpoints", i), value: url.replace(/\/$/, "") })),
        (url) => url,
        (again, first) =>
          errorAt(again, `the endpoint is there twice, first in ${lineOf(first, again)}`, { found: again.value })
      ),
      ...(secure.length > 0
        ? []
        : files.map((field) =>
            warningAt(at(field), `${field} has no effect: no endpoint is https`, { expected: "https endpoints" })
          ))
    ]
  })
