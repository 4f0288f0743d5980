// UTF-8 as BGP carries it: shutdown communications (RFC 9003) and host names (capability 73). Both are length-prefixed
// by one octet, so text is cut to 255 octets between characters, never inside one.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const utf8 = new TextEncoder()

/** The text in `bytes`, or undefined where they are not UTF-8. */
export const textFromBytes = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    // A fatal decoder has no other way to say "not UTF-8"; the callers then keep the octets as hex.
    return undefined
  }
}

/** UTF-8 of as many leading characters of `text` as fit into `max` octets. */
export const textToBytes = (text: string, max = 255): Uint8Array => {
  const bytes = utf8.encode(text)
  if (bytes.length <= max) return bytes
  let end = max
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}
