// JSON patch (RFC 6902) with JSON pointers (RFC 6901): operations one after the other, all or none.
import { isObject, PatchError, sameJson, withKey, withoutKey } from "./json.ts"

const OPERATIONS_MAX = 1000

type Step = (inside: unknown) => unknown

/** `/spec/ports/0` as its tokens; `~1` is a slash, `~0` a tilde. */
const tokensOf = (pointer: unknown, what: string): ReadonlyArray<string> => {
  if (typeof pointer !== "string" || (pointer !== "" && !pointer.startsWith("/")))
    throw new PatchError(`${what} has to be a JSON pointer like /spec/ports/0`, true)
  return pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))
}

const indexOf = (token: string, length: number, pointer: string): number => {
  const index = /^(?:0|[1-9]\d*)$/.test(token) ? Number(token) : Number.NaN
  if (index < length) return index
  throw new PatchError(`${pointer}: the list has no element ${token}`)
}

/** What stands under a token; throws where nothing does. */
const child = (inside: unknown, token: string, pointer: string): unknown => {
  if (Array.isArray(inside)) return inside[indexOf(token, inside.length, pointer)]
  if (isObject(inside) && Object.hasOwn(inside, token)) return inside[token]
  throw new PatchError(`${pointer}: there is nothing`)
}

const put = (inside: unknown, token: string, value: unknown): unknown => {
  if (Array.isArray(inside)) return inside.with(Number(token), value)
  return isObject(inside) ? withKey(inside, token, value) : inside
}

/** `document` with `change` made to what holds the last token of the pointer. */
const at = (
  document: unknown,
  tokens: ReadonlyArray<string>,
  pointer: string,
  change: (holder: unknown, last: string) => unknown
): unknown => {
  const [first = "", ...rest] = tokens
  if (rest.length === 0) return change(document, first)
  return put(document, first, at(child(document, first, pointer), rest, pointer, change))
}

const add =
  (pointer: string, value: unknown): Step =>
  (document) =>
    pointer === ""
      ? value
      : at(document, tokensOf(pointer, "path"), pointer, (holder, last) => {
          if (Array.isArray(holder)) {
            const index = last === "-" ? holder.length : indexOf(last, holder.length + 1, pointer)
            return holder.toSpliced(index, 0, value)
          }
          if (isObject(holder)) return withKey(holder, last, value)
          throw new PatchError(`${pointer}: what should hold it is no object and no list`)
        })

const remove =
  (pointer: string): Step =>
  (document) =>
    at(document, tokensOf(pointer, "path"), pointer, (holder, last) => {
      child(holder, last, pointer)
      if (Array.isArray(holder)) return holder.toSpliced(Number(last), 1)
      return isObject(holder) ? withoutKey(holder, last) : holder
    })

const replace =
  (pointer: string, value: unknown): Step =>
  (document) =>
    pointer === ""
      ? value
      : at(document, tokensOf(pointer, "path"), pointer, (holder, last) => {
          child(holder, last, pointer)
          return put(holder, last, value)
        })

const read = (document: unknown, pointer: string, what: string): unknown =>
  tokensOf(pointer, what).reduce<unknown>((inside, token) => child(inside, token, pointer), document)

const valueOf = (operation: object): unknown => {
  if ("value" in operation) return operation.value
  throw new PatchError("the operation has no value", true)
}

const stepOf = (operation: unknown): Step => {
  if (!isObject(operation)) throw new PatchError("an operation is an object with op and path", true)
  const { op, path, from } = operation
  tokensOf(path, "path")
  const pointer = String(path)
  switch (op) {
    case "add":
      return add(pointer, valueOf(operation))
    case "replace":
      return replace(pointer, valueOf(operation))
    case "remove":
      return remove(pointer)
    case "test": {
      const expected = valueOf(operation)
      return (document) => {
        if (sameJson(read(document, pointer, "path"), expected)) return document
        throw new PatchError(`${pointer}: the test failed: another value stands there`)
      }
    }
    case "copy":
    case "move": {
      tokensOf(from, "from")
      const source = String(from)
      if (op === "move" && pointer.startsWith(`${source}/`))
        throw new PatchError(`${source} cannot be moved into itself`, true)
      return (document) => {
        const value = read(document, source, "from")
        return add(pointer, value)(op === "move" ? remove(source)(document) : document)
      }
    }
    default:
      throw new PatchError(`op is ${JSON.stringify(op)}: it has to be add, remove, replace, move, copy or test`, true)
  }
}

/** `document` after every operation of `patch`. Throws PatchError. */
export const jsonPatch = (document: unknown, patch: unknown): unknown => {
  if (!Array.isArray(patch)) throw new PatchError("a JSON patch is a list of operations", true)
  if (patch.length > OPERATIONS_MAX) throw new PatchError(`more than ${OPERATIONS_MAX} operations`, true)
  return patch.map(stepOf).reduce<unknown>((value, step) => step(value), document)
}
