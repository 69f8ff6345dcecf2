import { EkibenError } from "../core/errors.js";

const SHOWN = 12;
/** Longer lists of names are not searched for a likely one. */
const COMPARED = 500;

/** What reading a column that is not there throws. */
export function createUnknownColumn(name: string, columns: readonly string[]): EkibenError {
  const near = findNear(name, columns);
  const shown = columns.slice(0, SHOWN).map((each) => JSON.stringify(each));
  const more = columns.length - shown.length;
  const list =
    shown.length === 0
      ? "The DataFrame has no columns."
      : `The columns are ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}.`;
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

/** The column with the fewest letters to change, when those are few. */
function findNear(name: string, columns: readonly string[]): string | undefined {
  const wanted = fold(name);
  if (wanted.length > 64) return undefined;
  let best = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  let near: string | undefined;
  for (const column of columns.slice(0, COMPARED)) {
    const other = fold(column);
    if (Math.abs(other.length - wanted.length) >= best) continue;
    const changes = countChanges(wanted, other);
    if (changes >= best || changes >= Math.max(wanted.length, other.length)) continue;
    best = changes;
    near = column;
  }
  return near;
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "_");
}

/** The Levenshtein distance, kept in one row of its table. */
function countChanges(from: string, to: string): number {
  const row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    let diagonal = row[0]!;
    row[0] = i;
    for (let j = 1; j <= to.length; j++) {
      const replaced = diagonal + (from[i - 1] === to[j - 1] ? 0 : 1);
      diagonal = row[j]!;
      row[j] = Math.min(replaced, diagonal + 1, row[j - 1]! + 1);
    }
  }
  return row[to.length]!;
}
