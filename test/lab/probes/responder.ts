// Runs inside a host: `bun responder.ts NAME ADDRESS PORT` answers every TCP connection and every UDP datagram to ADDRESS
// with NAME. It is bound to the one address, so that UDP answers leave from where the question went to. Says "ready".
const [name = "", hostname = "", port = "0"] = process.argv.slice(2)

Bun.listen({ hostname, port: Number(port), socket: { open: (socket) => void socket.end(name), data: () => undefined } })
await Bun.udpSocket({
  hostname,
  port: Number(port),
  socket: { data: (socket, _question, from, address) => void socket.send(name, from, address) }
})
console.log("ready")
