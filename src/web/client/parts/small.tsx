// Small pieces that several pages use: a badge with a sign, an age that goes on, a field to filter, a choice of few.

import type { ComponentChildren } from "preact"
import { age } from "../model/format.ts"
import { now } from "../state.ts"
import { Search, Sign, type Tone } from "./icons.tsx"

export const Badge = ({ tone, children }: { tone: Tone; children: ComponentChildren }) => (
  <span class={`badge tone-${tone}`}>
    <Sign tone={tone} size={14} />
    <span>{children}</span>
  </span>
)

const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" })

/** How long ago, with the whole date to whoever hovers. */
export const Age = ({ at, ago = false }: { at: string; ago?: boolean }) => {
  const time = Date.parse(at)
  if (!Number.isFinite(time)) return <span>{at}</span>
  return (
    <time dateTime={at} title={local.format(time)}>
      {age(at, now.value)}
      {ago ? " ago" : ""}
    </time>
  )
}

export const clock = (at: string): string => local.format(Date.parse(at))

interface FilterProps {
  readonly label: string
  readonly value: string
  readonly onInput: (value: string) => void
}

/** `/` goes here, from anywhere on the page. */
export const Filter = ({ label, value, onInput }: FilterProps) => (
  <label class="filter">
    <Search />
    <span class="hidden">{label}</span>
    <input
      type="search"
      placeholder={label}
      value={value}
      autocomplete="off"
      spellcheck={false}
      data-filter
      onInput={(event) => onInput(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Escape" && value !== "") {
          event.stopPropagation()
          onInput("")
        }
      }}
    />
    <span class="key" aria-hidden="true">
      /
    </span>
  </label>
)

interface ChoiceProps {
  readonly label: string
  readonly value: string
  readonly options: ReadonlyArray<{ readonly value: string; readonly name: string; readonly count?: number }>
  readonly onChange: (value: string) => void
}

/** One of a few, as buttons in a row. */
export const Choice = ({ label, value, options, onChange }: ChoiceProps) => (
  <fieldset class="choice">
    <legend class="hidden">{label}</legend>
    {options.map((option) => (
      <button
        key={option.value}
        type="button"
        aria-pressed={option.value === value}
        class={option.value === value ? "chosen" : ""}
        onClick={() => onChange(option.value)}
      >
        {option.name}
        {option.count !== undefined && <span class="count">{option.count}</span>}
      </button>
    ))}
  </fieldset>
)

/** Whether all words of the filter are in the text, whatever their case. */
export const matches = (filter: string, ...texts: ReadonlyArray<string | undefined>): boolean => {
  const text = texts.join(" ").toLowerCase()
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

export const sessionTone = (health: "up" | "trying" | "down"): Tone =>
  health === "up" ? "good" : health === "trying" ? "trying" : "bad"
