import { isTypedArray, type TensorElements, type TensorType } from "./tensor.js";
import { TensorFault } from "./tensor-fault.js";

type Cells = ArrayLike<unknown>;

/** Raises the fault of a cell; it knows where the cell is. */
export type RefuseCell = (index: number, value: unknown, expected: string) => never;

/** Where the cells of a list go, and what may be among them. */
export interface Filling {
  offset: number;
  /** Whether NaN and the infinities are numbers here; as JSON they are texts, and `null` is NaN. */
  nonFinite: boolean;
  refuse: RefuseCell;
}

const LARGEST_FLOAT32 = 3.4028234663852886e38;

const RANGES: Partial<Record<TensorType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32_768, 32_767],
  uint16: [0, 65_535],
  int32: [-2_147_483_648, 2_147_483_647],
  uint32: [0, 4_294_967_295],
};

const NON_FINITE: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity,
  "-Infinity": -Infinity,
};

/**
 * Writes cells into elements from `offset` on. Nothing is rounded to an integer, cut to a range or
 * turned from one kind into another, but for integers of 64 bits, which may be decimal text.
 */
export function fillCells(
  type: TensorType,
  target: TensorElements,
  cells: Cells,
  filling: Filling,
): void {
  switch (type) {
    case "float32":
    case "float64":
      return fillFloats(target as Float64Array, cells, filling);
    case "int64":
    case "uint64":
      return fillBigInts(type, target as BigInt64Array, cells, filling);
    case "bool":
      return fillBooleans(target as Uint8Array, cells, filling);
    case "string":
      return fillStrings(target as string[], cells, filling);
    default:
      return fillIntegers(RANGES[type]!, target as Int32Array, cells, filling);
  }
}

function fillFloats(target: Float64Array, cells: Cells, filling: Filling): void {
  const { offset, nonFinite, refuse } = filling;
  for (let i = 0; i < cells.length; i += 1) {
    const cell = cells[i];
    const value = typeof cell === "number" ? cell : nonFinite ? toNonFinite(cell) : undefined;
    if (value === undefined) return refuse(i, cell, "a number");
    target[offset + i] = value;
    // What float32 cannot hold has become infinite in the target.
    if (Number.isFinite(target[offset + i]) || (nonFinite && !Number.isFinite(value))) continue;
    if (!Number.isFinite(value)) return refuse(i, cell, "a finite number");
    refuse(i, cell, `a number of float32, at most ${LARGEST_FLOAT32}`);
  }
}

function toNonFinite(cell: unknown): number | undefined {
  if (cell === null) return Number.NaN;
  return typeof cell === "string" && Object.hasOwn(NON_FINITE, cell) ? NON_FINITE[cell] : undefined;
}

function fillIntegers(
  [low, high]: readonly [number, number],
  target: Int32Array,
  cells: Cells,
  { offset, refuse }: Filling,
): void {
  for (let i = 0; i < cells.length; i += 1) {
    const cell = cells[i];
    if (typeof cell !== "number" || !Number.isInteger(cell) || cell < low || cell > high) {
      return refuse(i, cell, `a whole number from ${low} to ${high}`);
    }
    target[offset + i] = cell;
  }
}

function fillBigInts(
  type: "int64" | "uint64",
  target: BigInt64Array,
  cells: Cells,
  { offset, refuse }: Filling,
): void {
  const signed = type === "int64";
  const expected = signed ? "a whole number of 64 bits" : "a whole number of 64 bits from 0 on";
  for (let i = 0; i < cells.length; i += 1) {
    const cell = cells[i];
    // Beyond 2^53 a number stands for several integers: only text or a bigint says which.
    if (typeof cell === "number" && Number.isInteger(cell) && !Number.isSafeInteger(cell)) {
      return refuse(i, cell, `${expected}; beyond 2^53 as decimal text`);
    }
    const value = toBigInt(cell);
    if (value === undefined) return refuse(i, cell, expected);
    const kept = signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
    if (kept !== value) return refuse(i, cell, expected);
    target[offset + i] = value;
  }
}

function toBigInt(cell: unknown): bigint | undefined {
  if (typeof cell === "bigint") return cell;
  if (typeof cell === "number") return Number.isInteger(cell) ? BigInt(cell) : undefined;
  // 64 bits have at most 20 digits; reading a million of them would take its time.
  return typeof cell === "string" && /^-?\d{1,20}$/.test(cell) ? BigInt(cell) : undefined;
}

function fillBooleans(target: Uint8Array, cells: Cells, { offset, refuse }: Filling): void {
  // The elements of a tensor of booleans are bytes; in a plain list 0 and 1 are numbers.
  const bytes = isTypedArray(cells);
  for (let i = 0; i < cells.length; i += 1) {
    const cell = cells[i];
    if (cell === true || (bytes && cell === 1)) target[offset + i] = 1;
    else if (cell === false || (bytes && cell === 0)) target[offset + i] = 0;
    else refuse(i, cell, "true or false");
  }
}

function fillStrings(target: string[], cells: Cells, { offset, refuse }: Filling): void {
  for (let i = 0; i < cells.length; i += 1) {
    const cell = cells[i];
    if (typeof cell !== "string") return refuse(i, cell, "a string");
    target[offset + i] = cell;
  }
}

const LONGEST = 40;

/** A value in a few words, such as `string "abc"` or `array of 3`. */
export function printCell(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value) || isTypedArray(value)) return `array of ${value.length}`;
  switch (typeof value) {
    case "string":
      return `string ${JSON.stringify(value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value)}`;
    case "number":
    case "boolean":
    case "bigint":
      return `${typeof value} ${value}`;
    default:
      return typeof value;
  }
}

/** The fault of a cell at a path. */
export function toCellFault(path: string, value: unknown, expected: string): TensorFault {
  const received = printCell(value);
  const place = path === "" ? "the value" : path;
  return new TensorFault(`${place} is ${received}, not ${expected}`, {
    ...(path !== "" && { path }),
    expected,
    received,
  });
}
