import { fillCells, toElements, type RefuseCell } from "./cells.js";
import { printValue, toCellError, toInputError } from "./input-error.js";
import { stackRows } from "./row-tensors.js";
import {
  countElements,
  createElements,
  isTypedArray,
  printShape,
  type Tensor,
  type TensorElements,
  type TensorSlot,
} from "../tensor/tensor.js";

/** Elements with their dimensions said, as a tensor of another library has them. */
export interface ShapedData {
  data: ArrayLike<number> | ArrayLike<bigint> | ArrayLike<string> | ArrayLike<boolean>;
  dims: readonly number[];
}

type Scalar = number | bigint | string | boolean | null;
type Nested = readonly (Scalar | Nested | ArrayBufferView | ShapedData)[];

/** What a tensor can be made of: a typed array, nested lists, or elements with their dimensions. */
export type TensorValue = Scalar | Nested | ArrayBufferView | ShapedData;

/** What fills one input: a tensor, or one tensor `[1, …]` a row where the rows differ in shape. */
export type Feed = Tensor | readonly Tensor[];

/**
 * A tensor from what an author wrote. Nested lists give their own dimensions; a flat list or typed
 * array takes the declared ones, and its length says how many rows it has. Rows of several shapes
 * stay apart where the model leaves those dimensions free, or `padded` says that they will be filled.
 * @throws MODEL_INPUT_INVALID
 */
export function toFeed(model: string, slot: TensorSlot, value: unknown, padded = false): Feed {
  if (isShaped(value)) return fromShaped(model, slot, value);
  if (isTypedArray(value)) {
    const own = (value as { dims?: unknown }).dims;
    if (isDims(own)) return fromShaped(model, slot, { data: value as never, dims: own });
    return fromFlat(model, slot, value);
  }
  if (Array.isArray(value)) {
    const [first] = value as unknown[];
    if (isShaped(first) || isList(first)) return fromRows(model, slot, value, padded);
    return fromFlat(model, slot, value);
  }
  if (isScalar(value)) return fromFlat(model, slot, [value]);
  throw toInputError(model, {
    detail: `the input ${JSON.stringify(slot.name)} was given ${printValue(value)}.`,
    hint: "Give a typed array, nested lists, or { data, dims }.",
    expected: `${slot.dtype} ${printShape(slot)}`,
    received: printValue(value),
  });
}

function isScalar(value: unknown): boolean {
  return value === null || ["number", "bigint", "string", "boolean"].includes(typeof value);
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) || isTypedArray(value);
}

function fromRows(
  model: string,
  slot: TensorSlot,
  rows: readonly unknown[],
  padded: boolean,
): Feed {
  const shapes = rows.map(shapeOfRow);
  const shape = shapes[0]!;
  const rank = shape.length;
  const ragged = shapes.some(
    (other) => other.length !== rank || other.some((size, axis) => size !== shape[axis]),
  );
  // Lists of numbers, by far the most, are read as one.
  if (!ragged && !rows.some(hasOwnDims)) return fromNested(model, slot, rows);
  const free = shape.map(
    (_, axis) => padded || slot.shape.length === 0 || slot.shape[axis + 1] === null,
  );
  const fits = shapes.every(
    (other) =>
      other.length === rank && other.every((size, axis) => size === shape[axis] || free[axis]),
  );
  if (!fits) return fromNested(model, slot, rows);
  const tensors = rows.map((row, at) => {
    if (!hasOwnDims(row)) return fromNested(model, slot, [row], at);
    const own = isShaped(row) ? row : { data: row as never, dims: (row as ShapedData).dims };
    return fromShaped(model, slot, { data: own.data, dims: [1, ...own.dims] }, at);
  });
  return ragged ? tensors : stackRows(tensors);
}

function hasOwnDims(row: unknown): boolean {
  return isShaped(row) || (isTypedArray(row) && isDims((row as { dims?: unknown }).dims));
}

/** The dimensions of one row, by its first elements. */
function shapeOfRow(row: unknown): readonly number[] {
  if (hasOwnDims(row)) return (row as ShapedData).dims;
  const dims: number[] = [];
  for (let list = row; isList(list); list = list[0]) dims.push(list.length);
  return dims;
}

function isDims(dims: unknown): dims is readonly number[] {
  return Array.isArray(dims) && dims.every((size) => Number.isInteger(size) && size >= 0);
}

export function isShaped(value: unknown): value is ShapedData {
  if (value === null || typeof value !== "object" || isList(value)) return false;
  const { data, dims } = value as Partial<ShapedData>;
  return isList(data) && Array.isArray(dims);
}

