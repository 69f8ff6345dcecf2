import { findClosestName, printNames } from "../core/closest-name.js";
import { EkibenError } from "../core/errors.js";

const SHOWN = 12;

/** What reading a column that is not there throws. */
export function createUnknownColumn(name: string, columns: readonly string[]): EkibenError {
  const near = findClosestName(name, columns);
  const list =
    columns.length === 0
      ? "The DataFrame has no columns."
      : `The columns are ${printNames(columns, SHOWN)}.`;
  return new EkibenError("COLUMN_UNKNOWN", {
    detail: `There is no column ${JSON.stringify(name)}.`,
    hint: near === undefined ? list : `Did you mean ${JSON.stringify(near)}? ${list}`,
  });
}

/**
 * Whether a name is one that JavaScript or a library reads on a value to find out what it is, and
 * expects `undefined` for: a column that one misspells rarely looks like that.
 */
export function isProbe(key: string): boolean {
  return PROBES.has(key) || PROBE_FORM.test(key);
}

/**
 * Numbers as in a list, names with a sign in front (`$$typeof`, `_zod`, `@@iterator`, `~standard`),
 * and questions and conversions in camel case (`isMatrix`, `toBSON`, `asymmetricMatch` …).
 */
const PROBE_FORM = /^(?:-?\d+$|$|[$_@~]|(?:is|to|as|has|get|on)[A-Z]|asymmetric)/;

const PROBES: ReadonlySet<string> = new Set(
  [
    // JavaScript: promises, iterators, property descriptors, errors, lists, collections
    "then catch finally next return throw done value get set",
    "name message stack cause code length size prototype raw",
    "keys values entries forEach has add delete clear splice push",
    "map filter slice concat join call apply bind callee flat",
    // Node: streams, buffers, events, answers
    "inspect pipe read write on once emit addEventListener signal",
    "buffer byteLength byteOffset arrayBuffer BYTES_PER_ELEMENT readable",
    "stream text json body headers status statusCode href domain",
    // Test tools and printers
    "nodeType nodeName tagName ownerDocument jquery mock sample exports",
    "default calls schema parse safeParse displayName type kind",
    // Tensors and tables: tfjs, onnxruntime, mathjs, arrow
    "data dataSync dataId throwIfDisposed dtype rank dims kept location",
    "dispose minimize unit re im numRows numCols",
    "storage swap fromJSON transform options signatures",
  ].flatMap((line) => line.split(" ")),
);
