// `viaduct version`: which build this is, for a bug report: release, commit, runtime, machine.
import { Console } from "effect"
import { Command } from "effect/cli"
import manifest from "../../package.json" with { type: "json" }
import { build, version } from "../version.ts"
import { outputFlag } from "./loadFiles.ts"

const facts = () => ({
  version,
  ...build,
  bun: Bun.version,
  effect: manifest.dependencies.effect,
  platform: `${process.platform}/${process.arch}`
})

const text = ({ commit, date, bun, platform, effect }: ReturnType<typeof facts>): string => {
  const from =
    commit === undefined ? "run from its sources" : `commit ${commit}${date === undefined ? "" : ` of ${date}`}`
  return `viaduct ${version} (${from}; Bun ${bun}, Effect ${effect}, ${platform})`
}

export const versionCommand = Command.make("version", { output: outputFlag }, ({ output }) =>
  Console.log(output === "json" ? JSON.stringify(facts()) : text(facts()))
).pipe(Command.withDescription("Show which build this is"))
