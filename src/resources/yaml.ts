// Objects as YAML, in the form in which they could be applied again: block style, keys in the order of the object,
// long lines left whole. A list is one document, as kubectl prints it. No anchors: equal values are written out
// each time.
import { stringify } from "yaml"

/** One YAML document that ends with a line feed. */
export const toYaml = (value: unknown): string =>
  stringify(value, { lineWidth: 0, aliasDuplicateObjects: false, indentSeq: false })
