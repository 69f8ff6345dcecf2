/** Prints values as UBJSON in the ways that writers may choose, for tests of the reader. */
export interface PrintOptions {
  /** Whether containers say how many elements they have. */
  counted?: boolean;
}

const MARKERS: readonly [string, abstract new (...args: never[]) => ArrayBufferView][] = [
  ["i", Int8Array],
  ["U", Uint8Array],
  ["I", Int16Array],
  ["l", Int32Array],
  ["d", Float32Array],
  ["D", Float64Array],
];

export function toUbjson(value: unknown, options: PrintOptions = {}): Buffer {
  if (value === null) return Buffer.from("Z");
  if (value === true) return Buffer.from("T");
  if (value === false) return Buffer.from("F");
  if (typeof value === "number") return printNumber(value);
  if (typeof value === "string") return Buffer.concat([Buffer.from("S"), printKey(value)]);
  if (ArrayBuffer.isView(value)) return printTyped(value as never);
  if (Array.isArray(value)) {
    return printContainer(
      "[]",
      value.map((item) => toUbjson(item, options)),
      options,
    );
  }
  const entries = Object.entries(value as object).map(([key, item]) =>
    Buffer.concat([printKey(key), toUbjson(item, options)]),
  );
  return printContainer("{}", entries, options);
}

function printContainer(brackets: string, items: Buffer[], { counted }: PrintOptions): Buffer {
  const [open, close] = [Buffer.from(brackets[0]!), Buffer.from(brackets[1]!)];
  if (!counted) return Buffer.concat([open, ...items, close]);
  return Buffer.concat([open, Buffer.from("#"), printNumber(items.length), ...items]);
}

function printNumber(value: number): Buffer {
  const buffer = Buffer.alloc(9);
  if (!Number.isInteger(value) || Object.is(value, -0) || Math.abs(value) > 2 ** 53) {
    buffer.write("D");
    buffer.writeDoubleBE(value, 1);
    return buffer;
  }
  if (value >= 0 && value < 256) return Buffer.from([0x55, value]);
  if (value >= -128 && value < 128) return Buffer.from([0x69, value & 0xff]);
  if (value >= -32_768 && value < 32_768) {
    buffer.write("I");
    buffer.writeInt16BE(value, 1);
    return buffer.subarray(0, 3);
  }
  if (value >= -(2 ** 31) && value < 2 ** 31) {
    buffer.write("l");
    buffer.writeInt32BE(value, 1);
    return buffer.subarray(0, 5);
  }
  buffer.write("L");
  buffer.writeBigInt64BE(BigInt(value), 1);
  return buffer;
}

function printKey(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([printNumber(bytes.length), bytes]);
}

function printTyped(values: Float32Array): Buffer {
  const [marker] = MARKERS.find(([, type]) => values instanceof type)!;
  const bytes = Buffer.from(
    values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength) as ArrayBuffer,
  );
  const size = values.BYTES_PER_ELEMENT;
  if (size === 2) bytes.swap16();
  if (size === 4) bytes.swap32();
  if (size === 8) bytes.swap64();
  return Buffer.concat([Buffer.from(`[$${marker}#`), printNumber(values.length), bytes]);
}
