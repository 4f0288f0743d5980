// The colours, held to WCAG 2.1 AA: text 4.5 to 1 on whatever it stands on, signs and lines 3 to 1; and the dark set is
// the same where it stands twice.
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const css = readFileSync(join(import.meta.dir, "../../src/web/client/styles/colours.css"), "utf8")

type Colours = Readonly<Record<string, string>>

const block = (head: string, from = 0): Colours => {
  const start = css.indexOf("{", css.indexOf(head, from)) + 1
  const body = css.slice(start, css.indexOf("}", start))
  return Object.fromEntries(
    [...body.matchAll(/--([\w-]+): ([^;]+);/g)].map((match) => [match[1] ?? "", match[2] ?? ""])
  )
}

const dark = block(":root {", css.indexOf("@media"))
const themes: Readonly<Record<string, Colours>> = { light: block(":root {"), dark: block(':root[data-theme="dark"]') }

const luminance = (hex: string): number => {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

const contrast = (a: string, b: string): number => {
  const [light = 0, dim = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (light + 0.05) / (dim + 0.05)
}

const grounds = ["ground", "surface", "raised"]
const softs = ["accent-soft", "good-soft", "trying-soft", "warn-soft", "bad-soft", "off-soft"]
const text: ReadonlyArray<readonly [string, string]> = [
  ...[...grounds, ...softs].flatMap((on) => [["text", on] as const, ["dim", on] as const]),
  ...grounds.flatMap((on) => ["accent", "good", "trying", "warn", "bad", "off"].map((of) => [of, on] as const)),
  ["accent", "accent-soft"],
  ["accent", "warn-soft"],
  ["on-accent", "accent"],
  ["on-tone", "good"],
  ["on-tone", "warn"],
  ["on-tone", "bad"]
]
const signs: ReadonlyArray<readonly [string, string]> = [
  ["line-strong", "surface"],
  ["line-strong", "ground"],
  ...["good", "trying", "warn", "bad", "off"].map((tone) => [tone, `${tone}-soft`] as const)
]

describe.each(Object.keys(themes))("the %s theme", (name) => {
  const colours = themes[name] ?? {}
  const of = (colour: string): string => {
    const value = colours[colour]
    if (value === undefined || !/^#[0-9a-f]{6}$/.test(value)) throw new Error(`no colour ${colour}`)
    return value
  }
  test.each([...text])("text %s on %s", (a, b) => {
    expect(contrast(of(a), of(b))).toBeGreaterThanOrEqual(4.5)
  })
  test.each([...signs])("sign %s on %s", (a, b) => {
    expect(contrast(of(a), of(b))).toBeGreaterThanOrEqual(3)
  })
})

test("the dark set is the same, asked for by the system or chosen on the page", () => {
  expect(dark).toEqual(themes.dark ?? {})
  expect(block(':root[data-theme="light"]')).toEqual(themes.light ?? {})
  expect(Object.keys(dark).length).toBeGreaterThan(15)
})
