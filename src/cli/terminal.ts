// What the screens of `demo` and `top` have in common: lines with colours cut to the width of a terminal.

/** Cuts to `width` visible characters; colour sequences have no width. */
export const clip = (line: string, width: number): string => {
  let seen = 0
  let out = ""
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence starts with one
  for (const part of line.split(/(\x1b\[[\d;]*m)/)) {
    if (part.startsWith("\x1b")) out += part
    else {
      out += part.slice(0, Math.max(0, width - seen))
      seen += part.length
    }
  }
  return out
}
