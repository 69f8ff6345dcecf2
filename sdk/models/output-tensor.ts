import { EkibenError } from "../core/errors.js";
import {
  countElements,
  type BigIntArray,
  type NumberArray,
  type TensorElements,
} from "./tensor.js";

/** What the elements of an output are, for the types: `int64` outputs are numbers by default. */
export type TensorElement = number | string | boolean | bigint;

/**
 * What the typed arrays have in common. Their union would do in newer compilers; TypeScript 5.0,
 * which notebooks run, cannot call `reduce` on it.
 */
export interface TypedElements<T extends number | bigint> extends Iterable<T>, ArrayBufferView {
  readonly length: number;
  readonly BYTES_PER_ELEMENT: number;
  [index: number]: T;
  at(index: number): T | undefined;
  every(test: (value: T, index: number) => unknown): boolean;
  filter(test: (value: T, index: number) => unknown): TypedElements<T>;
  find(test: (value: T, index: number) => boolean): T | undefined;
  findIndex(test: (value: T, index: number) => boolean): number;
  forEach(visit: (value: T, index: number) => void): void;
  includes(value: T, from?: number): boolean;
  indexOf(value: T, from?: number): number;
  join(separator?: string): string;
  map(change: (value: T, index: number) => T): TypedElements<T>;
  reduce(add: (sum: T, value: T, index: number) => T): T;
  reduce<Sum>(add: (sum: Sum, value: T, index: number) => Sum, initial: Sum): Sum;
  slice(start?: number, end?: number): TypedElements<T>;
  some(test: (value: T, index: number) => unknown): boolean;
  subarray(start?: number, end?: number): TypedElements<T>;
}

/** The array that holds the elements of an output. */
export type OutputData<T extends TensorElement> = [T] extends [string]
  ? string[]
  : [T] extends [boolean]
    ? boolean[]
    : [T] extends [bigint]
      ? TypedElements<bigint>
      : TypedElements<number>;

/**
 * An output of a model: a typed array, or an array of strings or booleans, in row-major order,
 * that knows its dimensions. An output `[N]` or `[N, 1]` is indexed by its rows.
 */
export type OutputTensor<T extends TensorElement = number> = OutputData<T> & {
  readonly dims: readonly number[];
  /**
   * The elements of row `i`: a view where the output is a typed array.
   * @throws RangeError when there is no such row.
   */
  row(i: number): OutputData<T>;
  /**
   * Element `k` of every row.
   * @throws RangeError when a row has no such element.
   */
  column(k: number): OutputData<T>;
};

/** How integers of 64 bits come out: as numbers, or as bigints. */
export type Int64Output = "number" | "bigint";

/** What onnxruntime answers for one output. */
export interface RawOutput {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

type Elements = TensorElements | boolean[];

function row(this: Elements & { dims: readonly number[] }, i: number): Elements {
  const rows = this.dims[0] ?? 1;
  if (!Number.isInteger(i) || i < 0 || i >= rows) {
    throw new RangeError(`There is no row ${i}: the output has ${rows} rows, counted from 0.`);
  }
  const size = this.length / rows;
  return Array.isArray(this)
    ? (this.slice(i * size, (i + 1) * size) as Elements)
    : this.subarray(i * size, (i + 1) * size);
}

function column(this: Elements & { dims: readonly number[] }, k: number): Elements {
  const size = countElements(this.dims.slice(1));
  if (!Number.isInteger(k) || k < 0 || k >= size) {
    throw new RangeError(`There is no column ${k}: a row has ${size} elements, counted from 0.`);
  }
  const rows = this.length / size;
  const cells = Array.isArray(this)
    ? Array.from({ length: rows })
    : new (this.constructor as Float64ArrayConstructor)(rows);
  for (let i = 0; i < rows; i += 1) cells[i] = this[i * size + k] as never;
  return cells as Elements;
}

/**
 * Adds dimensions and access by row and column to the elements themselves, so that they stay the
 * plain array that every library takes.
 */
export function createOutputTensor(data: Elements, dims: readonly number[]): OutputTensor {
  // Not enumerable: the output prints, compares and serializes as its elements.
  Object.defineProperty(data, "dims", { value: dims });
  Object.defineProperty(data, "row", { value: row });
  Object.defineProperty(data, "column", { value: column });
  return data as unknown as OutputTensor;
}

/**
 * Turns what onnxruntime answered into elements that JavaScript counts with.
 * @throws MODEL_RUN_FAILED for an integer that a number cannot hold, and for other element types.
 */
export function toOutputTensor(name: string, raw: RawOutput, int64: Int64Output): OutputTensor {
  return createOutputTensor(toElements(name, raw, int64), raw.dims);
}

function toElements(name: string, { type, data }: RawOutput, int64: Int64Output): Elements {
  if (type === "string") return [...(data as string[])];
  if (type === "bool") return Array.from(data as Uint8Array, (byte) => byte !== 0);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return int64 === "bigint" ? data : toNumbers(name, data);
  }
  if (ArrayBuffer.isView(data) && !(data instanceof DataView)) return data as NumberArray;
  throw new EkibenError("MODEL_RUN_FAILED", {
    detail: `The output ${JSON.stringify(name)} holds ${type}, which ekiben cannot read.`,
    hint: "Export the model with float32 outputs.",
    received: type,
  });
}

/** The halves of 64 bits as 32-bit numbers: exact, and without a bigint an element. */
function toNumbers(name: string, data: BigIntArray): Float64Array {
  const numbers = new Float64Array(data.length);
  const signed = data instanceof BigInt64Array;
  const halves = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
  for (let i = 0; i < data.length; i += 1) {
    const high = halves[2 * i + 1]!;
    const value = (signed ? high | 0 : high) * 4_294_967_296 + halves[2 * i]!;
    if (!Number.isSafeInteger(value)) {
      throw new EkibenError("MODEL_RUN_FAILED", {
        detail: `Element ${i} of the output ${JSON.stringify(name)} is ${data[i]}, more than a number holds exactly.`,
        hint: 'Set the option int64: "bigint" of onnx() to get bigints.',
        received: String(data[i]),
      });
    }
    numbers[i] = value;
  }
  return numbers;
}
