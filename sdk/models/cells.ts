import {
  createElements,
  isElementsOf,
  type TensorElements,
  type TensorType,
} from "../tensor/tensor.js";

/** Where the cells of a list go: element `offset + i · stride` of the tensor. */
export interface Placement {
  offset: number;
  stride: number;
}

/** Raises the error for a cell that does not fit; it knows the row and the column. */
export type RefuseCell = (index: number, value: unknown, expected: string) => never;

type Cells = ArrayLike<unknown>;

const RANGES: Partial<Record<TensorType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32_768, 32_767],
  uint16: [0, 65_535],
  int32: [-2_147_483_648, 2_147_483_647],
  uint32: [0, 4_294_967_295],
};

/**
 * Writes cells into a tensor and converts them: a missing cell (`null`, `undefined`) becomes NaN in
 * a float tensor and `""` in a string tensor, and is refused in all others; nothing is rounded to
 * an integer, and no text is read as a number.
 */
export function fillCells(
  type: TensorType,
  target: TensorElements,
  cells: Cells,
  { offset, stride, refuse }: Placement & { refuse: RefuseCell },
): void {
  switch (type) {
    case "float32":
    case "float64":
      return fillFloats(target as Float64Array, cells, { offset, stride, refuse });
    case "string":
      return fillStrings(target as string[], cells, { offset, stride, refuse });
    case "bool":
      return fillBooleans(target as Uint8Array, cells, { offset, stride, refuse });
    case "int64":
    case "uint64":
      return fillBigInts(type, target as BigInt64Array, cells, { offset, stride, refuse });
    default:
      return fillIntegers(type, target as Int32Array, cells, { offset, stride, refuse });
  }
}

/** A list of cells as the elements of a tensor; the list itself when it is already right. */
export function toElements(type: TensorType, cells: Cells, refuse: RefuseCell): TensorElements {
  if (isElementsOf(type, cells)) return cells;
  const target = createElements(type, cells.length);
  fillCells(type, target, cells, { offset: 0, stride: 1, refuse });
  return target;
}

type Fill = Placement & { refuse: RefuseCell };

function fillFloats(target: Float64Array, cells: Cells, { offset, stride, refuse }: Fill): void {
  // The two lists that columns of numbers are made of, each in a loop that sees only one kind.
  if (cells instanceof Float64Array) {
    for (let i = 0, at = offset; i < cells.length; i += 1, at += stride) target[at] = cells[i]!;
    return;
  }
  if (cells instanceof Float32Array) {
    for (let i = 0, at = offset; i < cells.length; i += 1, at += stride) target[at] = cells[i]!;
    return;
  }
  for (let i = 0, at = offset; i < cells.length; i += 1, at += stride) {
    const cell = cells[i];
    if (typeof cell === "number") target[at] = cell;
    else if (cell === null || cell === undefined) target[at] = Number.NaN;
    else if (typeof cell === "boolean" || typeof cell === "bigint") target[at] = Number(cell);
    else refuse(i, cell, "a number");
  }
}

function fillIntegers(
  type: TensorType,
  target: Int32Array,
  cells: Cells,
  { offset, stride, refuse }: Fill,
): void {
  const [low, high] = RANGES[type]!;
  const expected = `a whole number from ${low} to ${high}`;
  for (let i = 0, at = offset; i < cells.length; i += 1, at += stride) {
    const cell = cells[i];
    const value = typeof cell === "bigint" || typeof cell === "boolean" ? Number(cell) : cell;
    if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
      refuse(i, cell, expected);
    }
    target[at] = value as number;
  }
}

function fillBigInts(
  type: TensorType,
  target: BigInt64Array,
  cells: Cells,
  { offset, stride, refuse }: Fill,
): void {
  const signed = type === "int64";
  const expected = signed ? "a whole number" : "a whole number from 0 on";
  for (let i = 0, at = offset; i < cells.length; i += 1, at += stride) {
    const cell = cells[i];
    let value: bigint;
    if (typeof cell === "bigint") value = cell;
    // Beyond 2^53 a number stands for several integers: only a bigint says which.
    else if (typeof cell === "number" && Number.isSafeInteger(cell)) value = BigInt(cell);
    else if (typeof cell === "boolean") value = cell ? 1n : 0n;
    else return refuse(i, cell, expected);
    const kept = signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
    if (kept !== value) refuse(i, cell, `${expected} of 64 bits`);
    target[at] = value;
  }
}

function fillBooleans(target: Uint8Array, cells: Cells, { offset, stride, refuse }: Fill): void {
  for (let i = 0, at = offset; i < cells.length; i += 1, at += stride) {
    const cell = cells[i];
    if (cell === true || cell === 1 || cell === 1n) target[at] = 1;
    else if (cell === false || cell === 0 || cell === 0n) target[at] = 0;
    else refuse(i, cell, "true or false");
  }
}

function fillStrings(target: string[], cells: Cells, { offset, stride, refuse }: Fill): void {
  for (let i = 0, at = offset; i < cells.length; i += 1, at += stride) {
    const cell = cells[i];
    if (typeof cell === "string") target[at] = cell;
    else if (cell === null || cell === undefined) target[at] = "";
    else refuse(i, cell, "a string");
  }
}
