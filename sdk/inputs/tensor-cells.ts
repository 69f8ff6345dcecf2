import {
  countElements,
  createElements,
  type NumberArray,
  type Tensor,
  type TensorType,
} from "../tensor/tensor.js";
import { readNumber } from "./json-number.js";
import type { TensorRule } from "./tensor-body.js";

const READ: ReadonlySet<TensorType> = new Set<TensorType>([
  "float32",
  "float64",
  "int8",
  "uint8",
  "int16",
  "uint16",
  "int32",
  "uint32",
]);
const OPEN = 0x5b;
const CLOSE = 0x5d;
const COMMA = 0x2c;
const UNKNOWN = -1;
const FEWEST = 256;

/**
 * Reads nested lists of numbers straight from the bytes of JSON, without a list or a number object
 * on the way. Answers `undefined` for everything else and for all that is not valid, which is then
 * for `JSON.parse` and `fromNested` to read and to explain: what passes both ways is the same tensor.
 */
export function readTensorCells(bytes: Uint8Array, rule: TensorRule): Tensor | undefined {
  if (bytes[0] !== OPEN || rule.shape.length === 0 || !READ.has(rule.type)) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const dims = rule.shape.map((size) => size ?? UNKNOWN);
  const reader: Reader = { text, dims, cells: new Float64Array(FEWEST), count: 0 };
  const end = readList(reader, 0, 0);
  if (end === -1 || skipSpace(text, end) !== text.length) return undefined;
  const data = toElements(rule.type, reader.cells.subarray(0, reader.count));
  return data === undefined ? undefined : { type: rule.type, dims, data };
}

interface Reader {
  readonly text: Buffer;
  /** `UNKNOWN` until the first list of a dimension has ended. */
  readonly dims: number[];
  cells: Float64Array;
  count: number;
}

/** Reads the list that starts at a place; returns the place after it, or -1. */
function readList(reader: Reader, depth: number, start: number): number {
  const { text, dims } = reader;
  if (text[start] !== OPEN) return -1;
  const innermost = depth === dims.length - 1;
  let place = skipSpace(text, start + 1);
  for (let length = 1; ; length += 1) {
    if (innermost) {
      if (reader.count === reader.cells.length) grow(reader);
      place = readNumber(text, place, reader.cells, reader.count);
      reader.count += 1;
    } else {
      place = readList(reader, depth + 1, place);
    }
    if (place === -1) return -1;
    let byte = text[place];
    if (byte !== COMMA && byte !== CLOSE) byte = text[(place = skipSpace(text, place))];
    if (byte === CLOSE) {
      if (dims[depth] === UNKNOWN) dims[depth] = length;
      return dims[depth] === length ? place + 1 : -1;
    }
    if (byte !== COMMA) return -1;
    place += 1;
    if (text[place]! <= 0x20) place = skipSpace(text, place);
  }
}

function grow(reader: Reader): void {
  const { dims, text, cells } = reader;
  // A fixed shape says how many there will be, but no more than the text has room for.
  const known = dims.includes(UNKNOWN) ? 0 : countElements(dims);
  const most = Math.max(cells.length * 2, Math.min(known, text.length / 2 + 1));
  reader.cells = new Float64Array(most);
  reader.cells.set(cells);
}

/** The four blanks of JSON. */
function skipSpace(text: Buffer, start: number): number {
  let place = start;
  for (;;) {
    const byte = text[place];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return place;
    place += 1;
  }
}

/** The numbers as elements of a type, `undefined` when one does not fit. */
function toElements(type: TensorType, cells: Float64Array): NumberArray | undefined {
  if (type === "float64") return cells.slice();
  const data = createElements(type, cells.length) as NumberArray;
  data.set(cells);
  const fits =
    type === "float32"
      ? (i: number) => Number.isFinite(data[i])
      : (i: number) => data[i] === cells[i];
  for (let i = 0; i < cells.length; i += 1) if (!fits(i)) return undefined;
  return data;
}
