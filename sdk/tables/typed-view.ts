/** A constructor of typed arrays. */
export interface TypedArrayKind<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/** The first numbers in some bytes: the same memory where the place of the bytes allows it. */
export function viewAs<T>(Kind: TypedArrayKind<T>, bytes: Uint8Array, length: number): T {
  const aligned = bytes.byteOffset % Kind.BYTES_PER_ELEMENT === 0;
  const { buffer, byteOffset } = aligned
    ? bytes
    : new Uint8Array(bytes.subarray(0, length * Kind.BYTES_PER_ELEMENT));
  return new Kind(buffer, byteOffset, length);
}

/** The double of a half-precision float (IEEE 754 binary16) given by its bits. */
export function fromFloat16(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
