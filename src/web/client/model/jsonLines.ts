// A body of newline-delimited JSON, read as it comes. Blank lines say nothing but that the stream is there.

/** What `text` has as whole lines, and what is left of it. */
const splitLines = (text: string): { readonly lines: ReadonlyArray<string>; readonly rest: string } => {
  const lines = text.split("\n")
  const rest = lines.pop() ?? ""
  return { lines: lines.filter((line) => line.trim() !== ""), rest }
}

/** The values of a body, one a line; rejects where a line is no JSON. */
export async function* jsonLines(response: {
  readonly body: ReadableStream<Uint8Array> | null
}): AsyncGenerator<unknown> {
  if (response.body === null) return
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let rest = ""
  try {
    for (;;) {
      const { done, value } = await reader.read()
      const split = splitLines(rest + decoder.decode(value, { stream: !done }) + (done ? "\n" : ""))
      rest = split.rest
      for (const line of split.lines) yield JSON.parse(line)
      if (done) return
    }
  } finally {
    await reader.cancel()
  }
}
