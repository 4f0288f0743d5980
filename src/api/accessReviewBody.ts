// The body of an access review in Kubernetes' protobuf, which newer kubectls send: "k8s\0" and a runtime.Unknown with the kind in field 1 and
// the review in field 2 (k8s.io/api/authorization/v1, generated.proto). Of it only what a review asks is read.
import type { JsonObject } from "../resources/patch/json.ts"
import { OBJECT_OCTETS_MAX, readOctets } from "./body.ts"
import { badRequest } from "./failure.ts"

export const PROTOBUF = "application/vnd.kubernetes.protobuf"

const MAGIC = [0x6b, 0x38, 0x73, 0x00]

/** The length-delimited fields of a message by number, the last of each; others are passed over. Throws RangeError where it is broken. */
const fieldsOf = (bytes: Uint8Array): ReadonlyMap<number, Uint8Array> => {
  const fields = new Map<number, Uint8Array>()
  let offset = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const octet = bytes[offset++]
      if (octet === undefined) throw new RangeError("ends inside a number")
      value += (octet & 0x7f) * 2 ** shift
      if (octet < 0x80) return value
    }
    throw new RangeError("has a number that is too large")
  }
  while (offset < bytes.length) {
    const tag = varint()
    const type = tag & 7
    if (type === 0) varint()
    else if (type === 2) {
      const length = varint()
      if (offset + length > bytes.length) throw new RangeError("ends inside a field")
      fields.set(Math.floor(tag / 8), bytes.subarray(offset, offset + length))
      offset += length
    } else throw new RangeError(`has a field of type ${type}`)
  }
  return fields
}

const nothing = new Uint8Array()

/** The review as its JSON would be. Throws ApiError (400, 413). */
export const readProtobufReview = async (request: Request): Promise<JsonObject> => {
  const body = await readOctets(request, OBJECT_OCTETS_MAX)
  if (!MAGIC.every((octet, i) => body[i] === octet)) throw badRequest("the body is no Kubernetes protobuf")
  try {
    const unknown = fieldsOf(body.subarray(MAGIC.length))
    const [type, review] = [fieldsOf(unknown.get(1) ?? nothing), fieldsOf(unknown.get(2) ?? nothing)]
    const spec = fieldsOf(review.get(2) ?? nothing)
    const text = (fields: ReadonlyMap<number, Uint8Array>, number: number): string =>
      new TextDecoder().decode(fields.get(number) ?? nothing)
    const head = { apiVersion: text(type, 1), kind: text(type, 2), metadata: {} }
    // A rules review has a namespace here, which is nothing to us.
    if (head.kind !== "SelfSubjectAccessReview") return { ...head, spec: {} }
    const resource = spec.get(1)
    if (resource === undefined) {
      const other = fieldsOf(spec.get(2) ?? nothing)
      return { ...head, spec: { nonResourceAttributes: { path: text(other, 1), verb: text(other, 2) } } }
    }
    const asked = fieldsOf(resource)
    const [namespace, verb, group] = [text(asked, 1), text(asked, 2), text(asked, 3)]
    return {
      ...head,
      spec: { resourceAttributes: { namespace, verb, group, resource: text(asked, 5), name: text(asked, 7) } }
    }
  } catch (error) {
    if (error instanceof RangeError) throw badRequest(`the body is no access review: it ${error.message}`)
    throw error
  }
}
