import { Buffer } from "node:buffer";
import type * as arrowModule from "apache-arrow";
import type { Data, DataType } from "apache-arrow";
import type { PrintValue } from "./table-columns.js";

/** The module `apache-arrow`, which is loaded when it is needed. */
export type Arrow = typeof arrowModule;

type Kind = "null" | "number" | "bigint" | "boolean" | "string" | "date" | "json";

/**
 * The values of a column as an Arrow array. Typed arrays keep their type and their memory; in other
 * columns numbers are float64, bigints int64, dates timestamps in milliseconds of UTC, and values of
 * several kinds, nested ones and bigints beyond 64 bits are JSON text.
 */
export function toArrowData(arrow: Arrow, values: ArrayLike<unknown>, print: PrintValue): Data {
  if (ArrayBuffer.isView(values)) return fromTypedArray(arrow, values);
  const { length } = values;
  const kind = findKind(values);
  const { bitmap, nullCount } = findNulls(values);
  const nulls = { length, nullCount, nullBitmap: nullCount === 0 ? null : bitmap };
  switch (kind) {
    case "null":
      return arrow.makeData({ type: new arrow.Null(), length });
    case "number":
      return arrow.makeData({
        type: new arrow.Float64(),
        ...nulls,
        data: Float64Array.from(values as ArrayLike<number>, (value) => value ?? Number.NaN),
      });
    case "bigint":
      return arrow.makeData({
        type: new arrow.Int64(),
        ...nulls,
        data: BigInt64Array.from(values as ArrayLike<bigint>, (value) => value ?? 0n),
      });
    case "date":
      return arrow.makeData({
        type: new arrow.TimestampMillisecond("UTC"),
        ...nulls,
        data: BigInt64Array.from(values as ArrayLike<Date | null>, (date) =>
          isMissing(date) ? 0n : BigInt(date!.getTime()),
        ),
      });
    case "boolean": {
      const bits = new Uint8Array(Math.ceil(length / 8));
      for (let row = 0; row < length; row++) {
        if (values[row] === true) bits[row >> 3]! |= 1 << (row & 7);
      }
      return arrow.makeData({ type: new arrow.Bool(), ...nulls, data: bits });
    }
    case "string":
    case "json": {
      const textOf = kind === "string" ? (value: unknown) => value as string : print;
      const texts = Array.from(values, (value) => (isMissing(value) ? "" : textOf(value)));
      const { offsets, bytes } = joinTexts(texts);
      return arrow.makeData({
        type: new arrow.Utf8(),
        ...nulls,
        valueOffsets: offsets,
        data: bytes,
      });
    }
  }
}

function fromTypedArray(arrow: Arrow, values: ArrayBufferView): Data {
  // Arrow's own vectors know no clamped bytes.
  const known =
    values instanceof Uint8ClampedArray
      ? new Uint8Array(values.buffer, values.byteOffset, values.length)
      : values;
  return arrow.makeVector(known as Float64Array).data[0]! as Data<DataType>;
}

/** A date that is none is as missing as `null`. */
function isMissing(value: unknown): boolean {
  return value === null || value === undefined || Number.isNaN((value as Date).getTime?.());
}

function findKind(values: ArrayLike<unknown>): Kind {
  let found: Kind = "null";
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value === null || value === undefined) continue;
    const kind = kindOf(value);
    if (kind === "json" || (found !== "null" && found !== kind)) return "json";
    found = kind;
  }
  return found;
}

function kindOf(value: unknown): Kind {
  switch (typeof value) {
    case "number":
    case "boolean":
    case "string":
      return typeof value as Kind;
    case "bigint":
      return BigInt.asIntN(64, value) === value ? "bigint" : "json";
    default:
      return value instanceof Date ? "date" : "json";
  }
}

function findNulls(values: ArrayLike<unknown>): { bitmap: Uint8Array; nullCount: number } {
  const bitmap = new Uint8Array(Math.ceil(values.length / 8));
  let nullCount = 0;
  for (let row = 0; row < values.length; row++) {
    if (isMissing(values[row])) nullCount++;
    else bitmap[row >> 3]! |= 1 << (row & 7);
  }
  return { bitmap, nullCount };
}

function joinTexts(texts: readonly string[]): { offsets: Int32Array; bytes: Uint8Array } {
  const offsets = new Int32Array(texts.length + 1);
  let size = 0;
  for (const [row, text] of texts.entries()) {
    size += Buffer.byteLength(text);
    offsets[row + 1] = size;
  }
  const bytes = Buffer.alloc(size);
  for (const [row, text] of texts.entries()) bytes.write(text, offsets[row]!);
  return { offsets, bytes };
}
