/** The array that holds the elements of a tensor; booleans are bytes, strings a plain array. */
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

/** The element types that a model may take and give. */
export type TensorType = keyof typeof ARRAYS | "string";

export const TENSOR_TYPES: readonly TensorType[] = [
  ...(Object.keys(ARRAYS) as (keyof typeof ARRAYS)[]),
  "string",
];

export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

export type BigIntArray = BigInt64Array | BigUint64Array;

export type TensorElements = NumberArray | BigIntArray | string[];

/** A tensor in memory: its elements in row-major order. */
export interface Tensor {
  readonly type: TensorType;
  readonly dims: readonly number[];
  readonly data: TensorElements;
}

/** A tensor that a model or an input takes or gives, as others are told of it. */
export interface TensorDescription {
  name: string;
  dtype: string;
  /** One entry a dimension: a size, or `null` where it is free. */
  shape: readonly (number | null)[];
}

/** A tensor that a model takes, described well enough to fill it. */
export interface TensorSlot extends TensorDescription {
  readonly dtype: TensorType;
  /** The names of the free dimensions; those with one name have one size. */
  readonly symbols: readonly string[];
}

export function isTensorType(dtype: string): dtype is TensorType {
  return dtype === "string" || Object.hasOwn(ARRAYS, dtype);
}

export function createElements(type: TensorType, length: number): TensorElements {
  return type === "string" ? Array.from({ length }, () => "") : new ARRAYS[type](length);
}

/** Whether the elements can be handed on as they are, without a copy. */
export function isElementsOf(type: TensorType, data: unknown): data is TensorElements {
  // onnxruntime refuses shared memory, and a byte that is neither 0 nor 1 is no boolean.
  if (type === "string" || type === "bool") return false;
  return data instanceof ARRAYS[type] && data.buffer instanceof ArrayBuffer;
}

export function isTypedArray(value: unknown): value is NumberArray | BigIntArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

export function countElements(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}

/** Rows `from` up to, without, `to` along the first dimension, as a view. */
export function sliceRows(tensor: Tensor, from: number, to: number): Tensor {
  const [, ...rest] = tensor.dims;
  const size = countElements(rest);
  const { data } = tensor;
  return {
    type: tensor.type,
    dims: [to - from, ...rest],
    data: Array.isArray(data)
      ? data.slice(from * size, to * size)
      : data.subarray(from * size, to * size),
  };
}

/** Dimensions for messages: `[N, 4]`, where a free one has its name. */
export function printShape(slot: Pick<TensorSlot, "shape" | "symbols">): string {
  return `[${slot.shape.map((size, i) => size ?? (slot.symbols[i] || "any")).join(", ")}]`;
}
