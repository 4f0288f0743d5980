// Ethernet addresses as text: six pairs of hexadecimal digits in lower case with colons, as Linux prints them. One form per
// address, so that text compares and serves as a map key.

/** "02:00:00:00:00:01" */
export type Mac = string

export const noMac: Mac = "00:00:00:00:00:00"

export const macFromBytes = (bytes: Uint8Array): Mac => {
  let text = ""
  for (const byte of bytes) text += `${text === "" ? "" : ":"}${byte.toString(16).padStart(2, "0")}`
  return text
}

/** Six octets of a MAC in the form above. */
export const macBytes = (mac: Mac): Uint8Array => Uint8Array.from(mac.split(":"), (pair) => Number.parseInt(pair, 16))
