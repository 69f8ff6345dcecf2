// IEEE 754 binary16: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction.

const scratch = new DataView(new ArrayBuffer(8));

/** 65,504 is the largest half; from the middle to the next power of two on, numbers round away. */
const OVERFLOW = 65_520;
/** The distance between the smallest halves. */
const SMALLEST = 2 ** -24;

/** The bits of the half nearest to a number, ties to the even one; too large becomes infinity. */
export function toFloat16(value: number): number {
  scratch.setFloat64(0, value);
  const sign = (scratch.getUint8(0) & 0x80) << 8;
  if (Number.isNaN(value)) return 0x7e00;
  const size = Math.abs(value);
  if (size >= OVERFLOW) return sign | 0x7c00;
  // Below 2^-14 all halves are the same distance apart; the bits simply count them.
  if (size < 2 ** -14) return sign | roundToEven(size / SMALLEST);
  const exponent = ((scratch.getUint16(0) >> 4) & 0x7ff) - 1023;
  // A fraction that rounds up to 1024 carries into the exponent, as it should.
  const fraction = roundToEven((size / 2 ** exponent - 1) * 1024);
  return sign | (((exponent + 15) << 10) + fraction);
}

function roundToEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return rest > 0.5 ? low + 1 : low;
  return low % 2 === 0 ? low : low + 1;
}

/** The number that the bits of a half stand for. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * SMALLEST;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

/** Reads little-endian halves, two bytes each. */
export function fromFloat16Bytes(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(Math.floor(bytes.byteLength / 2));
  for (let i = 0; i < values.length; i += 1) values[i] = fromFloat16(view.getUint16(2 * i, true));
  return values;
}

/** Writes numbers as little-endian halves, two bytes each, rounded to the nearest. */
export function toFloat16Bytes(values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(values.length * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i += 1) view.setUint16(2 * i, toFloat16(values[i]!), true);
  return bytes;
}
