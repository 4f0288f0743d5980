// Newline-delimited JSON that goes on until the client leaves. The first byte is an empty line, sent at once: some
// servers hold the response headers back until there is a body, and a client that waits for a quiet stream must
// not hang on that. Values are taken only as fast as the client reads; an error ends the stream with a last line
// that tells it.

/**
 * A response with one JSON value a line.
 * @param values what to send; its signal aborts once the client is gone
 * @param failed the last line for an error thrown by `values`
 */
export const streamJson = (
  request: Request,
  values: (signal: AbortSignal) => AsyncGenerator<unknown>,
  failed: (error: unknown) => unknown
): Response => {
  const gone = new AbortController()
  const encoder = new TextEncoder()
  const line = (value: unknown): Uint8Array => encoder.encode(`${JSON.stringify(value)}\n`)
  const iterator = values(gone.signal)
  request.signal.addEventListener("abort", () => gone.abort(), { once: true })
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode("\n")),
    pull: async (controller) => {
      try {
        const { done, value } = await iterator.next()
        if (gone.signal.aborted) return
        if (done === true) controller.close()
        else controller.enqueue(line(value))
      } catch (error) {
        if (gone.signal.aborted) return
        controller.enqueue(line(failed(error)))
        controller.close()
      }
    },
    // Aborting wakes an iterator that waits; returning ends one that waits for the client to read on.
    cancel: async () => {
      gone.abort()
      await iterator.return(undefined)
    }
  })
  return new Response(body, { headers: { "content-type": "application/json", "cache-control": "no-store" } })
}
