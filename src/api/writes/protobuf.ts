// Objects of Kubernetes' own kinds in the binary form in which newer clients send them (kubectl 1.32: `auth can-i`, `create namespace`,
// `create service`): "k8s", a zero octet, and a runtime.Unknown message with the object inside. Read into the JSON form that everything
// else is made for; of each message the fields are known that a client can set. What is not known is an error: it would be lost.
import type { JsonObject } from "../../resources/patch/json.ts"
import { badRequest } from "../failure.ts"

export const PROTOBUF_TYPE = "application/vnd.kubernetes.protobuf"

/** `[]` behind a type: repeated. `map`: text by text. `intOrString`: k8s.io.apimachinery.pkg.util.intstr. */
type FieldType = "string" | "string[]" | "int" | "bool" | "map" | "intOrString" | "skip" | Message | readonly [Message]
interface Message {
  readonly [number: number]: readonly [name: string, type: FieldType]
}

const ObjectMeta: Message = {
  1: ["name", "string"],
  2: ["generateName", "string"],
  3: ["namespace", "string"],
  4: ["selfLink", "skip"],
  5: ["uid", "string"],
  6: ["resourceVersion", "string"],
  7: ["generation", "skip"],
  8: ["creationTimestamp", "skip"],
  11: ["labels", "map"],
  12: ["annotations", "map"]
}

const ServicePort: Message = {
  1: ["name", "string"],
  2: ["protocol", "string"],
  3: ["port", "int"],
  4: ["targetPort", "intOrString"],
  5: ["nodePort", "int"],
  6: ["appProtocol", "string"]
}

const ServiceSpec: Message = {
  1: ["ports", [ServicePort]],
  2: ["selector", "map"],
  3: ["clusterIP", "string"],
  4: ["type", "string"],
  5: ["externalIPs", "string[]"],
  7: ["sessionAffinity", "string"],
  8: ["loadBalancerIP", "string"],
  9: ["loadBalancerSourceRanges", "string[]"],
  10: ["externalName", "string"],
  11: ["externalTrafficPolicy", "string"],
  12: ["healthCheckNodePort", "int"],
  13: ["publishNotReadyAddresses", "bool"],
  17: ["ipFamilyPolicy", "string"],
  18: ["clusterIPs", "string[]"],
  19: ["ipFamilies", "string[]"],
  20: ["allocateLoadBalancerNodePorts", "bool"],
  21: ["loadBalancerClass", "string"],
  22: ["internalTrafficPolicy", "string"]
}

const ResourceAttributes: Message = {
  1: ["namespace", "string"],
  2: ["verb", "string"],
  3: ["group", "string"],
  4: ["version", "string"],
  5: ["resource", "string"],
  6: ["subresource", "string"],
  7: ["name", "string"]
}

const object = (spec: FieldType): Message => ({ 1: ["metadata", ObjectMeta], 2: ["spec", spec], 3: ["status", "skip"] })

const OBJECTS: Readonly<Record<string, Message>> = {
  "v1 Namespace": object("skip"),
  "v1 Service": object(ServiceSpec),
  "authorization.k8s.io/v1 SelfSubjectRulesReview": object({ 1: ["namespace", "string"] }),
  "authorization.k8s.io/v1 SelfSubjectAccessReview": object({
    1: ["resourceAttributes", ResourceAttributes],
    2: ["nonResourceAttributes", { 1: ["path", "string"], 2: ["verb", "string"] }]
  })
}

interface Field {
  readonly number: number
  /** A varint, or the octets of a length-delimited field. */
  readonly value: number | Uint8Array
}

/** The fields of a message, in order. Throws ApiError (400) where it ends early. */
function* fieldsOf(octets: Uint8Array): Generator<Field> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const octet = octets[at++]
      if (octet === undefined || scale > 2 ** 63) throw badRequest("the protobuf message is cut off")
      value += (octet & 0x7f) * scale
      if (octet < 0x80) return value
    }
  }
  while (at < octets.length) {
    const key = varint()
    const [number, wire] = [Math.floor(key / 8), key % 8]
    if (wire === 0) {
      yield { number, value: varint() }
      continue
    }
    if (wire !== 2) throw badRequest(`wire type ${wire} of a protobuf field is none that an object here has`)
    const end = varint() + at
    if (end > octets.length) throw badRequest("the protobuf message is cut off")
    yield { number, value: octets.subarray(at, end) }
    at = end
  }
}

const utf8 = new TextDecoder()
const octetsIn = (value: Field["value"]): Uint8Array => (value instanceof Uint8Array ? value : new Uint8Array())
const textIn = (value: Field["value"]): string => utf8.decode(octetsIn(value))

/** Field `number` of a message, or undefined. */
const only = (octets: Uint8Array, number: number): Field["value"] | undefined =>
  [...fieldsOf(octets)].find((field) => field.number === number)?.value

const listIn = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

const valueOf = (type: FieldType, value: Field["value"], before: unknown): unknown => {
  switch (type) {
    case "string":
      return textIn(value)
    case "string[]":
      return [...listIn(before), textIn(value)]
    case "int":
      return Number(value)
    case "bool":
      return value === 1
    case "map": {
      const entry = octetsIn(value)
      const [name, text] = [only(entry, 1) ?? new Uint8Array(), only(entry, 2) ?? new Uint8Array()]
      return { ...(typeof before === "object" ? before : {}), [textIn(name)]: textIn(text) }
    }
    case "intOrString": {
      const inside = octetsIn(value)
      return only(inside, 1) === 1 ? textIn(only(inside, 3) ?? new Uint8Array()) : Number(only(inside, 2) ?? 0)
    }
    case "skip":
      return undefined
    default:
      return isRepeated(type)
        ? [...listIn(before), messageOf(type[0], octetsIn(value))]
        : messageOf(type, octetsIn(value))
  }
}

const isRepeated = (type: Message | readonly [Message]): type is readonly [Message] => Array.isArray(type)

/** Go clients write what is empty, too; in JSON it is left out. */
const isEmpty = (value: unknown): boolean => value === "" || value === undefined || value === 0 || value === false

const messageOf = (message: Message, octets: Uint8Array): JsonObject => {
  const found: Record<string, unknown> = {}
  for (const { number, value } of fieldsOf(octets)) {
    const declared = message[number]
    if (declared === undefined) throw badRequest(`field ${number} of the protobuf message is not known here: send JSON`)
    const [name, type] = declared
    const read = valueOf(type, value, found[name])
    if (!isEmpty(read) || (type === "bool" && name.startsWith("allocate"))) found[name] = read
  }
  return found
}

/** The object in a body of this type, as JSON. Throws ApiError (400). */
export const fromProtobuf = (body: Uint8Array): JsonObject => {
  if (utf8.decode(body.subarray(0, 4)) !== "k8s\0")
    throw badRequest("the body does not begin as Kubernetes' protobuf does")
  const unknown = body.subarray(4)
  const type = octetsIn(only(unknown, 1) ?? new Uint8Array())
  const [apiVersion, kind] = [textIn(only(type, 1) ?? new Uint8Array()), textIn(only(type, 2) ?? new Uint8Array())]
  const message = OBJECTS[`${apiVersion} ${kind}`]
  if (message === undefined) throw badRequest(`${apiVersion} ${kind} is not read as protobuf here: send JSON`)
  return { apiVersion, kind, ...messageOf(message, octetsIn(only(unknown, 2) ?? new Uint8Array())) }
}
