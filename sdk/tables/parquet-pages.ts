import type { ColumnMetaData, Compressors } from "hyparquet";
import { brokenParquet, unreadColumn } from "./parquet-fault.js";
import { checkDeltas, checkRuns, type PageCursor } from "./parquet-runs.js";
import { isFlat, type ParquetLeaf } from "./parquet-schema.js";
import { readThrift, type ThriftStruct } from "./thrift.js";

/** What is left of what all pages of a body may hold. */
export interface PageBudget {
  values: number;
  /** Bytes after decompression. */
  bytes: number;
}

/** Where a column of a group of rows lies, and what it is. */
export interface ParquetChunk {
  readonly bytes: Uint8Array;
  readonly leaf: ParquetLeaf;
  readonly meta: ColumnMetaData;
  readonly rows: number;
}

const DATA = 0;
const INDEX = 1;
const DICTIONARY = 2;
const DATA_V2 = 3;

/** The numbers of the encodings. */
const PLAIN = 0;
const PLAIN_DICTIONARY = 2;
const RLE = 3;
const DELTA_BINARY_PACKED = 5;
const DELTA_LENGTH_BYTE_ARRAY = 6;
const DELTA_BYTE_ARRAY = 7;
const RLE_DICTIONARY = 8;
const BYTE_STREAM_SPLIT = 9;

/**
 * Checks the pages of a column before hyparquet reads them: it makes as many values as a page claims
 * to have, and fills a list with as many equal values as a run claims, without asking whether either
 * can be.
 */
export function checkPages(
  chunk: ParquetChunk,
  compressors: Compressors,
  budget: PageBudget,
): void {
  const { bytes, leaf, rows } = chunk;
  let at = 0;
  let seen = 0;
  let dictionary = false;
  while (at < bytes.length - 1 && !(isFlat(leaf) && seen >= rows)) {
    const { struct: header, end } = readThrift(bytes, at);
    const size = int(header, 3);
    if (size > bytes.length - end) throw brokenParquet("a page ends too early");
    const page = { header, body: bytes.subarray(end, end + size), rest: bytes.length - end };
    at = end + size;
    switch (int(header, 1)) {
      case DICTIONARY:
        checkDictionary(chunk, page, { compressors, budget });
        dictionary = true;
        break;
      case DATA:
      case DATA_V2:
        seen += checkData(chunk, page, { compressors, budget, dictionary });
        break;
      case INDEX:
      default:
        throw brokenParquet("it has a page of no known type");
    }
  }
  if (isFlat(leaf) && seen !== rows) {
    throw brokenParquet(`column ${JSON.stringify(leaf.path[0])} has not as many values as rows`);
  }
}

interface Page {
  readonly header: ThriftStruct;
  readonly body: Uint8Array;
  /** Bytes from the start of the body to the end of the column. */
  readonly rest: number;
}

interface Checks {
  readonly compressors: Compressors;
  readonly budget: PageBudget;
  readonly dictionary?: boolean;
}

function checkDictionary(chunk: ParquetChunk, page: Page, { compressors, budget }: Checks): void {
  const values = int(struct(page.header, 7), 1);
  spendValues(budget, values);
  const body = decompress(chunk, page.body, int(page.header, 2), { compressors, budget });
  checkPlain({ bytes: body, at: 0 }, chunk, values);
}

/** Checks a page of values, and returns how many there are, missing ones included. */
function checkData(chunk: ParquetChunk, page: Page, checks: Checks): number {
  const second = int(page.header, 1) === DATA_V2;
  const { cursor, header, values, present } = second
    ? openSecond(chunk, page, checks)
    : openFirst(chunk, page, checks);
  const { leaf } = chunk;
  const encoding = int(header, second ? 4 : 2);
  switch (encoding) {
    case PLAIN:
      checkPlain(cursor, chunk, present);
      break;
    case PLAIN_DICTIONARY:
    case RLE_DICTIONARY: {
      if (checks.dictionary !== true || chunk.meta.type === "BOOLEAN") {
        throw brokenParquet("a page refers to a dictionary that is not there");
      }
      // hyparquet reads no more of an older page whose values are all the first one.
      const width = cursor.bytes[cursor.at++];
      if (width === undefined) throw brokenParquet("a page ends too early");
      if (width > 0 || second) checkRuns(cursor, { width, count: present });
      break;
    }
    case RLE:
      if (chunk.meta.type !== "BOOLEAN") throw brokenParquet("a page has runs of no truth values");
      cursor.at += 4;
      checkRuns(cursor, { width: 1, count: present });
      break;
    case DELTA_BINARY_PACKED:
      checkDeltas(cursor, present);
      break;
    case DELTA_LENGTH_BYTE_ARRAY:
      checkDeltas(cursor, present);
      // The lengths may lead to the end of the column in each page that is not compressed.
      spendBytes(checks.budget, page.rest);
      break;
    case BYTE_STREAM_SPLIT:
      if (present * widthOf(chunk) > cursor.bytes.length) {
        throw brokenParquet("a page ends too early");
      }
      break;
    case DELTA_BYTE_ARRAY:
      throw unreadColumn(
        leaf.path,
        "has the encoding DELTA_BYTE_ARRAY",
        "Write it with a dictionary or plain.",
      );
    default:
      throw brokenParquet("a page has no known encoding");
  }
  return values;
}

