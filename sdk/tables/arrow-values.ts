import type {
  DataType,
  Date_,
  Decimal,
  Dictionary,
  FixedSizeList,
  Float,
  Int,
  Time,
  Timestamp,
} from "apache-arrow";
import type { BatchReader } from "./arrow-batch.js";
import { brokenArrow } from "./arrow-messages.js";
import { isValid, readOffsets, readTexts, readTextViews } from "./arrow-text.js";
import { printClock } from "./clock-text.js";
import { setOwn } from "../core/set-own.js";
import { fromFloat16, viewAs, type TypedArrayKind } from "./typed-view.js";

/** The values of the dictionaries that have come, by their ids. */
export type Dictionaries = ReadonlyMap<number, ArrayLike<unknown>>;

/** The numbers of the types (Schema.fbs); apache-arrow has -1 for a dictionary. */
const TYPE = {
  dictionary: -1,
  none: 1,
  int: 2,
  float: 3,
  utf8: 5,
  bool: 6,
  decimal: 7,
  date: 8,
  time: 9,
  timestamp: 10,
  list: 12,
  struct: 13,
  fixedSizeList: 16,
  map: 17,
  largeUtf8: 20,
  largeList: 21,
  utf8View: 24,
} as const;

const DAY = 86_400_000;
/** How many of each unit of time are a second: seconds, milliseconds, microseconds, nanoseconds. */
const PER_SECOND = [1, 1000, 1_000_000, 1_000_000_000] as const;

/**
 * The values of the next array of a batch: a typed array where the type has one and nothing is
 * missing, without a copy, and an array otherwise, with `null` for what is missing.
 */
export function readArray(
  type: DataType,
  reader: BatchReader,
  dictionaries: Dictionaries,
): ArrayLike<unknown> {
  const { length, nullCount } = reader.nextArray();
  if (type.typeId === TYPE.none) return Array.from({ length }, () => null);
  const validity = reader.nextValidity(length, nullCount);
  switch (type.typeId as number) {
    case TYPE.int:
      return withNulls(readInts(type as Int, reader, length), validity);
    case TYPE.float:
      return withNulls(readFloats(type as Float, reader, length), validity);
    case TYPE.bool: {
      const bits = reader.nextBuffer(Math.ceil(length / 8));
      return fill(length, validity, (row) => isValid(bits, row));
    }
    case TYPE.utf8:
      return readTexts(reader, length, { validity, large: false });
    case TYPE.largeUtf8:
      return readTexts(reader, length, { validity, large: true });
    case TYPE.utf8View:
      return readTextViews(reader, length, validity);
    case TYPE.decimal: {
      const decimal = readDecimals(type as Decimal, reader, length);
      return fill(length, validity, decimal);
    }
    case TYPE.date:
    case TYPE.timestamp: {
      const time = readTimes(type as Date_ | Timestamp, reader, length);
      return fill(length, validity, (row) => new Date(time(row)));
    }
    case TYPE.time: {
      const clock = readClocks(type as Time, reader, length);
      return fill(length, validity, clock);
    }
    case TYPE.dictionary: {
      const { indices, id } = type as Dictionary;
      const keys = readInts(indices, reader, length);
      const values = dictionaries.get(id);
      if (values === undefined) throw brokenArrow("a dictionary is not there");
      return fill(length, validity, (row) => {
        const key = Number(keys[row]);
        if (key < 0 || key >= values.length) throw brokenArrow("a dictionary lacks a value");
        return values[key];
      });
    }
    case TYPE.struct:
      return readStructs(type, reader, { length, validity, dictionaries });
    default:
      return readLists(type, reader, { length, validity, dictionaries });
  }
}

interface Rows {
  readonly length: number;
  readonly validity: Uint8Array | undefined;
  readonly dictionaries: Dictionaries;
}

function readStructs(
  type: DataType,
  reader: BatchReader,
  { length, validity, dictionaries }: Rows,
): unknown[] {
  const names = type.children.map((child) => child.name);
  const columns = type.children.map((child) => readArray(child.type, reader, dictionaries));
  if (columns.some((column) => column.length < length)) {
    throw brokenArrow("a field of a struct is shorter than the struct");
  }
  return fill(length, validity, (row) => {
    const record: Record<string, unknown> = {};
    for (const [index, name] of names.entries()) setOwn(record, name, columns[index]![row]);
    return record;
  });
}

function readLists(
  type: DataType,
  reader: BatchReader,
  { length, validity, dictionaries }: Rows,
): unknown[] {
  const { typeId } = type as { typeId: number };
  let offsets: ArrayLike<number>;
  if (typeId === TYPE.fixedSizeList) {
    const { listSize } = type as FixedSizeList;
    if (listSize < 0) throw brokenArrow("a list has a negative length");
    offsets = Float64Array.from({ length: length + 1 }, (_, row) => row * listSize);
  } else if (typeId === TYPE.list || typeId === TYPE.largeList || typeId === TYPE.map) {
    offsets = readOffsets(reader, length, typeId === TYPE.largeList);
  } else throw brokenArrow(`the type ${String(type)} is not read`);
  const child = type.children[0];
  if (child === undefined) throw brokenArrow("a list has no type of its items");
  const items = readArray(child.type, reader, dictionaries);
  if (offsets[length]! > items.length) throw brokenArrow("a list is longer than its items");
  const toValue = typeId === TYPE.map ? toMapRecord : (list: unknown[]) => list;
  return fill(length, validity, (row) => {
    const list: unknown[] = [];
    for (let i = offsets[row]!; i < offsets[row + 1]!; i++) list.push(items[i]);
    return toValue(list);
  });
}

