import type { Message, Schema } from "apache-arrow";
import { EkibenError } from "../core/errors.js";
import { BatchReader, type BatchHeader, type CellBudget } from "./arrow-batch.js";
import { toArrowData } from "./arrow-column.js";
import { brokenArrow, readMessages } from "./arrow-messages.js";
import { readArray } from "./arrow-values.js";
import { joinChunks } from "./join-chunks.js";
import { checkCells, mostCells } from "./limits.js";
import { checkNames } from "./malformed.js";
import type { PrintValue, TableColumns } from "./table-columns.js";
import type { SourceTable } from "./table-source.js";

/**
 * Reads the bytes of an Arrow IPC stream or file. Numbers in which nothing is missing stay typed
 * arrays over the same memory, 64-bit integers are bigints, decimals are numbers, dates and
 * timestamps are `Date` (without a zone they are taken as UTC), times of day are text, and lists,
 * structs and maps are plain values.
 * @throws BODY_MALFORMED for bytes that are not whole Arrow.
 * @throws INPUT_INVALID for a type that is not read, a compressed table and one that is too large.
 */
export async function readArrow(bytes: Uint8Array): Promise<SourceTable> {
  const arrow = await import("apache-arrow");
  try {
    return readTable(bytes, (metadata) => arrow.Message.decode(metadata));
  } catch (error) {
    if (error instanceof EkibenError) throw error;
    throw brokenArrow("a message cannot be read", error);
  }
}

function readTable(bytes: Uint8Array, decode: (metadata: Uint8Array) => Message): SourceTable {
  const { messages, file } = readMessages(bytes, decode);
  const schema = messages[0]!.header.header() as unknown as Schema;
  const names = schema.fields.map((field) => field.name);
  checkNames(names);
  const rest = messages.slice(1).map(({ header, body }) => ({ header: header.header(), body }));
  // In a file a dictionary may stand behind the rows that use it.
  if (file) rest.sort((a, b) => Number(isDictionary(b.header)) - Number(isDictionary(a.header)));

  const budget: CellBudget = { left: mostCells(bytes.length) };
  const dictionaries = new Map<number, unknown[]>();
  const chunks: ArrayLike<unknown>[][] = names.map(() => []);
  let rowCount = 0;
  for (const { header, body } of rest) {
    if (isDictionary(header)) {
      const type = schema.dictionaries.get(header.id);
      if (type === undefined) throw brokenArrow("it has a dictionary that no column uses");
      const reader = new BatchReader(header.data, body, budget);
      const values = readArray(type, reader, dictionaries);
      const known = header.isDelta ? dictionaries.get(header.id) : undefined;
      if (known === undefined) dictionaries.set(header.id, Array.from(values));
      else for (let i = 0; i < values.length; i++) known.push(values[i]);
      continue;
    }
    const batch = header as unknown as BatchHeader;
    if (batch.length < 0) throw brokenArrow("a batch has a negative length");
    rowCount += batch.length;
    checkCells(rowCount, names.length, bytes.length);
    const reader = new BatchReader(batch, body, budget);
    for (const [index, field] of schema.fields.entries()) {
      const values = readArray(field.type, reader, dictionaries);
      if (values.length !== batch.length) {
        throw brokenArrow(`column ${JSON.stringify(field.name)} has not as many values as rows`);
      }
      chunks[index]!.push(values);
    }
  }
  return {
    rowCount,
    columns: names.map((name, index) => ({ name, values: joinChunks(chunks[index]!) })),
  };
}

interface DictionaryHeader {
  readonly id: number;
  readonly isDelta: boolean;
  readonly data: BatchHeader;
}

function isDictionary(header: unknown): header is DictionaryHeader {
  return (header as Partial<DictionaryHeader>).data !== undefined;
}

/**
 * The bytes of an Arrow IPC stream with one batch of all rows. Missing values are null, NaN stays
 * NaN; what type a column gets follows from its values, as `toArrowData` says.
 */
export async function writeArrow(table: TableColumns, print: PrintValue): Promise<Uint8Array> {
  const arrow = await import("apache-arrow");
  const children = table.columns.map((values) => toArrowData(arrow, values, print));
  const fields = children.map(
    (data, index) => new arrow.Field(table.names[index]!, data.type, true),
  );
  const schema = new arrow.Schema(fields);
  const type = new arrow.Struct(fields);
  const data = arrow.makeData({ type, length: table.rowCount, nullCount: 0, children });
  const batch = new arrow.RecordBatch(schema, data);
  return arrow.RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);
}