interface OpenPage {
  cursor: PageCursor;
  header: ThriftStruct;
  values: number;
  /** How many of the values are not missing. */
  present: number;
}

function openFirst(chunk: ParquetChunk, page: Page, { compressors, budget }: Checks): OpenPage {
  const { definitions, repetitions } = chunk.leaf;
  const header = struct(page.header, 5);
  const values = int(header, 1);
  spendValues(budget, values);
  const bytes = decompress(chunk, page.body, int(page.header, 2), { compressors, budget });
  const cursor = { bytes, at: 0 };
  if (repetitions > 0) checkLevels(cursor, repetitions, values);
  const present = definitions > 0 ? checkLevels(cursor, definitions, values) : values;
  return { cursor, header, values, present };
}

/** Levels behind their length; returns how many are the deepest. */
function checkLevels(cursor: PageCursor, deepest: number, count: number): number {
  const { bytes, at } = cursor;
  if (at + 4 > bytes.length) throw brokenParquet("a page ends too early");
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
  if (at + 4 + size > bytes.length) throw brokenParquet("a page ends too early");
  const levels = { bytes: bytes.subarray(0, at + 4 + size), at: at + 4 };
  const equal = checkRuns(levels, { width: bitWidth(deepest), count }, deepest);
  cursor.at = at + 4 + size;
  return equal;
}

function openSecond(chunk: ParquetChunk, page: Page, { compressors, budget }: Checks): OpenPage {
  const { definitions, repetitions } = chunk.leaf;
  const header = struct(page.header, 8);
  const values = int(header, 1);
  const present = values - int(header, 2);
  if (present < 0) throw brokenParquet("a page has more missing values than values");
  int(header, 3);
  spendValues(budget, values);
  const definitionBytes = int(header, 5);
  const repetitionBytes = int(header, 6);
  const size = int(page.header, 2) - definitionBytes - repetitionBytes;
  const { body } = page;
  if (size < 0 || definitionBytes + repetitionBytes > body.length) {
    throw brokenParquet("a page ends too early");
  }
  if (repetitions > 0) {
    const levels = { bytes: body.subarray(0, repetitionBytes), at: 0 };
    checkRuns(levels, { width: bitWidth(repetitions), count: values });
  }
  if (definitions > 0) {
    const levels = {
      bytes: body.subarray(0, repetitionBytes + definitionBytes),
      at: repetitionBytes,
    };
    const equal = checkRuns(levels, { width: bitWidth(definitions), count: values }, definitions);
    if (equal !== present) throw brokenParquet("a page counts its missing values wrongly");
  } else if (present !== values) throw brokenParquet("a page counts its missing values wrongly");
  const rest = body.subarray(repetitionBytes + definitionBytes);
  const packed = header.get(7) !== false;
  const bytes = packed ? decompress(chunk, rest, size, { compressors, budget }) : rest;
  return { cursor: { bytes, at: 0 }, header, values, present };
}

function decompress(
  { meta }: ParquetChunk,
  body: Uint8Array,
  size: number,
  { compressors, budget }: Checks,
): Uint8Array {
  spendBytes(budget, size);
  if (meta.codec === "UNCOMPRESSED") return body;
  const decompressPage = compressors[meta.codec];
  if (decompressPage === undefined) throw brokenParquet("it has a compression that is not known");
  const page = decompressPage(body, size);
  if (page.length !== size) throw brokenParquet("a page has not the size that it says");
  return page;
}

/** Texts that stand one after the other have to end within their page, and so have numbers. */
function checkPlain({ bytes, at }: PageCursor, chunk: ParquetChunk, count: number): void {
  if (chunk.meta.type !== "BYTE_ARRAY") {
    const size = chunk.meta.type === "BOOLEAN" ? Math.ceil(count / 8) : count * widthOf(chunk);
    if (at + size > bytes.length) throw brokenParquet("a page ends too early");
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let place = at;
  for (let i = 0; i < count; i++) {
    if (place + 4 > bytes.length) throw brokenParquet("a page ends too early");
    place += 4 + view.getUint32(place, true);
  }
  if (place > bytes.length) throw brokenParquet("a page ends too early");
}

function widthOf({ meta, leaf }: ParquetChunk): number {
  switch (meta.type) {
    case "INT32":
    case "FLOAT":
      return 4;
    case "INT96":
      return 12;
    case "FIXED_LEN_BYTE_ARRAY":
      return leaf.element.type_length!;
    default:
      return 8;
  }
}

function bitWidth(level: number): number {
  return 32 - Math.clz32(level);
}

function spendValues(budget: PageBudget, values: number): void {
  budget.values -= values;
  if (budget.values < 0) {
    throw brokenParquet("it claims to have more values than a body of its size may hold");
  }
}

function spendBytes(budget: PageBudget, bytes: number): void {
  budget.bytes -= bytes;
  if (budget.bytes < 0) {
    throw brokenParquet("its pages are larger than a body of its size may hold");
  }
}

function int(header: ThriftStruct, field: number): number {
  const value = header.get(field);
  if (typeof value !== "number" || value < 0 || value > 0x7fffffff) {
    throw brokenParquet("a page has no right header");
  }
  return value;
}

function struct(header: ThriftStruct, field: number): ThriftStruct {
  const value = header.get(field);
  if (!(value instanceof Map)) throw brokenParquet("a page has no right header");
  return value as ThriftStruct;
}
