// What a shell and a bug report need: completions that a real bash takes, the build that this is, help for every command.
import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import manifest from "../../package.json" with { type: "json" }
import { program } from "./world.ts"

const run = async (command: ReadonlyArray<string>, input = "") => {
  const child = Bun.spawn([...command], { stdin: new Blob([input]), stdout: "pipe", stderr: "pipe" })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}

const viaduct = (...args: ReadonlyArray<string>) => run([...program, ...args])

/** What bash offers for a line with the cursor at its end. */
const completed = async (...words: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const directory = mkdtempSync(join(tmpdir(), "viaduct-completion-"))
  try {
    const file = join(directory, "viaduct.bash")
    writeFileSync(file, (await viaduct("--completions", "bash")).out)
    const quoted = words.map((word) => `'${word}'`).join(" ")
    const script = [
      `source '${file}'`,
      `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; COMP_LINE='${words.join(" ")}'; COMP_POINT=\${#COMP_LINE}`,
      "function=$(complete -p viaduct | sed -E 's/.* -F ([^ ]+) .*/\\1/')",
      `"$function" viaduct '${words.at(-1) ?? ""}' '${words.at(-2) ?? ""}'`,
      `printf "%s\\n" "\${COMPREPLY[@]}"`
    ].join("\n")
    const { out, err } = await run(["bash", "--norc", "-c", script])
    expect(err).toBe("")
    return out.split("\n").filter((line) => line !== "")
  } finally {
    rmSync(directory, { recursive: true })
  }
}

describe("completions", () => {
  test("bash offers the commands, and of a command its flags and their choices", async () => {
    const commands = await completed("viaduct", "")
    for (const name of ["run", "apply", "get", "router-config"]) expect(commands).toContain(name)
    expect(await completed("viaduct", "router-")).toEqual(["router-config"])
    expect(await completed("viaduct", "run", "--data")).toEqual(["--data-dir"])
    for (const name of ["apply", "diff"]) expect(await completed("viaduct", name, "--fi")).toEqual(["--file"])
    expect(await completed("viaduct", "router-config", "--format", "ope")).toEqual(["openbgpd"])
  })
})

describe("version and help", () => {
  test("version says release, commit, runtime and machine, for people and for machines", async () => {
    const { out } = await viaduct("version")
    expect(out).toMatch(/^viaduct \d+\.\d+\.\d+ \((?:commit [0-9a-f]{10}(?:\+changes)? of \d{4}-|run from its sources)/)
    expect(out).toContain(`Bun ${Bun.version}, Effect ${manifest.dependencies.effect}, linux/`)
    const parsed = JSON.parse((await viaduct("version", "-o", "json")).out)
    expect(parsed).toMatchObject({ version: manifest.version, bun: Bun.version })
    if (process.env.VIADUCT_BIN !== undefined) expect(parsed.commit).toMatch(/^[0-9a-f]{10}/)
  })

  test("every command has a description, and help for each of its flags", async () => {
    const { out } = await viaduct("--help")
    const [, list = ""] = out.split("SUBCOMMANDS\n")
    const commands = list.split("\n").flatMap((line) => /^ {2}(\S+)\s{2,}(\S.*)$/.exec(line)?.slice(1, 3) ?? [])
    expect(commands.length).toBeGreaterThan(30)
    for (let i = 0; i < commands.length; i += 2) {
      const help = (await viaduct(commands[i] ?? "", "--help")).out
      expect(help).toContain(commands[i + 1] ?? "?")
      const bare = help.split("\n").filter((line) => /^ {2}--\S+(, -\w)?( \S+)?\s*$/.test(line))
      expect([commands[i], bare]).toEqual([commands[i], []])
    }
  }, 60_000)
})
