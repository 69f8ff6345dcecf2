/** The typed arrays whose elements are those of a tensor of a type. */
export const ARRAYS = {
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
} as const;

const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** A copy of elements of `size` bytes, from the order of this machine to the one that travels, or back. */
export function copyLittleEndian(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(bytes);
  if (!LITTLE) {
    for (let at = 0; at < copy.length; at += size) copy.subarray(at, at + size).reverse();
  }
  return copy;
}
