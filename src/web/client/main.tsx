// The dashboard's beginning in the browser: draws the shell and follows the status for as long as the page is open.
import { render } from "preact"
import { App } from "./app.tsx"
import { follow } from "./live.ts"

const root = document.getElementById("app")
if (root !== null) {
  root.textContent = ""
  render(<App />, root)
  void follow()
}
