// What the pages share: where one is, the cluster that is shown, the time of day, the theme, who one is. All of it
// signals; what follows from them is computed.
import { computed, effect, signal } from "@preact/signals"
import { clockAheadMs, mayWrite, token, verbs } from "./api.ts"
import { connection, statuses } from "./live.ts"
import { clustersOf, fleetOf } from "./model/fleet.ts"
import type { Fleet } from "./model/fleetTypes.ts"
import { type Health, healthOf } from "./model/health.ts"

export const pages = ["cluster", "sessions", "routes", "events", "config"] as const
export type Page = (typeof pages)[number]

interface Place {
  readonly page: Page
  readonly parameters: URLSearchParams
}

const placeOf = (hash: string): Place => {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?")
  const page = pages.find((name) => name === path) ?? "cluster"
  return { page, parameters: new URLSearchParams(query) }
}

export const place = signal(placeOf(location.hash))
window.addEventListener("hashchange", () => {
  place.value = placeOf(location.hash)
})

/** Changes parameters of the page without a new entry in the browser's history; an empty value takes one away. */
export const setParameters = (changes: Readonly<Record<string, string>>): void => {
  const { page, parameters } = place.value
  const next = new URLSearchParams(parameters)
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") next.delete(name)
    else next.set(name, value)
  }
  const query = next.toString()
  history.replaceState(null, "", `#/${page}${query === "" ? "" : `?${query}`}`)
  place.value = { page, parameters: next }
}

export const parameter = (name: string): string => place.value.parameters.get(name) ?? ""

/** The daemon's time of day, to the second. */
export const now = signal(Date.now())
setInterval(() => {
  now.value = Date.now() + clockAheadMs.value
}, 1000)

const chosenCluster = signal("")
export const clusters = computed(() => clustersOf([...statuses.value.values()]))
export const cluster = computed(() =>
  clusters.value.includes(chosenCluster.value) ? chosenCluster.value : (clusters.value[0] ?? "")
)
export const chooseCluster = (name: string): void => {
  chosenCluster.value = name
}

/** Nodes that were alive since the page was opened, by cluster. */
const seen = new Map<string, Set<string>>()
effect(() => {
  for (const { cluster: name, members, node } of statuses.value.values()) {
    const names = seen.get(name) ?? new Set()
    names.add(node)
    for (const member of members) names.add(member.name)
    seen.set(name, names)
  }
})

export const fleet = computed(
  (): Fleet => fleetOf([...statuses.value.values()], cluster.value, seen.get(cluster.value))
)
export const health = computed((): Health => healthOf(fleet.value, now.value))

/** A change that is taken back unless it is confirmed. */
export const unconfirmed = computed(
  () => fleet.value.statuses.find(({ config }) => config.unconfirmed !== undefined)?.config.unconfirmed
)

export type Theme = "system" | "light" | "dark"
const THEME = "viaduct-theme"
const storedTheme = localStorage.getItem(THEME)
export const theme = signal<Theme>(storedTheme === "light" || storedTheme === "dark" ? storedTheme : "system")
effect(() => {
  if (theme.value === "system") {
    delete document.documentElement.dataset.theme
    localStorage.removeItem(THEME)
  } else {
    document.documentElement.dataset.theme = theme.value
    localStorage.setItem(THEME, theme.value)
  }
})

export interface Access {
  readonly write: boolean
  readonly reason: string
}

/** What one may do; true until the server says otherwise: it is the server that holds to it. */
export const access = signal<Access>({ write: true, reason: "" })
/** The verbs that are served; `unsaid`: the server does not tell. Undefined: not asked yet. */
export const served = signal<ReadonlySet<string> | "unsaid" | undefined>(undefined)

/** Asks the server again whenever there is a new connection or another token. */
effect(() => {
  if (connection.value.state !== "live") return
  void token.value
  void Promise.all([mayWrite(), verbs()]).then(
    ([review, paths]) => {
      access.value =
        review === undefined ? { write: true, reason: "" } : { write: review.allowed, reason: review.reason }
      served.value = paths ?? "unsaid"
    },
    () => {
      // The live stream tells that the connection is lost; both are asked again once it is back.
      served.value ??= "unsaid"
    }
  )
})

/** Whether a verb is there; where the server does not say, trying is how one finds out. */
export const serves = (path: string): boolean =>
  served.value !== undefined && (served.value === "unsaid" || served.value.has(path))
