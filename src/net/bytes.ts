// Bytes in network order: a cursor that reads and never runs past its end, a buffer that grows as it is written,
// and hex. Owns no protocol. A short read throws `OutOfBytes`, which every decoder here turns into its own protocol's
// error at the place where it knows what was being read; nothing else in PURE throws.

/** A read past the end. `offset` is where the read began, counted from the start of the reader's view. */
export class OutOfBytes extends Error {
  readonly offset: number
  constructor(offset: number, wanted: number, left: number) {
    super(`${wanted} octets wanted at offset ${offset}, ${left} left`)
    this.offset = offset
  }
}

/** Reads big-endian numbers from `bytes[start, end)`. `offset` is absolute in `bytes`. */
export class Reader {
  readonly bytes: Uint8Array
  offset: number
  readonly end: number

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes
    this.offset = start
    this.end = end
  }

  get left(): number {
    return this.end - this.offset
  }

  private take(n: number): number {
    const at = this.offset
    if (at + n > this.end) throw new OutOfBytes(at, n, this.end - at)
    this.offset = at + n
    return at
  }

  u8(): number {
    return this.bytes[this.take(1)] as number
  }

  u16(): number {
    const at = this.take(2)
    const b = this.bytes
    return ((b[at] as number) << 8) | (b[at + 1] as number)
  }

  u32(): number {
    const at = this.take(4)
    const b = this.bytes
    return (
      (b[at] as number) * 0x1000000 +
      (((b[at + 1] as number) << 16) | ((b[at + 2] as number) << 8) | (b[at + 3] as number))
    )
  }

  /** A view, not a copy: valid as long as the underlying buffer is not reused. */
  view(n: number): Uint8Array {
    const at = this.take(n)
    return this.bytes.subarray(at, at + n)
  }

  /** A reader over the next `n` octets; this one moves past them. */
  sub(n: number): Reader {
    const at = this.take(n)
    return new Reader(this.bytes, at, at + n)
  }
}

/** Writes big-endian numbers into a buffer that doubles when full. */
export class Writer {
  private buffer: Uint8Array
  length = 0

  constructor(capacity = 256) {
    this.buffer = new Uint8Array(capacity)
  }

  private grow(n: number): number {
    const at = this.length
    const need = at + n
    if (need > this.buffer.length) {
      const bigger = new Uint8Array(Math.max(need, this.buffer.length * 2))
      bigger.set(this.buffer.subarray(0, at))
      this.buffer = bigger
    }
    this.length = need
    return at
  }

  u8(value: number): this {
    const at = this.grow(1)
    this.buffer[at] = value
    return this
  }

  u16(value: number): this {
    const at = this.grow(2)
    this.buffer[at] = value >>> 8
    this.buffer[at + 1] = value
    return this
  }

  u32(value: number): this {
    const at = this.grow(4)
    const b = this.buffer
    b[at] = value >>> 24
    b[at + 1] = value >>> 16
    b[at + 2] = value >>> 8
    b[at + 3] = value
    return this
  }

  put(bytes: Uint8Array): this {
    const at = this.grow(bytes.length)
    this.buffer.set(bytes, at)
    return this
  }

  /** Overwrites two octets written before: lengths that are known only afterwards. */
  patchU16(at: number, value: number): this {
    this.buffer[at] = value >>> 8
    this.buffer[at + 1] = value
    return this
  }

  /** A copy of what was written. */
  done(): Uint8Array {
    return this.buffer.slice(0, this.length)
  }
}

/** Lower-case hex without separators. */
export const toHex = (bytes: Uint8Array): string => bytes.toHex()

/** The octets of hex digits, or undefined where the text is not an even number of them. */
export const fromHex = (hex: string): Uint8Array | undefined =>
  hex.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(hex) ? Uint8Array.fromHex(hex) : undefined
