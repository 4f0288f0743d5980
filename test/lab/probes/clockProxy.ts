// Runs inside a host: `bun clockProxy.ts PORT URL AHEAD_MS` passes requests on to an agent and sets the clock in its facts ahead: a machine
// whose clock is wrong, as the operator's side sees it. Says "ready" when it listens.
const [port = "0", target = "", aheadMs = "0"] = process.argv.slice(2)

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  idleTimeout: 0,
  fetch: async (request) => {
    const { pathname, search } = new URL(request.url)
    const body = request.method === "POST" ? await request.text() : undefined
    const answer = await fetch(`${target}${pathname}${search}`, {
      method: request.method,
      headers: request.headers,
      signal: request.signal,
      tls: { rejectUnauthorized: false },
      timeout: false,
      ...(body === undefined ? {} : { body })
    })
    if (!pathname.endsWith("/facts")) return answer
    const facts = (await answer.json()) as { clockMs: number }
    return Response.json({ ...facts, clockMs: facts.clockMs + Number(aheadMs) })
  }
})
process.stdout.write("ready\n")
