// The shell around the pages: where one is and can go, whether what is shown is true now, and what cannot wait: a
// change that has to be confirmed, a token that is asked for.
import { useEffect } from "preact/hooks"
import { loginOpened, loginWanted, setToken, token } from "./api.ts"
import { connection, heardAtMs, statuses } from "./live.ts"
import { duration, plural } from "./model/format.ts"
import { ClusterPage } from "./pages/cluster.tsx"
import { ConfigPage } from "./pages/config.tsx"
import { EventsPage } from "./pages/events.tsx"
import { RoutesPage } from "./pages/routes.tsx"
import { SessionsPage } from "./pages/sessions.tsx"
import { ConfirmBar } from "./parts/confirmBar.tsx"
import { Mark, PageIcon, Sign, ThemeIcon } from "./parts/icons.tsx"
import { Login } from "./parts/login.tsx"
import { access, chooseCluster, cluster, clusters, health, now, type Page, pages, place, theme } from "./state.ts"

const names: Readonly<Record<Page, string>> = {
  cluster: "Cluster",
  sessions: "Sessions",
  routes: "Routes",
  events: "Events",
  config: "Config"
}

const Connection = () => {
  const { value } = connection
  void now.value
  if (value.state === "live")
    return (
      <span class="connection" title="Changes are shown as they happen">
        <span class="pulse" aria-hidden="true" />
        Live
      </span>
    )
  if (loginWanted.value !== undefined) return <span class="connection">Signed out</span>
  if (value.state === "connecting") return <span class="connection">Connecting…</span>
  return <span class="connection lost">Not live</span>
}

/** Says how old what is shown is, as soon as it is not live. */
const Lost = () => {
  const { value } = connection
  void now.value
  if (value.state !== "lost" || (loginWanted.value !== undefined && statuses.value.size === 0)) return null
  const seconds = Math.floor((Date.now() - heardAtMs.value) / 1000)
  return (
    <div class="bar bar-bad" role="alert">
      <Sign tone="warn" />
      <span>
        <strong>Connection lost.</strong>{" "}
        {heardAtMs.value === 0
          ? "Nothing has been heard yet"
          : `Last seen ${duration(seconds)} ago; what is shown is from then`}
        . The reason: {value.why}. Trying again.
      </span>
    </div>
  )
}

const next = { system: "light", light: "dark", dark: "system" } as const
const themeNames = { system: "as the system", light: "light", dark: "dark" } as const

const ThemeButton = () => (
  <button
    type="button"
    class="icon-button"
    aria-label={`Colours: ${themeNames[theme.value]}. Change to ${themeNames[next[theme.value]]}`}
    title={`Colours: ${themeNames[theme.value]}`}
    onClick={() => {
      theme.value = next[theme.value]
    }}
  >
    <ThemeIcon theme={theme.value} />
  </button>
)

const ClusterName = () => {
  if (clusters.value.length === 0) return null
  if (clusters.value.length < 2)
    return (
      <span class="cluster-name" dir="auto">
        {cluster.value}
      </span>
    )
  return (
    <select
      class="cluster-choice"
      aria-label="Cluster to show"
      value={cluster.value}
      onChange={(event) => chooseCluster(event.currentTarget.value)}
    >
      {clusters.value.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  )
}

const Navigation = () => (
  <nav class="pages" aria-label="Pages">
    {pages.map((page) => {
      const { problems } = health.value
      return (
        <a key={page} href={`#/${page}`} aria-current={place.value.page === page ? "page" : undefined}>
          <PageIcon page={page} />
          <span>{names[page]}</span>
          {page === "cluster" && problems.length > 0 && (
            <span class={`count count-${health.value.state}`}>
              {problems.length}
              <span class="hidden"> {problems.length === 1 ? "problem" : "problems"}</span>
            </span>
          )}
        </a>
      )
    })}
  </nav>
)

const Content = () => {
  if (loginWanted.value !== undefined && statuses.value.size === 0) return null
  if (statuses.value.size === 0)
    return (
      <p class="empty" role="status">
        {connection.value.state === "connecting" ? "Asking the daemon…" : "Nothing is known of the cluster yet."}
      </p>
    )
  switch (place.value.page) {
    case "cluster":
      return <ClusterPage />
    case "sessions":
      return <SessionsPage />
    case "routes":
      return <RoutesPage />
    case "events":
      return <EventsPage />
    case "config":
      return <ConfigPage />
  }
}

/** `/` goes to the filter of the page, as in many programs. */
const useSlash = (): void => {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return
      if (event.target instanceof HTMLElement && event.target.closest("input, textarea, select") !== null) return
      const field = document.querySelector("[data-filter]")
      if (!(field instanceof HTMLInputElement)) return
      event.preventDefault()
      field.focus()
    }
    document.addEventListener("keydown", pressed)
    return () => document.removeEventListener("keydown", pressed)
  }, [])
}

const useTitle = (): void => {
  const { problems, state } = health.value
  const title = `${state === "good" ? "" : `(${problems.length}) `}${names[place.value.page]} · ${cluster.value || "viaduct"}`
  useEffect(() => {
    document.title = title
  }, [title])
}

const footText = (): string => {
  const all = [...statuses.value.values()]
  const [status] = all
  if (status === undefined) return "viaduct"
  const node = all.length === 1 ? `seen from ${status.node}` : `seen from ${plural(all.length, "node")}`
  return `viaduct ${status.version} · ${node} · config revision ${status.config.revision}`
}

const SignInOrOut = () => {
  if (token.value !== "")
    return (
      <button type="button" class="plain" onClick={() => setToken("")}>
        Sign out
      </button>
    )
  if (access.value.write || loginOpened.value || loginWanted.value !== undefined) return null
  return (
    <button
      type="button"
      class="plain"
      onClick={() => {
        loginOpened.value = true
      }}
    >
      Sign in
    </button>
  )
}

export const App = () => {
  useSlash()
  useTitle()
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <a class="brand" href="#/cluster" aria-label="viaduct, to the cluster page">
          <Mark />
          <span>viaduct</span>
        </a>
        <ClusterName />
        <Navigation />
        <div class="top-end">
          <Connection />
          <SignInOrOut />
          <ThemeButton />
        </div>
      </header>
      <Lost />
      <ConfirmBar />
      <main id="content" tabIndex={-1}>
        {(loginWanted.value !== undefined || loginOpened.value) && <Login />}
        <Content />
      </main>
      <footer class="foot" dir="auto">
        {footText()}
      </footer>
    </>
  )
}
