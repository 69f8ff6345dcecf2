import { ARRAYS, copyLittleEndian } from "./typed-arrays.js";

/** What a tensor in JSON means: null is NaN among floats, text an integer of 64 bits. */
export function reviveTensor(value: unknown, dtype: string | undefined): unknown {
  if (dtype === "float32" || dtype === "float64") return reviveEach(value, toFloat);
  if (dtype === "int64" || dtype === "uint64") return reviveEach(value, toInteger);
  return value;
}

function reviveEach(value: unknown, revive: (element: unknown) => unknown): unknown {
  return Array.isArray(value) ? value.map((each) => reviveEach(each, revive)) : revive(value);
}

const toFloat = (element: unknown): unknown => (element === null ? Number.NaN : element);

const toInteger = (element: unknown): unknown =>
  typeof element === "string" && /^-?\d+$/.test(element) ? BigInt(element) : element;

/**
 * The elements of a tensor in bytes, as a typed array that has its `dims`; strings, which have no
 * typed array, stay bytes.
 */
export function readTensor(bytes: Uint8Array, dtype: string, shape: string): unknown {
  const type = dtype === "bool" ? "uint8" : dtype;
  if (!Object.hasOwn(ARRAYS, type)) return bytes;
  const Elements = ARRAYS[type as keyof typeof ARRAYS];
  const elements = new Elements(copyLittleEndian(bytes, Elements.BYTES_PER_ELEMENT).buffer);
  const dims = shape.trim() === "" ? [] : shape.split(",").map(Number);
  // As the TensorArray of a handler has it: not among what is printed and compared.
  return Object.defineProperty(elements, "dims", { value: dims });
}
