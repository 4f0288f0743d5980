// The few signs that the pages use, drawn here so that nothing is fetched. States differ in shape and not in colour
// alone.
import type { ComponentChildren } from "preact"
import type { Page } from "../state.ts"

const Icon = ({ children, size = 20 }: { children: ComponentChildren; size?: number }) => (
  <svg
    class="icon"
    width={size}
    height={size}
    viewBox="0 0 20 20"
    fill="none"
    stroke="currentColor"
    stroke-width="1.7"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    {children}
  </svg>
)

const pagePaths: Readonly<Record<Page, ComponentChildren>> = {
  cluster: (
    <>
      <circle cx="4.5" cy="5" r="2.2" />
      <circle cx="4.5" cy="15" r="2.2" />
      <circle cx="15.5" cy="10" r="2.2" />
      <path d="M6.7 5.8 13.3 9.2M6.7 14.2l6.6-3.4" />
    </>
  ),
  sessions: <path d="M3 7h12m0 0-3.2-3.2M15 7l-3.2 3.2M17 13H5m0 0 3.2-3.2M5 13l3.2 3.2" />,
  routes: (
    <>
      <path d="M4 16V9.5A3.5 3.5 0 0 1 7.5 6H16m0 0-3-3m3 3-3 3" />
      <path d="M4 16h12" />
    </>
  ),
  events: (
    <>
      <path d="M7.5 5H17M7.5 10H17M7.5 15H17" />
      <path d="M3.5 5h.01M3.5 10h.01M3.5 15h.01" stroke-width="2.6" />
    </>
  ),
  config: <path d="M7 3.5 3 10l4 6.500M13 3.5 17 10l-4 6.5" />
}

export const PageIcon = ({ page }: { page: Page }) => <Icon>{pagePaths[page]}</Icon>

export type Tone = "good" | "trying" | "warn" | "bad" | "off"

const shapes: Readonly<Record<Tone, ComponentChildren>> = {
  good: (
    <>
      <circle cx="8" cy="8" r="7" fill="currentColor" />
      <path d="m4.8 8.3 2.2 2.2 4.3-4.7" stroke="var(--on-tone)" stroke-width="1.8" fill="none" />
    </>
  ),
  trying: (
    <>
      <circle cx="8" cy="8" r="6.1" fill="none" stroke="currentColor" stroke-width="1.8" />
      <path d="M8 1.900a6.1 6.1 0 0 1 0 12.200Z" fill="currentColor" />
    </>
  ),
  warn: (
    <>
      <path
        d="M8 1.2 15.3 14H.7Z"
        fill="currentColor"
        stroke="currentColor"
        stroke-width="1.2"
        stroke-linejoin="round"
      />
      <path d="M8 6v3.600M8 11.900v.01" stroke="var(--on-tone)" stroke-width="1.7" />
    </>
  ),
  bad: (
    <>
      <path d="M4.9.9h6.200l4 4v6.200l-4 4H4.900l-4-4V4.900Z" fill="currentColor" />
      <path d="m5.3 5.3 5.4 5.400m0-5.4-5.4 5.4" stroke="var(--on-tone)" stroke-width="1.8" />
    </>
  ),
  off: <circle cx="8" cy="8" r="6.1" fill="none" stroke="currentColor" stroke-width="1.8" stroke-dasharray="2.5 2.3" />
}

/** The sign of a state; words beside it say the same, so it is hidden from readers. */
export const Sign = ({ tone, size = 16 }: { tone: Tone; size?: number }) => (
  <svg
    class={`sign tone-${tone}`}
    width={size}
    height={size}
    viewBox="0 0 16 16"
    stroke-linecap="round"
    aria-hidden="true"
  >
    {shapes[tone]}
  </svg>
)

/** The mark of the project: two piers and what they carry. */
export const Mark = () => (
  <svg class="mark" width="26" height="26" viewBox="0 0 26 26" aria-hidden="true">
    <rect width="26" height="26" rx="7" fill="var(--accent)" />
    <path
      d="M4 9.500h18M7 9.500V20M19 9.500V20M7 20v-3.500a6 6 0 0 1 12 0V20"
      fill="none"
      stroke="var(--on-accent)"
      stroke-width="2"
      stroke-linecap="round"
    />
  </svg>
)

export const Close = () => (
  <Icon>
    <path d="m5 5 10 10M15 5 5 15" />
  </Icon>
)

export const Search = () => (
  <Icon size={16}>
    <circle cx="9" cy="9" r="5.5" />
    <path d="m13.2 13.2 4 4" />
  </Icon>
)

export const Arrow = ({ down }: { down: boolean }) => (
  <Icon size={12}>
    <path d={down ? "M10 4v12m0 0-5-5m5 5 5-5" : "M10 16V4m0 0L5 9m5-5 5 5"} stroke-width="2.4" />
  </Icon>
)

export const ThemeIcon = ({ theme }: { theme: "system" | "light" | "dark" }) => (
  <Icon>
    {theme === "light" ? (
      <>
        <circle cx="10" cy="10" r="3.4" />
        <path d="M10 2v2M10 16v2M2 10h2M16 10h2M4.4 4.400l1.4 1.400M14.2 14.200l1.4 1.400M4.4 15.600l1.4-1.400M14.2 5.800l1.4-1.4" />
      </>
    ) : theme === "dark" ? (
      <path d="M16.5 11.800A7 7 0 0 1 8.2 3.500a7 7 0 1 0 8.3 8.300Z" />
    ) : (
      <>
        <circle cx="10" cy="10" r="7" />
        <path d="M10 3a7 7 0 0 1 0 14Z" fill="currentColor" />
      </>
    )}
  </Icon>
)
