/** A field of a Thrift struct: what it is, and its bytes. */
type Field = readonly [id: number, type: number, bytes: readonly number[]];

const I32 = 5;
const I64 = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;

export function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) | 0x80);
    left = Math.floor(left / 0x80);
  }
  return [...bytes, left];
}

const zigzag = (value: number): number[] => varint(value >= 0 ? 2 * value : -2 * value - 1);
const int = (id: number, value: number): Field => [id, I32, zigzag(value)];
const long = (id: number, value: number): Field => [id, I64, zigzag(value)];
const text = (id: number, value: string): Field => {
  const bytes = Buffer.from(value);
  return [id, BINARY, [...varint(bytes.length), ...bytes]];
};
const struct = (id: number, fields: readonly Field[]): Field => [id, STRUCT, toStruct(fields)];
const list = (id: number, type: number, items: readonly (readonly number[])[]): Field => [
  id,
  LIST,
  [0xf0 | type, ...varint(items.length), ...items.flat()],
];

function toStruct(fields: readonly Field[]): number[] {
  let last = 0;
  const bytes = fields.flatMap(([id, type, value]) => {
    const head = ((id - last) << 4) | type;
    last = id;
    return [head, ...value];
  });
  return [...bytes, 0];
}

const uint32 = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 255);

/** Levels of a page of the first version: their length, and runs of equal ones. */
export function levels(runs: readonly (readonly [level: number, count: number])[]): number[] {
  const bytes = runs.flatMap(([level, count]) => [...varint(count * 2), level]);
  return [...uint32(bytes.length), ...bytes];
}

export const TYPES = { boolean: 0, int32: 1, int64: 2, double: 5, text: 6 } as const;

/** A page of the first version, as most writers of Parquet make it. */
export interface FirstPage {
  values: number;
  encoding: number;
  bytes: readonly number[];
  dictionary?: boolean;
  /** What the header says of the size, when that is not true. */
  size?: number;
}

/** A file of one column `a` with one group of rows, whose pages are not compressed. */
export function buildParquet(
  column: { type: number; optional?: boolean; rows: number; converted?: number },
  pages: readonly FirstPage[],
): Uint8Array {
  const { type, optional = false, rows, converted } = column;
  const data = pages.flatMap(({ values, encoding, bytes, dictionary = false, size }) => {
    const header = dictionary
      ? struct(7, [int(1, values), int(2, encoding)])
      : struct(5, [int(1, values), int(2, encoding), int(3, 3), int(4, 3)]);
    const length = size ?? bytes.length;
    return [
      ...toStruct([int(1, dictionary ? 2 : 0), int(2, length), int(3, bytes.length), header]),
      ...bytes,
    ];
  });
  const root = toStruct([text(4, "root"), int(5, 1)]);
  const element = toStruct([
    int(1, type),
    int(3, optional ? 1 : 0),
    text(4, "a"),
    ...(converted === undefined ? [] : [int(6, converted)]),
  ]);
  const meta = struct(3, [
    int(1, type),
    list(2, I32, []),
    list(3, BINARY, [[1, 0x61]]),
    int(4, 0),
    long(5, rows),
    long(6, data.length),
    long(7, data.length),
    long(9, 4),
  ]);
  const group = toStruct([
    list(1, STRUCT, [toStruct([long(2, 0), meta])]),
    long(2, data.length),
    long(3, rows),
  ]);
  const metadata = toStruct([
    int(1, 1),
    list(2, STRUCT, [root, element]),
    long(3, rows),
    list(4, STRUCT, [group]),
  ]);
  const magic = [...Buffer.from("PAR1")];
  return Uint8Array.from([...magic, ...data, ...metadata, ...uint32(metadata.length), ...magic]);
}
