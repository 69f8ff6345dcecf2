import { countElements, type Tensor, type TensorElements } from "./tensor.js";

/** What the elements of a tensor are, for the types: 64-bit integers are numbers unless bigints are asked for. */
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

/** The array that holds the elements of a tensor. */
export type TensorData<T extends TensorElement> = [T] extends [string]
  ? string[]
  : [T] extends [boolean]
    ? boolean[]
    : [T] extends [bigint]
      ? TypedElements<bigint>
      : TypedElements<number>;

/**
 * A tensor: a typed array, or an array of strings or booleans, in row-major order,
 * that knows its dimensions. A tensor `[N]` or `[N, 1]` is indexed by its rows.
 */
export type TensorArray<T extends TensorElement = number> = TensorData<T> & {
  readonly dims: readonly number[];
  /**
   * The elements of row `i`: a view where the tensor is a typed array.
   * @throws RangeError when there is no such row.
   */
  row(i: number): TensorData<T>;
  /**
   * Element `k` of every row.
   * @throws RangeError when a row has no such element.
   */
  column(k: number): TensorData<T>;
};

export type Elements = TensorElements | boolean[];

function row(this: Elements & { dims: readonly number[] }, i: number): Elements {
  const rows = this.dims[0] ?? 1;
  if (!Number.isInteger(i) || i < 0 || i >= rows) {
    throw new RangeError(`There is no row ${i}: the tensor has ${rows} rows, counted from 0.`);
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

/** Answers the object that it is given instead of a new one: a class on top adds its fields to that. */
const Given = function given(object: object): object {
  return object;
} as unknown as new (object: object) => object;

/** The dimensions of a typed array, in a private field of it: a property costs twice as much. */
class Dims extends Given {
  readonly #dims: readonly number[];

  private constructor(data: object, dims: readonly number[]) {
    super(data);
    this.#dims = dims;
  }

  static add(data: object, dims: readonly number[]): object {
    return new Dims(data, dims);
  }

  static of(data: object): readonly number[] | undefined {
    return #dims in data ? data.#dims : undefined;
  }
}

/** What is between a tensor and `Float32Array.prototype`, by that prototype. */
const prototypes = new Map<object, object>();

function toTensorPrototype(plain: object): object {
  const known = prototypes.get(plain);
  if (known !== undefined) return known;
  const made = Object.create(plain, {
    dims: {
      get(this: object): readonly number[] | undefined {
        return Dims.of(this);
      },
    },
    row: { value: row },
    column: { value: column },
  }) as object;
  prototypes.set(plain, made);
  return made;
}

/**
 * Adds dimensions and access by row and column to the elements themselves, so that they stay the
 * array that every library takes: a typed array keeps its constructor, and has nothing to enumerate,
 * so that it prints, compares and serializes as its elements. Three properties of its own would do as
 * well, and would be a quarter of the time of a tree ensemble's answer for one row.
 */
export function createTensorArray(data: Elements, dims: readonly number[]): TensorArray {
  if (Array.isArray(data)) {
    // Arrays with another prototype are slow in all that is done with them.
    Object.defineProperty(data, "dims", { value: dims });
    Object.defineProperty(data, "row", { value: row });
    Object.defineProperty(data, "column", { value: column });
  } else {
    Object.setPrototypeOf(data, toTensorPrototype(Object.getPrototypeOf(data) as object));
    Dims.add(data, dims);
  }
  return data as unknown as TensorArray;
}

/** The elements of a tensor as a plain array, with its dimensions; `undefined` for what is no tensor. */
export function fromTensorArray(
  value: unknown,
): { data: Elements; dims: readonly number[] } | undefined {
  if (Array.isArray(value)) {
    const { dims, row: own } = value as unknown as TensorArray<string>;
    return own === row ? { data: [...(value as string[])], dims } : undefined;
  }
  if (!ArrayBuffer.isView(value)) return undefined;
  const dims = Dims.of(value);
  if (dims === undefined) return undefined;
  const { buffer, byteOffset, length, constructor } = value as Float64Array;
  return {
    data: new (constructor as Float64ArrayConstructor)(buffer, byteOffset, length),
    dims,
  };
}

/** A tensor as a handler gets it: booleans are `true` and `false`, all else are its own elements. */
export function toTensorArray({ type, dims, data }: Tensor): TensorArray {
  const elements = type === "bool" ? Array.from(data as Uint8Array, (byte) => byte === 1) : data;
  return createTensorArray(elements, dims);
}
