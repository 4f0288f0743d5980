// The addresses that the daemon put on the node, in a file of its data directory: what a killed daemon left there is known
// to the next one, and to nobody else who may have put something on the same interface.
import { Effect, Result, Schema } from "effect"
import { parseAddress } from "../net/ip.ts"
import type { DataDirectory } from "../ports/Host.ts"
import type { AddressRecord } from "../services/Supervisor.ts"

const recordName = "addresses.json"

const Recorded = Schema.fromJsonString(
  Schema.Array(Schema.Struct({ address: Schema.String, prefixLength: Schema.Int, interface: Schema.String }))
)

/** The addresses on the node in a file of the data directory. A file that cannot be read is no record. */
export const addressRecord = (directory: DataDirectory): AddressRecord => ({
  read: Effect.map(directory.read(recordName), (text) => {
    const recorded = Schema.decodeUnknownResult(Recorded)(text ?? "[]")
    if (Result.isFailure(recorded)) return []
    return recorded.success.flatMap(({ address, ...rest }) => {
      const parsed = parseAddress(address)
      return parsed === undefined ? [] : [{ address: parsed, ...rest }]
    })
  }),
  write: (addresses) => {
    const plain = addresses.map(({ address, prefixLength, interface: name }) => ({
      address,
      prefixLength,
      interface: name
    }))
    return Effect.catch(directory.write(recordName, JSON.stringify(plain)), ({ message }) => Effect.logWarning(message))
  }
})
