import type { Rejection } from "../core/rejection.js";
import type { OutputSlice, ShapedElements } from "../outputs/output.js";
import { ArraySlice, ColumnSlice, TensorSlice } from "../outputs/output-slice.js";
import { toKeys } from "../outputs/print-records.js";
import { isTypedArray } from "../tensor/tensor.js";

export const EMPTY_SLICE: OutputSlice = new ArraySlice([], 0, 0);

/**
 * Outputs that outlive their batch: a handler may use the memory of what it returned again for the
 * next one.
 */
export function retainSlice(outputs: OutputSlice): OutputSlice {
  const { count } = outputs;
  const columns = outputs.columns?.();
  const tensor = outputs.tensor?.();
  const shaped =
    tensor && new TensorSlice({ data: copyCells(tensor.data), dims: tensor.dims }, 0, count);
  if (columns === undefined) {
    return shaped ?? new ArraySlice(outputs.values().map(copyValue), 0, count);
  }
  const names = Object.keys(columns);
  const cells = Object.values(columns).map(copyCells);
  const table = new ColumnSlice({ names, keys: toKeys(names), cells }, 0, count);
  return shaped === undefined ? table : Object.assign(table, { tensor: () => shaped.tensor() });
}

function copyCells(cells: ArrayLike<unknown>): ArrayLike<unknown> {
  return Array.isArray(cells) ? cells.map(copyValue) : (cells as Float64Array).slice();
}

/** A copy of one level; what lies deeper is hardly ever used again. */
function copyValue(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value) || isTypedArray(value)) return copyElements(value);
  return Object.getPrototypeOf(value) === Object.prototype ? { ...value } : value;
}

/** With the dimensions that a shaped array has. */
function copyElements(elements: ArrayLike<unknown>): unknown {
  const { dims } = elements as { dims?: unknown };
  const copy = (elements as unknown[]).slice();
  return dims === undefined ? copy : Object.assign(copy, { dims });
}

/** The outputs of the parts of a request, as one: in columns or as a tensor where all of them are. */
export function joinSlices(parts: readonly OutputSlice[]): OutputSlice {
  if (parts.length === 1) return parts[0]!;
  const columns = joinColumns(parts.map((part) => part.columns?.()));
  const tensor = joinTensors(parts.map((part) => part.tensor?.()));
  return {
    count: parts.reduce((sum, { count }) => sum + count, 0),
    values: () => parts.flatMap((part) => part.values()),
    printJson: () => `[${parts.map((part) => part.printJson().slice(1, -1)).join(",")}]`,
    ...(columns === undefined ? {} : { columns: () => columns }),
    ...(tensor === undefined ? {} : { tensor: () => tensor }),
  };
}

type Columns = ReturnType<NonNullable<OutputSlice["columns"]>>;

function joinColumns(parts: readonly (Columns | undefined)[]): Columns | undefined {
  const [first] = parts;
  if (first === undefined) return undefined;
  const names = Object.keys(first);
  const isSame = (part: Columns | undefined): boolean =>
    part !== undefined && Object.keys(part).join("\n") === names.join("\n");
  if (!parts.every(isSame)) return undefined;
  return Object.fromEntries(names.map((name) => [name, join(parts.map((part) => part![name]!))]));
}

function joinTensors(parts: readonly (ShapedElements | undefined)[]): ShapedElements | undefined {
  const [first] = parts;
  if (first === undefined) return undefined;
  const rest = first.dims.slice(1);
  if (!parts.every((part) => part?.dims.slice(1).join() === rest.join())) return undefined;
  const count = parts.reduce((sum, part) => sum + part!.dims[0]!, 0);
  return { data: join(parts.map((part) => part!.data)), dims: [count, ...rest] };
}

/** Typed where all parts are of one type. */
function join(parts: readonly ArrayLike<unknown>[]): ArrayLike<unknown> {
  const [first] = parts;
  if (!isTypedArray(first) || parts.some((part) => part.constructor !== first.constructor)) {
    return parts.flatMap((part) => Array.from(part));
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const joined = new (first.constructor as Float64ArrayConstructor)(length);
  let at = 0;
  for (const part of parts as Float64Array[]) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
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