/** The entries of a map are structs of two fields, whatever their names. */
function toMapRecord(entries: unknown[]): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (const entry of entries) {
    const [key, value] = Object.values((entry ?? {}) as Record<string, unknown>);
    setOwn(record, String(key), value);
  }
  return record;
}

type Ints = ArrayLike<number> | ArrayLike<bigint>;

const INTS: Readonly<Record<number, readonly [TypedArrayKind<Ints>, TypedArrayKind<Ints>]>> = {
  8: [Uint8Array, Int8Array],
  16: [Uint16Array, Int16Array],
  32: [Uint32Array, Int32Array],
  64: [BigUint64Array, BigInt64Array],
};

function readInts({ bitWidth, isSigned }: Int, reader: BatchReader, length: number): Ints {
  const kinds = INTS[bitWidth];
  if (kinds === undefined) throw brokenArrow(`integers of ${bitWidth} bits do not exist`);
  const Kind = kinds[isSigned ? 1 : 0];
  return viewAs(Kind, reader.nextBuffer((length * bitWidth) / 8), length);
}

function readFloats({ precision }: Float, reader: BatchReader, length: number): ArrayLike<number> {
  switch (precision as number) {
    case 0:
      return Float32Array.from(
        viewAs(Uint16Array, reader.nextBuffer(length * 2), length),
        fromFloat16,
      );
    case 1:
      return viewAs(Float32Array, reader.nextBuffer(length * 4), length);
    case 2:
      return viewAs(Float64Array, reader.nextBuffer(length * 8), length);
    default:
      throw brokenArrow("a float has no precision");
  }
}

/** Decimals as the doubles nearest to them: what a schema and a model can take. */
function readDecimals(
  { bitWidth, scale }: Decimal,
  reader: BatchReader,
  length: number,
): (row: number) => number {
  if (![32, 64, 128, 256].includes(bitWidth)) throw brokenArrow("a decimal has no size");
  const bytes = reader.nextBuffer((length * bitWidth) / 8);
  if (bitWidth === 32) {
    const ints = viewAs(Int32Array, bytes, length);
    return (row) => Number(`${ints[row]}e${-scale}`);
  }
  const words = bitWidth / 64;
  const low = viewAs(BigUint64Array, bytes, length * words);
  const high = viewAs(BigInt64Array, bytes, length * words);
  return (row) => {
    let value = high[row * words + words - 1]!;
    for (let word = words - 2; word >= 0; word--) value = (value << 64n) | low[row * words + word]!;
    return Number(`${value}e${-scale}`);
  };
}

/** Milliseconds since 1970 in UTC. A time without a zone is taken as UTC; what is finer than a millisecond is rounded down. */
function readTimes(
  type: Date_ | Timestamp,
  reader: BatchReader,
  length: number,
): (row: number) => number {
  if ((type.typeId as number) === TYPE.date) {
    if ((type.unit as number) === 0) {
      const days = viewAs(Int32Array, reader.nextBuffer(length * 4), length);
      return (row) => days[row]! * DAY;
    }
    const times = viewAs(BigInt64Array, reader.nextBuffer(length * 8), length);
    return (row) => Number(times[row]!);
  }
  const perSecond = PER_SECOND[type.unit as number];
  if (perSecond === undefined) throw brokenArrow("a timestamp has no unit");
  const times = viewAs(BigInt64Array, reader.nextBuffer(length * 8), length);
  if (perSecond <= 1000) {
    const factor = 1000 / perSecond;
    return (row) => Number(times[row]!) * factor;
  }
  const divisor = BigInt(perSecond / 1000);
  return (row) => {
    const time = times[row]!;
    const milliseconds = time / divisor;
    return Number(time % divisor < 0n ? milliseconds - 1n : milliseconds);
  };
}

/** Times of day as ISO 8601 text, with as many digits as they need. */
function readClocks(type: Time, reader: BatchReader, length: number): (row: number) => string {
  const perSecond = PER_SECOND[type.unit as number];
  if (perSecond === undefined) throw brokenArrow("a time has no unit");
  const narrow = (type.bitWidth as number) === 32;
  const bytes = reader.nextBuffer(length * (narrow ? 4 : 8));
  const times: Ints = narrow
    ? viewAs(Int32Array, bytes, length)
    : viewAs(BigInt64Array, bytes, length);
  return (row) => {
    const text = printClock(Number(times[row]), perSecond);
    if (text === undefined) throw brokenArrow("a time is none of a day");
    return text;
  };
}

function withNulls(values: Ints, validity: Uint8Array | undefined): ArrayLike<unknown> {
  if (validity === undefined) return values;
  return fill(values.length, validity, (row) => values[row]);
}

function fill<T>(
  length: number,
  validity: Uint8Array | undefined,
  valueOf: (row: number) => T,
): (T | null)[] {
  const values: (T | null)[] = [];
  for (let row = 0; row < length; row++) {
    values.push(isValid(validity, row) ? valueOf(row) : null);
  }
  return values;
}
