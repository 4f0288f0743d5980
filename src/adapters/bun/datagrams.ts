// Sockets that Bun has no name for (netlink, packet) in its event loop: any descriptor can be handed to it, and each datagram
// becomes one callback. What is sent goes to the kernel directly (libc.ts); only reading needs the loop.

export interface DatagramHandler {
  /** The octets are the handler's own. Must not throw. */
  readonly onData: (bytes: Uint8Array) => void
  /** The kernel gave an error (lost datagrams, interface gone) and the socket is no more. Comes once, not after `close`. */
  readonly onGone: () => void
}

/** Bun takes a descriptor here; its types know that only for other calls. */
type AdoptOptions = { readonly fd: number; readonly socket: Bun.SocketHandler<undefined> }

/** Reads from `fd` until it breaks or the result is called, and closes it then. */
export const adoptDatagrams = (fd: number, handler: DatagramHandler): (() => void) => {
  let state: "opening" | "open" | "over" = "opening"
  let socket: Bun.Socket<undefined> | undefined
  const gone = (): void => {
    if (state === "over") return
    state = "over"
    handler.onGone()
  }
  const options: AdoptOptions = {
    fd,
    socket: {
      binaryType: "uint8array",
      open: (opened) => {
        socket = opened
        if (state === "over") opened.terminate()
        else state = "open"
      },
      // Bun reuses its buffer after the callback.
      data: (_, bytes) => (state === "over" ? undefined : handler.onData(bytes.slice())),
      error: (broken) => void broken.terminate(),
      end: (broken) => void broken.terminate(),
      close: gone
    }
  }
  Bun.connect(options as unknown as Bun.TCPSocketConnectOptions<undefined>).catch(gone)
  return () => {
    state = "over"
    socket?.terminate()
  }
}
