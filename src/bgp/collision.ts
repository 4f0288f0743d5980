// Which of two connections to one peer survives: RFC 4271 section 6.8, with RFC 6286 section 2.3 for equal identifiers.

interface Speaker {
  readonly routerId: string
  readonly asn: number
}

const identifier = (routerId: string): number => routerId.split(".").reduce((n, part) => n * 256 + Number(part), 0)

/** The connection that stays, as seen from `local`: the one that the speaker with the higher BGP Identifier opened. */
export const survivor = (local: Speaker, remote: Speaker): "outgoing" | "incoming" => {
  const ours = identifier(local.routerId)
  const theirs = identifier(remote.routerId)
  if (ours !== theirs) return ours > theirs ? "outgoing" : "incoming"
  return local.asn >= remote.asn ? "outgoing" : "incoming"
}
