// Runs inside a host: `bun client.ts tcp|udp ADDRESS PORT COUNT INTERVAL_MS TIMEOUT_MS` asks COUNT times, each time from a
// new source port (each its own flow), and prints one JSON object: how often each name answered, how many asked in vain.
const [mode, hostname = "", port = "0", count = "0", interval = "0", timeout = "0"] = process.argv.slice(2)

type Ask = (answered: (name: string) => void) => Promise<() => void>

const overTcp: Ask = async (answered) => {
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: { data: (_, bytes) => answered(bytes.toString()) }
  })
  return () => socket.terminate()
}

const overUdp: Ask = async (answered) => {
  const socket = await Bun.udpSocket({
    connect: { hostname, port: Number(port) },
    socket: { data: (_, bytes) => answered(bytes.toString()), error: () => undefined }
  })
  socket.send("?")
  return () => socket.close()
}

/** The name that answered, or undefined after the time-out or a refusal. */
const probe = (ask: Ask): Promise<string | undefined> =>
  new Promise((resolve) => {
    let close = (): void => undefined
    const timer = setTimeout(() => done(undefined), Number(timeout))
    const done = (name: string | undefined) => {
      clearTimeout(timer)
      resolve(name)
      close()
    }
    ask(done).then(
      (closer) => {
        close = closer
      },
      () => done(undefined) // refused or unreachable: a lost probe
    )
  })

const pending: Array<Promise<string | undefined>> = []
for (let i = 0; i < Number(count); i++) {
  pending.push(probe(mode === "udp" ? overUdp : overTcp))
  await Bun.sleep(Number(interval))
}
const answers: Record<string, number> = {}
let lost = 0
for (const name of await Promise.all(pending)) {
  if (name === undefined) lost += 1
  else answers[name] = (answers[name] ?? 0) + 1
}
console.log(JSON.stringify({ answers, lost }))
process.exit(0)
