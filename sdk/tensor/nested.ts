import { fillCells, printCell, toCellFault, type RefuseCell } from "./cells.js";
import { checkDims, fitsShape, MOST_DIMS, printDims, printIndex, printPlace } from "./dims.js";
import {
  countElements,
  createElements,
  isTypedArray,
  type BigIntArray,
  type NumberArray,
  type Tensor,
  type TensorElements,
  type TensorType,
} from "./tensor.js";
import { TensorFault } from "./tensor-fault.js";

export interface NestedOptions {
  /** The shape that the value must have, `null` where any size will do. @default as the lists say */
  shape?: readonly (number | null)[];
  /** Whether floats may be NaN and infinite: in JSON `"NaN"`, `"Infinity"`, `"-Infinity"` and `null` for NaN. @default false */
  nonFinite?: boolean;
}

type List = unknown[] | NumberArray | BigIntArray;

function isList(value: unknown): value is List {
  return Array.isArray(value) || isTypedArray(value);
}

/** The dimensions that a list says itself, as a TensorArray does. */
function dimsOf(list: List): readonly number[] | undefined {
  const dims = (list as { dims?: unknown }).dims;
  return Array.isArray(dims) ? (dims as number[]) : undefined;
}

/**
 * A tensor from nested lists. What lies in them may be typed arrays and TensorArrays too; without
 * lists around it, a value is a tensor without dimensions.
 * @throws TensorFault where lists are ragged, of another shape than asked for, or hold what the type
 * does not. Nothing is allocated before the lists are known to hold as much as they claim.
 * @example fromNested([[1, 2], [3, 4]], "float32").dims // [2, 2]
 */
export function fromNested(value: unknown, type: TensorType, options: NestedOptions = {}): Tensor {
  const { shape, nonFinite = false } = options;
  const dims = findDims(value, shape);
  const reading: Reading = { type, dims, nonFinite, data: [] };
  if (dims.length > 0) checkLists(reading, value, []);
  reading.data = createElements(type, countElements(dims));
  fill(reading, value, 0, 0);
  return { type, dims, data: reading.data };
}

interface Reading {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly nonFinite: boolean;
  data: TensorElements;
}

function findDims(value: unknown, shape: NestedOptions["shape"]): readonly number[] {
  const found: number[] = [];
  const depth = shape?.length ?? MOST_DIMS;
  for (let list = value; isList(list) && found.length <= depth; list = list[0]) {
    const own = dimsOf(list);
    found.push(...(own ?? [list.length]));
    if (own !== undefined || list.length === 0) break;
  }
  if (shape !== undefined) return shape.map((size, i) => size ?? found[i] ?? 0);
  if (found.length <= MOST_DIMS) return found;
  throw new TensorFault(`the lists are nested more than ${MOST_DIMS} deep`);
}

/** Walks all lists, but not what the innermost ones hold. */
function checkLists(reading: Reading, value: unknown, path: number[]): void {
  const { type, dims } = reading;
  const size = dims[path.length]!;
  const innermost = path.length === dims.length - 1;
  if (!isList(value)) {
    throw toCellFault(printIndex(path), value, `a list of ${nameItems(type, size, innermost)}`);
  }
  const own = dimsOf(value);
  if (own !== undefined) {
    const rest = dims.slice(path.length);
    if (fitsShape(own, rest) && countElements(own) === value.length) return;
    throw new TensorFault(
      `${nameList(path)} has the shape ${printDims(own)} and ${value.length} elements, not ${printDims(rest)}`,
      { path: printIndex(path), expected: printDims(rest), received: printDims(own) },
    );
  }
  if (value.length !== size) {
    const holds = nameItems(type, value.length, innermost);
    throw new TensorFault(`${nameList(path)} has ${holds}, not ${size}`, {
      ...(path.length > 0 && { path: printIndex(path) }),
      expected: nameItems(type, size, innermost),
      received: printCell(value),
    });
  }
  if (innermost) return;
  for (let i = 0; i < value.length; i += 1) checkLists(reading, value[i], [...path, i]);
}

function fill(reading: Reading, value: unknown, depth: number, offset: number): void {
  const { type, dims, data, nonFinite } = reading;
  if (depth < dims.length - 1 && dimsOf(value as List) === undefined) {
    const size = countElements(dims.slice(depth + 1));
    (value as List).forEach((inner: unknown, i: number) =>
      fill(reading, inner, depth + 1, offset + i * size),
    );
    return;
  }
  const refuse: RefuseCell = (index, cell, expected) => {
    throw toCellFault(printPlace(offset + index, dims), cell, expected);
  };
  const scalar = dims.length === 0 && !(isList(value) && value.length === 1 && dimsOf(value));
  fillCells(type, data, scalar ? [value] : (value as List), { offset, nonFinite, refuse });
}

/**
 * A tensor from a flat list of its elements in row-major order.
 * @throws TensorFault when there are not as many as the dimensions say, or one is not of the type.
 */
export function fromFlat(
  values: ArrayLike<unknown>,
  type: TensorType,
  dims: readonly number[],
  { nonFinite = false }: Pick<NestedOptions, "nonFinite"> = {},
): Tensor {
  checkDims(dims);
  const count = countElements(dims);
  if (values.length !== count) {
    throw new TensorFault(
      `the shape ${printDims(dims)} has ${nameItems(type, count, true)}, and ${values.length} came`,
      { expected: nameItems(type, count, true), received: nameItems(type, values.length, true) },
    );
  }
  const data = createElements(type, count);
  const refuse: RefuseCell = (index, cell, expected) => {
    throw toCellFault(`[${index}]`, cell, expected);
  };
  fillCells(type, data, values, { offset: 0, nonFinite, refuse });
  return { type, dims, data };
}

function nameList(path: readonly number[]): string {
  return path.length === 0 ? "the outer list" : printIndex(path);
}

function nameItems(type: TensorType, count: number, innermost: boolean): string {
  const one = !innermost
    ? "list"
    : type === "string"
      ? "string"
      : type === "bool"
        ? "boolean"
        : "number";
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}
