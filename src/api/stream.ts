// Answers that go on until the client leaves, mostly newline-delimited JSON. A first piece that means nothing is sent at once: some
// servers hold the response headers back until there is a body, and a client that waits for a quiet stream must
// not hang on that. Values are taken only as fast as the client reads; an error ends the stream with a last line
// that tells it.

/**
 * A response that goes on until the client leaves.
 * @param first sent at once
 * @param texts what to send; its signal aborts once the client is gone
 * @param failed the last piece for an error thrown by `texts`
 */
export const streamBody = (
  request: Request,
  contentType: string,
  first: string,
  texts: (signal: AbortSignal) => AsyncGenerator<string>,
  failed: (error: unknown) => string
): Response => {
  const gone = new AbortController()
  const encoder = new TextEncoder()
  const iterator = texts(gone.signal)
  request.signal.addEventListener("abort", () => gone.abort(), { once: true })
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(first)),
    pull: async (controller) => {
      try {
        const { done, value } = await iterator.next()
        if (gone.signal.aborted) return
        if (done === true) controller.close()
        else controller.enqueue(encoder.encode(value))
      } catch (error) {
        if (gone.signal.aborted) return
        controller.enqueue(encoder.encode(failed(error)))
        controller.close()
      }
    },
    // Aborting wakes an iterator that waits; returning ends one that waits for the client to read on.
    cancel: async () => {
      gone.abort()
      await iterator.return(undefined)
    }
  })
  return new Response(body, { headers: { "content-type": contentType, "cache-control": "no-store" } })
}

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
  const line = (value: unknown): string => `${JSON.stringify(value)}\n`
  async function* lines(signal: AbortSignal): AsyncGenerator<string> {
    for await (const value of values(signal)) yield line(value)
  }
  return streamBody(request, "application/json", "\n", lines, (error) => line(failed(error)))
}