function fromShaped(
  model: string,
  slot: TensorSlot,
  { data, dims }: ShapedData,
  firstRow = 0,
): Tensor {
  if (!isDims(dims) || countElements(dims) !== data.length) {
    throw toInputError(model, {
      detail: `the input ${JSON.stringify(slot.name)} has dims [${dims.join(", ")}] and ${data.length} elements.`,
      hint: "The product of dims must be the number of elements.",
      expected: data.length,
      received: `[${dims.join(", ")}]`,
    });
  }
  const refuse = refuseIn(model, slot, { dims, offset: 0, firstRow });
  return { type: slot.dtype, dims: [...dims], data: toElements(slot.dtype, data, refuse) };
}

function fromFlat(model: string, slot: TensorSlot, cells: ArrayLike<unknown>): Tensor {
  const dims = findDims(model, slot, cells.length);
  return {
    type: slot.dtype,
    dims,
    data: toElements(slot.dtype, cells, refuseIn(model, slot, { dims, offset: 0, firstRow: 0 })),
  };
}

/** The declared dimensions with the first one, the rows, from the number of elements. */
function findDims(model: string, slot: TensorSlot, length: number): number[] {
  // Without declared dimensions the list is all there is to go by.
  if (slot.shape.length === 0) return [length];
  const [, ...rest] = slot.shape;
  const fixed = rest.filter((size) => size !== null);
  const size = countElements(fixed);
  if (fixed.length === rest.length && length % size === 0) return [length / size, ...fixed];
  throw toInputError(model, {
    detail:
      fixed.length === rest.length
        ? `the input ${JSON.stringify(slot.name)} takes ${size} elements a row, and ${length} are no whole number of rows.`
        : `the dimensions of the input ${JSON.stringify(slot.name)} cannot be told from ${length} elements.`,
    hint: "Give nested lists or { data, dims }.",
    expected: printShape(slot),
    received: `${length} elements`,
  });
}

function fromNested(
  model: string,
  slot: TensorSlot,
  value: readonly unknown[],
  firstRow = 0,
): Tensor {
  const dims: number[] = [];
  for (let list: unknown = value; isList(list); list = list[0]) {
    dims.push(list.length);
    if (list.length === 0) break;
  }
  const data = createElements(slot.dtype, countElements(dims));
  fillNested({ model, slot, dims, data, firstRow }, value, 0, 0);
  return { type: slot.dtype, dims, data };
}

interface Filling {
  model: string;
  slot: TensorSlot;
  dims: readonly number[];
  data: TensorElements;
  firstRow: number;
}

function fillNested(filling: Filling, list: unknown, depth: number, offset: number): void {
  const { model, slot, dims, data, firstRow } = filling;
  const size = countElements(dims.slice(depth + 1));
  if (!isList(list) || list.length !== dims[depth]) {
    const row = firstRow + Math.floor(offset / Math.max(1, countElements(dims.slice(1))));
    const differs =
      row === firstRow
        ? `the lists of row ${row} differ in length.`
        : `row ${firstRow} has the shape [${dims.slice(1).join(", ")}], and row ${row} does not.`;
    throw toInputError(model, {
      detail: `the lists of the input ${JSON.stringify(slot.name)} differ: ${differs}`,
      hint: "Give rows of one shape, or fill the short ones with the option `pad` of onnx().",
      issues: [{ message: "has another shape", row, column: slot.name }],
    });
  }
  if (depth === dims.length - 1) {
    const refuse = refuseIn(model, slot, { dims, offset, firstRow });
    fillCells(slot.dtype, data, list, { offset, stride: 1, refuse });
    return;
  }
  for (let i = 0; i < list.length; i += 1)
    fillNested(filling, list[i], depth + 1, offset + i * size);
}

/**
 * Refuses a cell by its row; `offset` is where the list of cells begins in the tensor, and `firstRow`
 * which row of all the tensor begins with.
 */
function refuseIn(
  model: string,
  slot: TensorSlot,
  { dims, offset, firstRow }: { dims: readonly number[]; offset: number; firstRow: number },
): RefuseCell {
  const rowSize = Math.max(1, countElements(dims.slice(1)));
  return (index, value, expected) => {
    const at = offset + index;
    const inRow = at % rowSize;
    throw toCellError(model, {
      row: firstRow + Math.floor(at / rowSize),
      column: rowSize === 1 ? slot.name : `${slot.name}[${inRow}]`,
      value,
      expected,
    });
  };
}
