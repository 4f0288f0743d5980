// Runs inside a host: `bun responder.ts NAME PORT ADDRESS …` answers every TCP connection and every UDP datagram to one of the
// addresses with NAME; a datagram that is no "?" gets itself back behind the name. It is bound to each single address, so
// that UDP answers leave from where the question went to. Says "ready".
const [name = "", port = "0", ...addresses] = process.argv.slice(2)

for (const hostname of addresses) {
  Bun.listen({
    hostname,
    port: Number(port),
    socket: { open: (socket) => void socket.end(name), data: () => undefined, error: () => undefined }
  })
  await Bun.udpSocket({
    hostname,
    port: Number(port),
    socket: {
      data: (socket, question, from, address) => {
        const text = question.toString()
        socket.send(text === "?" ? name : `${name} ${text}`, from, address)
      },
      error: () => undefined
    }
  })
}
console.log("ready")
