import { fillCells, toElements, type RefuseCell } from "./cells.js";
import { printValue, toCellError, toInputError } from "./input-error.js";
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
type Nested = readonly (Scalar | Nested | ArrayBufferView)[];

/** What a tensor can be made of: a typed array, nested lists, or elements with their dimensions. */
export type TensorValue = Scalar | Nested | ArrayBufferView | ShapedData;

/**
 * A tensor from what an author wrote. Nested lists give their own dimensions; a flat list or typed
 * array takes the declared ones, and its length says how many rows it has.
 * @throws MODEL_INPUT_INVALID
 */
export function toTensor(model: string, slot: TensorSlot, value: unknown): Tensor {
  if (isShaped(value)) return fromShaped(model, slot, value);
  if (isTypedArray(value)) {
    const own = (value as { dims?: unknown }).dims;
    if (isDims(own)) return fromShaped(model, slot, { data: value as never, dims: own });
    return fromFlat(model, slot, value);
  }
  if (Array.isArray(value)) {
    const nested = value.length > 0 && isList(value[0]);
    return nested ? fromNested(model, slot, value) : fromFlat(model, slot, value);
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

function isDims(dims: unknown): dims is readonly number[] {
  return Array.isArray(dims) && dims.every((size) => Number.isInteger(size) && size >= 0);
}

export function isShaped(value: unknown): value is ShapedData {
  if (value === null || typeof value !== "object" || isList(value)) return false;
  const { data, dims } = value as Partial<ShapedData>;
  return isList(data) && Array.isArray(dims);
}

function fromShaped(model: string, slot: TensorSlot, { data, dims }: ShapedData): Tensor {
  if (!isDims(dims) || countElements(dims) !== data.length) {
    throw toInputError(model, {
      detail: `the input ${JSON.stringify(slot.name)} has dims [${dims.join(", ")}] and ${data.length} elements.`,
      hint: "The product of dims must be the number of elements.",
      expected: data.length,
      received: `[${dims.join(", ")}]`,
    });
  }
  const refuse = refuseIn(model, slot, dims);
  return { type: slot.dtype, dims: [...dims], data: toElements(slot.dtype, data, refuse) };
}

function fromFlat(model: string, slot: TensorSlot, cells: ArrayLike<unknown>): Tensor {
  const dims = findDims(model, slot, cells.length);
  return {
    type: slot.dtype,
    dims,
    data: toElements(slot.dtype, cells, refuseIn(model, slot, dims)),
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

function fromNested(model: string, slot: TensorSlot, value: readonly unknown[]): Tensor {
  const dims: number[] = [];
  for (let list: unknown = value; isList(list); list = list[0]) {
    dims.push(list.length);
    if (list.length === 0) break;
  }
  const data = createElements(slot.dtype, countElements(dims));
  fillNested({ model, slot, dims, data }, value, 0, 0);
  return { type: slot.dtype, dims, data };
}

interface Filling {
  model: string;
  slot: TensorSlot;
  dims: readonly number[];
  data: TensorElements;
}

function fillNested(filling: Filling, list: unknown, depth: number, offset: number): void {
  const { model, slot, dims, data } = filling;
  const size = countElements(dims.slice(depth + 1));
  if (!isList(list) || list.length !== dims[depth]) {
    const row = Math.floor(offset / countElements(dims.slice(1)));
    throw toInputError(model, {
      detail: `the lists of the input ${JSON.stringify(slot.name)} differ: row 0 has the shape [${dims.slice(1).join(", ")}], and row ${row} does not.`,
      hint: "Rows of different shapes cannot share one run: run them apart, or pad them if the model has a mask.",
      issues: [{ message: "has another shape than row 0", row, column: slot.name }],
    });
  }
  if (depth === dims.length - 1) {
    const refuse = refuseIn(model, slot, dims, offset);
    fillCells(slot.dtype, data, list, { offset, stride: 1, refuse });
    return;
  }
  for (let i = 0; i < list.length; i += 1)
    fillNested(filling, list[i], depth + 1, offset + i * size);
}

/** Refuses a cell by its row; `offset` is where the list of cells begins in the tensor. */
function refuseIn(
  model: string,
  slot: TensorSlot,
  dims: readonly number[],
  offset = 0,
): RefuseCell {
  const rowSize = Math.max(1, countElements(dims.slice(1)));
  return (index, value, expected) => {
    const at = offset + index;
    const inRow = at % rowSize;
    throw toCellError(model, {
      row: Math.floor(at / rowSize),
      column: rowSize === 1 ? slot.name : `${slot.name}[${inRow}]`,
      value,
      expected,
    });
  };
}
