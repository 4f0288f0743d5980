// A tar archive (POSIX ustar, IEEE Std 1003.1) of a few small files in memory. Names are ASCII, up to 100 characters.

const BLOCK = 512

export interface ArchiveFile {
  readonly name: string
  readonly content: Uint8Array
}

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`

const header = ({ name, content }: ArchiveFile, mtimeSeconds: number): Uint8Array => {
  const block = new Uint8Array(BLOCK)
  const encoder = new TextEncoder()
  const put = (offset: number, text: string) => block.set(encoder.encode(text), offset)
  put(0, name)
  put(100, octal(0o600, 7))
  put(108, octal(0, 7))
  put(116, octal(0, 7))
  put(124, octal(content.length, 11))
  put(136, octal(mtimeSeconds, 11))
  // The checksum counts its own field as spaces.
  put(148, " ".repeat(8))
  put(156, "0")
  put(257, "ustar\0")
  put(263, "00")
  const sum = block.reduce((total, octet) => total + octet, 0)
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `)
  return block
}

/** The archive; every file has the same time, in whole seconds since the epoch. */
export const tar = (files: ReadonlyArray<ArchiveFile>, mtimeSeconds: number): Uint8Array<ArrayBuffer> => {
  const padded = (length: number): number => Math.ceil(length / BLOCK) * BLOCK
  const total = files.reduce((sum, { content }) => sum + BLOCK + padded(content.length), 2 * BLOCK)
  const archive = new Uint8Array(total)
  let offset = 0
  for (const file of files) {
    archive.set(header(file, mtimeSeconds), offset)
    archive.set(file.content, offset + BLOCK)
    offset += BLOCK + padded(file.content.length)
  }
  return archive
}
