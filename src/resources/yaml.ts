// Objects as YAML, in the form in which they could be applied again: block style, keys in the order of the object,
// long lines left whole. A list is one document, as kubectl prints it. No anchors: equal values are written out
// each time.
import { parse, stringify } from "yaml"

/** One YAML document that ends with a line feed. */
export const toYaml = (value: unknown): string =>
  stringify(value, { lineWidth: 0, aliasDuplicateObjects: false, indentSeq: false })

/** The one document in `text`, JSON too. Throws for what is no YAML, and for more aliases than anybody writes. */
export const parseYaml = (text: string): unknown => parse(text, { maxAliasCount: 100, logLevel: "silent" })
