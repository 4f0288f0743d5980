// Reads newline-delimited JSON as it comes in: the form of watches and of the status stream. Empty lines mean
// nothing (a server sends one first to get its headers out); a value may come in any number of pieces, and a piece
// may hold many.

/** The values of `body` in order. Throws SyntaxError for a line that is not JSON; cancels the body when left early. */
export async function* readJsonLines(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true })
    const lines = text.split("\n")
    text = lines.pop() ?? ""
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line)
  }
  if (text.trim() !== "") yield JSON.parse(text)
}
