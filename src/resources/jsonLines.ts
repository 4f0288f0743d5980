// Reads newline-delimited JSON as it comes in: the form of watches and of the status stream. Empty lines mean
// nothing (a server sends one first to get its headers out); a value may come in any number of pieces, and a piece
// may hold many.

async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    const lines = text.split("\n")
    text = lines.pop() ?? ""
    yield* lines
  }
  yield text
}

/** The values of `body` in order. Throws SyntaxError for a line that is not JSON; cancels the body when left early. */
export async function* readJsonLines(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  for await (const line of readLines(body)) if (line.trim() !== "") yield JSON.parse(line)
}

/** The data of server-sent events whose data are one line of JSON each, as ours are; the same otherwise. */
export async function* readServerSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  for await (const line of readLines(body)) if (line.startsWith("data:")) yield JSON.parse(line.slice("data:".length))
}
