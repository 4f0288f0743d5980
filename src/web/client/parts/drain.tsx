// Taking a node out of service, and back in: said twice, since floating IPs move.
import { useSignal } from "@preact/signals"
import { drain } from "../api.ts"
import type { FleetNode } from "../model/fleetTypes.ts"
import { plural } from "../model/format.ts"
import { access, serves } from "../state.ts"

const consequence = ({ held, drained }: FleetNode): string => {
  if (drained) return "It becomes a next hop again and may be given floating IPs."
  const moves =
    held.length === 0 ? "" : ` What it holds (${plural(held.length, "address", "addresses")}) goes to another node.`
  return `It is no next hop any more.${moves} Its control-plane sessions stay.`
}

export const Drain = ({ node }: { node: FleetNode }) => {
  const asked = useSignal(false)
  const busy = useSignal(false)
  const refused = useSignal("")
  if (!access.value.write || !serves("/v1/drain") || node.health === "silent") return null
  const what = node.drained ? "Take back into service" : "Take out of service"
  const go = async () => {
    busy.value = true
    try {
      const { done, reason } = await drain(node.name, !node.drained)
      refused.value = done ? "" : reason
    } catch (error) {
      refused.value = error instanceof Error ? error.message : String(error)
    }
    busy.value = false
    asked.value = false
  }
  return (
    <div class="drain">
      {!asked.value && (
        <button type="button" onClick={() => (asked.value = true)}>
          {what}…
        </button>
      )}
      {asked.value && (
        <>
          <p>{consequence(node)}</p>
          <div class="actions">
            <button type="button" class="primary" disabled={busy.value} onClick={() => void go()}>
              {what}
            </button>
            <button type="button" onClick={() => (asked.value = false)}>
              Leave it
            </button>
          </div>
        </>
      )}
      {refused.value !== "" && (
        <p class="refusal" role="alert">
          Not done: {refused.value}
        </p>
      )}
    </div>
  )
}
