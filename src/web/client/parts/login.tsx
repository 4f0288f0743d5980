// Asks for a token where the API wants one. It is kept for this tab only and is sent to nobody but the server of this page.
import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { loginWanted, setToken } from "../api.ts"
import { connection } from "../live.ts"

export const Login = () => {
  const field = useRef<HTMLInputElement>(null)
  const text = useSignal("")
  useEffect(() => {
    field.current?.focus()
  }, [])
  useEffect(() => {
    if (connection.value.state === "live") loginWanted.value = undefined
  }, [connection.value])
  const why = loginWanted.value ?? ""
  return (
    <form
      class="login card"
      aria-labelledby="login-title"
      onSubmit={(event) => {
        event.preventDefault()
        if (text.value.trim() === "") return
        setToken(text.value.trim())
        text.value = ""
      }}
    >
      <h2 id="login-title">A token is needed here</h2>
      <p>Paste one from the daemon's token file. It stays in this tab and is forgotten when the tab is closed.</p>
      <label for="token">Token</label>
      <input
        id="token"
        ref={field}
        type="password"
        autocomplete="current-password"
        spellcheck={false}
        value={text.value}
        aria-describedby={why === "" ? undefined : "login-why"}
        aria-invalid={why !== ""}
        onInput={(event) => {
          text.value = event.currentTarget.value
        }}
      />
      {why !== "" && (
        <p id="login-why" class="refusal" role="alert">
          That one was refused: {why}
        </p>
      )}
      <button type="submit" class="primary">
        Sign in
      </button>
    </form>
  )
}
