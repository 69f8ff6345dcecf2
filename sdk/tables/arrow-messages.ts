import { Buffer } from "node:buffer";
import type { Message } from "apache-arrow";
import { checkColumns } from "./limits.js";
import { FlatFault, FlatTable } from "./flat-table.js";
import { malformed, unsupported } from "./malformed.js";

/** The message that says what a body of bytes is, and that body. */
export interface ArrowMessage {
  readonly header: Message;
  readonly body: Uint8Array;
}

const FORMAT = "Arrow IPC stream or file";
const MAGIC = "ARROW1";
const CONTINUES = 0xffffffff;
const DEEPEST = 32;
/** Version 5 of the metadata, the numbers of which count from 0. */
const LAST_VERSION = 4;

/** The numbers of the headers of a message (Message.fbs). */
const SCHEMA = 1;
const DICTIONARY = 2;
const BATCH = 3;

/** The types of Schema.fbs that have no place in a table of a request, with their names. */
const UNSUPPORTED: Readonly<Record<number, string>> = {
  4: "binary",
  11: "interval",
  14: "union",
  15: "fixed size binary",
  18: "duration",
  19: "large binary",
  22: "run-end encoded",
  23: "binary view",
  25: "list view",
  26: "large list view",
};
const LAST_TYPE = 26;

/** The error for bytes that are no Arrow. */
export function brokenArrow(what: string, cause?: unknown): Error {
  return malformed(FORMAT, what, cause);
}

/**
 * The messages of a stream or file, the schema first (https://arrow.apache.org/docs/format/Columnar.html).
 * A file is a stream between a magic word and a footer; not every writer puts a schema into that
 * stream, so the one of the footer is taken. The flatbuffers are checked before `decode`, which trusts
 * them.
 */
export function readMessages(
  bytes: Uint8Array,
  decode: (metadata: Uint8Array) => Message,
): { messages: ArrowMessage[]; file: boolean } {
  const view = viewOf(bytes);
  const file = hasMagic(bytes, 0);
  let at = file ? 8 : 0;
  let end = bytes.length;
  const messages: ArrowMessage[] = [];
  if (file) {
    const footer = findFooter(bytes, view);
    end = footer.byteOffset - bytes.byteOffset;
    messages.push({ header: decode(toSchemaMessage(footer)), body: new Uint8Array() });
  }
  while (at < end) {
    if (end - at < 4) throw brokenArrow("it ends within the length of a message");
    let size = view.getUint32(at, true);
    at += 4;
    // Before version 0.15 the length came without this mark.
    if (size === CONTINUES) {
      if (end - at < 4) throw brokenArrow("it ends within the length of a message");
      size = view.getUint32(at, true);
      at += 4;
    }
    if (size === 0) {
      if (!file && at < end) throw brokenArrow(`${end - at} bytes follow its end`);
      break;
    }
    if (size > end - at) throw brokenArrow("it ends within a message");
    const metadata = bytes.subarray(at, at + size);
    at += size;
    const { kind, bodyLength } = checkMessage(metadata);
    if (bodyLength > BigInt(end - at)) throw brokenArrow("it ends within the values of a message");
    const body = bytes.subarray(at, at + Number(bodyLength));
    at += body.length;
    if (file && kind === SCHEMA) continue;
    if ((kind === SCHEMA) !== (messages.length === 0)) {
      throw brokenArrow(kind === SCHEMA ? "it has two schemas" : "it does not begin with a schema");
    }
    messages.push({ header: decode(metadata), body });
  }
  if (messages.length === 0) throw brokenArrow("it has no schema");
  return { messages, file };
}

function hasMagic(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < MAGIC.length; i++) {
    if (bytes[at + i] !== MAGIC.charCodeAt(i)) return false;
  }
  return true;
}

function findFooter(bytes: Uint8Array, view: DataView): Uint8Array {
  const end = bytes.length - MAGIC.length - 4;
  if (end < 8 || !hasMagic(bytes, end + 4)) throw brokenArrow("the file has no end");
  const size = view.getInt32(end, true);
  if (size <= 0 || size > end - 8) throw brokenArrow("the footer of the file has no right length");
  return bytes.subarray(end - size, end);
}

