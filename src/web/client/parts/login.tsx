// Asks for a token where the API wants one, or where somebody wants to do more than look. It is kept for this tab only
// and is sent to nobody but the server of this page.
import { useSignal } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import { loginOpened, loginWanted, signIn } from "../api.ts"

const close = (): void => {
  loginWanted.value = undefined
  loginOpened.value = false
}

export const Login = () => {
  const field = useRef<HTMLInputElement>(null)
  const text = useSignal("")
  const busy = useSignal(false)
  const refused = useSignal(loginWanted.value ?? "")
  useEffect(() => {
    field.current?.focus()
  }, [])
  const enter = async () => {
    const candidate = text.value.trim()
    if (candidate === "" || busy.value) return
    busy.value = true
    const why = await signIn(candidate)
    busy.value = false
    text.value = ""
    refused.value = why ?? ""
    if (why === undefined) close()
  }
  const optional = loginWanted.value === undefined
  return (
    <form
      class="login card"
      aria-labelledby="login-title"
      onSubmit={(event) => {
        event.preventDefault()
        void enter()
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape" && optional) close()
      }}
    >
      <h2 id="login-title">{optional ? "Sign in to change something" : "A token is needed here"}</h2>
      <p>Paste one from the daemon's token file. It stays in this tab and is forgotten when the tab is closed.</p>
      <label for="token">Token</label>
      <input
        id="token"
        ref={field}
        type="password"
        autocomplete="current-password"
        spellcheck={false}
        value={text.value}
        aria-describedby={refused.value === "" ? undefined : "login-why"}
        aria-invalid={refused.value !== ""}
        onInput={(event) => {
          text.value = event.currentTarget.value
        }}
      />
      {refused.value !== "" && (
        <p id="login-why" class="refusal" role="alert">
          That one was refused: {refused.value}
        </p>
      )}
      <div class="actions">
        <button type="submit" class="primary" disabled={busy.value}>
          Sign in
        </button>
        {optional && (
          <button type="button" onClick={close}>
            Cancel
          </button>
        )}
      </div>
    </form>
  )
}
