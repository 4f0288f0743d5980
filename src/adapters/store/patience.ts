// How long those who use a store over a network wait, in ms. A store that takes 2 s for every answer is slow, not gone.

/** Without an answer after this a request has failed. */
export const requestTimeoutMs = 5_000
/** A watch that hears nothing for so long has lost its connection. */
export const lostAfterMs = 3_000
/** From one attempt to connect to the next: short, since a lease of few seconds has to be kept alive in what is left of it. */
export const reconnectMs = 200
