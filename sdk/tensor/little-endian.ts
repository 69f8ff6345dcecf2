import { checkDims, printDims } from "./dims.js";
import {
  countElements,
  createElements,
  type BigIntArray,
  type NumberArray,
  type Tensor,
  type TensorType,
} from "./tensor.js";
import { TensorFault } from "./tensor-fault.js";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Whether this machine keeps the bytes of a number the way the formats write them. */
const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** The length before each string. */
const PREFIX = 4;

const SIZES: Readonly<Record<Exclude<TensorType, "string">, number>> = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  int64: 8,
  uint64: 8,
  float64: 8,
};

/** Bytes an element takes, `undefined` for strings, which differ. */
export function sizeOfType(type: TensorType): number | undefined {
  return type === "string" ? undefined : SIZES[type];
}

/**
 * The elements as bytes, in row-major order and little-endian. A boolean is a byte 0 or 1; a string
 * is its length in bytes, 4 bytes little-endian, and then its UTF-8, as the binary data of the Open
 * Inference Protocol has `BYTES`. The bytes are a copy.
 */
export function toLittleEndian({ type, data }: Tensor): Uint8Array {
  if (type === "string") return toPrefixed(data as string[]);
  const { buffer, byteOffset, byteLength } = data as NumberArray | BigIntArray;
  const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength).slice();
  if (!LITTLE) swapBytes(bytes, SIZES[type]);
  return bytes;
}

/**
 * Reads the bytes that `toLittleEndian` writes. The elements are a copy, so that it does not matter
 * where in its buffer a body begins.
 * @throws TensorFault when the dimensions do not fit the bytes, before anything is allocated, and
 * for a boolean other than 0 and 1 or a string that is not UTF-8.
 */
export function fromLittleEndian(
  bytes: Uint8Array,
  type: TensorType,
  dims: readonly number[],
): Tensor {
  checkDims(dims);
  const count = countElements(dims);
  if (type === "string") return { type, dims, data: fromPrefixed(bytes, count) };
  const size = SIZES[type];
  if (bytes.length !== count * size) {
    throw new TensorFault(
      `${type} ${printDims(dims)} takes ${count * size} bytes, and ${bytes.length} came`,
      { expected: `${count * size} bytes`, received: `${bytes.length} bytes` },
    );
  }
  const data = createElements(type, count) as NumberArray | BigIntArray;
  const target = new Uint8Array(data.buffer as ArrayBuffer);
  target.set(bytes);
  if (!LITTLE) swapBytes(target, size);
  if (type === "bool") checkBooleans(data as Uint8Array);
  return { type, dims, data };
}

function checkBooleans(data: Uint8Array): void {
  const at = data.findIndex((byte) => byte > 1);
  if (at === -1) return;
  throw new TensorFault(`[${at}] is the byte ${data[at]}, and a boolean is 0 or 1`, {
    path: `[${at}]`,
    expected: "0 or 1",
    received: String(data[at]),
  });
}

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

function toPrefixed(texts: readonly string[]): Uint8Array {
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const bytes = Buffer.alloc(lengths.reduce((sum, length) => sum + length + PREFIX, 0));
  let at = 0;
  texts.forEach((text, i) => {
    bytes.writeUInt32LE(lengths[i]!, at);
    bytes.write(text, at + PREFIX);
    at += PREFIX + lengths[i]!;
  });
  return bytes;
}

/** No list of the single strings' bytes is made: millions of empty ones take 4 bytes each in a body. */
function fromPrefixed(bytes: Uint8Array, count: number): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const start = at + PREFIX;
    const end = start <= bytes.length ? start + view.getUint32(at, true) : Infinity;
    if (end > bytes.length) {
      throw new TensorFault(`the bytes end inside of string [${texts.length}]`, {
        path: `[${texts.length}]`,
        hint: "Write the length of each string before it, 4 bytes little-endian.",
      });
    }
    if (texts.length === count) throw new TensorFault(`the bytes hold more than ${count} strings`);
    texts.push(start === end ? "" : decodeText(bytes.subarray(start, end), texts.length));
    at = end;
  }
  if (texts.length === count) return texts;
  throw new TensorFault(`the bytes hold ${texts.length} strings, not ${count}`);
}

function decodeText(bytes: Uint8Array, at: number): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new TensorFault(`the string [${at}] is not UTF-8`, { path: `[${at}]` });
  }
}