/**
 * The schema of a footer as a message: the flatbuffer of a message (Message.fbs) is put before the
 * footer's, whose offsets are relative, and refers into it.
 */
function toSchemaMessage(footer: Uint8Array): Uint8Array {
  const head = new DataView(new ArrayBuffer(32));
  const [vtable, table, header] = [4, 16, 24];
  const start = checkFlat(() => {
    const schema = FlatTable.root(viewOf(footer)).table(1);
    if (schema === undefined) throw brokenArrow("the footer of the file has no schema");
    checkSchema(schema);
    return schema.start;
  });
  head.setUint32(0, table, true);
  head.setUint16(vtable, 10, true);
  head.setUint16(vtable + 2, 12, true);
  head.setUint16(vtable + 4, 4, true);
  head.setUint16(vtable + 6, 6, true);
  head.setUint16(vtable + 8, header - table, true);
  head.setInt32(table, table - vtable, true);
  head.setInt16(table + 4, LAST_VERSION, true);
  head.setUint8(table + 6, SCHEMA);
  head.setUint32(header, head.byteLength + start - header, true);
  return Buffer.concat([new Uint8Array(head.buffer), footer]);
}

/** Checks the flatbuffer of a message, and returns what it is and how many bytes of values follow it. */
function checkMessage(metadata: Uint8Array): { kind: number; bodyLength: bigint } {
  return checkFlat(() => {
    const message = FlatTable.root(viewOf(metadata));
    if (message.int16(0) < 3) throw brokenArrow("its version is older than 0.8");
    const kind = message.uint8(1);
    const header = message.table(2);
    if (header === undefined || kind < SCHEMA || kind > BATCH) {
      throw brokenArrow("a message is no part of a table");
    }
    checkPairs(message, 4);
    if (kind === SCHEMA) checkSchema(header);
    else checkBatch(kind === DICTIONARY ? header.table(1) : header);
    const bodyLength = message.int64(3);
    if (bodyLength < 0n) throw brokenArrow("a message has a negative length");
    return { kind, bodyLength };
  });
}

function checkFlat<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof FlatFault) throw brokenArrow(`in a message ${error.message}`, error);
    throw error;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function checkSchema(schema: FlatTable): void {
  if (schema.int16(0) !== 0) {
    throw unsupported(
      "The Arrow table has numbers in big-endian order.",
      "Write it with little-endian numbers.",
    );
  }
  checkPairs(schema, 2);
  schema.vector(3, 8);
  checkColumns(schema.vector(1, 4)[1]);
  for (const field of schema.tables(1)) checkField(field, field.text(0), 0);
}

function checkField(field: FlatTable, column: string, depth: number): void {
  if (depth > DEEPEST) throw brokenArrow(`column ${JSON.stringify(column)} is nested too deep`);
  field.text(0);
  const type = field.uint8(2);
  if (type === 0 || type > LAST_TYPE) {
    throw brokenArrow(`column ${JSON.stringify(column)} has no type`);
  }
  const name = UNSUPPORTED[type];
  if (name !== undefined) {
    throw unsupported(
      `Column ${JSON.stringify(column)} has the Arrow type ${name}, which is not read.`,
      "Send numbers, text, truth values, dates, timestamps, or lists and structs of them.",
    );
  }
  const detail = field.table(3);
  const TIMESTAMP = 10;
  if (type === TIMESTAMP) detail?.text(1);
  field.table(4)?.table(1);
  checkPairs(field, 6);
  for (const child of field.tables(5)) checkField(child, column, depth + 1);
}

function checkBatch(batch: FlatTable | undefined): void {
  if (batch === undefined) throw brokenArrow("a dictionary has no values");
  batch.vector(1, 16);
  batch.vector(2, 16);
  batch.vector(4, 8);
  if (batch.table(3) !== undefined) {
    throw unsupported(
      "The Arrow table is compressed, which is not read.",
      'Write it without compression: `compression=None` of pyarrow, `compression="uncompressed"` of polars.',
    );
  }
}

function checkPairs(table: FlatTable, field: number): void {
  for (const pair of table.tables(field)) {
    pair.text(0);
    pair.text(1);
  }
}
