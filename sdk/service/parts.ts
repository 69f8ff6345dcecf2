import type { Rejection } from "../core/rejection.js";
import type { OutputSlice } from "../outputs/output.js";
import { ArraySlice } from "../outputs/output-slice.js";

export const EMPTY_SLICE: OutputSlice = new ArraySlice([], 0, 0);

/**
 * Outputs that outlive their batch: a handler may use the memory of what it returned again for the
 * next one.
 */
export function retainSlice(outputs: OutputSlice): OutputSlice {
  const { count } = outputs;
  const columns = outputs.columns?.();
  if (columns !== undefined) {
    const copy = Object.fromEntries(
      Object.entries(columns).map(([name, cells]) => [name, copyCells(cells)]),
    );
    return { ...withPrinted(outputs), count, columns: () => copy };
  }
  return { ...withPrinted(outputs), count };
}

/** The text is made now, the values from a copy of one level. */
function withPrinted(outputs: OutputSlice): Pick<OutputSlice, "printJson" | "values"> {
  const text = outputs.printJson();
  const values = outputs.values().map(copyValue);
  return { printJson: () => text, values: () => values };
}

function copyCells(cells: ArrayLike<unknown>): ArrayLike<unknown> {
  return (cells as unknown[]).slice();
}

function copyValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice();
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return value;
  if (value === null || typeof value !== "object") return value;
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? { ...value } : value;
}

/** The outputs of the parts of a request, as one. */
export function joinSlices(parts: readonly OutputSlice[]): OutputSlice {
  if (parts.length === 1) return parts[0]!;
  return {
    count: parts.reduce((sum, { count }) => sum + count, 0),
    values: () => parts.flatMap((part) => part.values()),
    printJson: () => `[${parts.map((part) => part.printJson().slice(1, -1)).join(",")}]`,
  };
}

/** The outputs of a request with the bodies of the items that its input has answered in their places. */
export function insertRejected(
  outputs: OutputSlice,
  rejected: ReadonlyMap<number, Rejection>,
): OutputSlice {
  if (rejected.size === 0) return outputs;
  const given = outputs.values();
  const count = given.length + rejected.size;
  let next = 0;
  const all = Array.from({ length: count }, (_, place) => {
    const rejection = rejected.get(place);
    return rejection === undefined ? given[next++] : (rejection.body ?? null);
  });
  return new ArraySlice(all, 0, count);
}
