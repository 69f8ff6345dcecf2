import type { ColumnData, Compressors } from "hyparquet";
import { EkibenError } from "../core/errors.js";
import { joinChunks } from "./join-chunks.js";
import { checkNames } from "./malformed.js";
import { checkFooter, checkGroups } from "./parquet-check.js";
import { loadCompressors } from "./parquet-codecs.js";
import { brokenParquet } from "./parquet-fault.js";
import { readParquetSchema } from "./parquet-schema.js";
import { PARSERS, toSourceValues } from "./parquet-values.js";
import type { SourceTable } from "./table-source.js";

/**
 * Reads the bytes of a Parquet file. Numbers in which nothing may be missing are typed arrays where
 * they are written plain, 64-bit integers are bigints, decimals are numbers, dates and timestamps are
 * `Date` (without a zone they are taken as UTC), times of day are text, and lists, structs and maps
 * are plain values.
 * @throws BODY_MALFORMED for bytes that are not a whole Parquet file.
 * @throws INPUT_INVALID for a type that is not read and for a table that is too large.
 */
export async function readParquet(bytes: Uint8Array): Promise<SourceTable> {
  try {
    checkFooter(bytes);
    return await readTable(bytes, await loadCompressors());
  } catch (error) {
    if (error instanceof EkibenError) throw error;
    throw brokenParquet("its values cannot be read", error);
  }
}

async function readTable(bytes: Uint8Array, compressors: Compressors): Promise<SourceTable> {
  const { parquetMetadata, parquetRead } = await import("hyparquet");
  const metadata = parquetMetadata(bytes, { geoparquet: false });
  const columns = readParquetSchema(metadata);
  checkNames(columns.map(({ name }) => name));
  checkGroups(bytes, metadata, { columns, compressors });

  const chunks = new Map<string, ColumnData[]>(columns.map(({ name }) => [name, []]));
  await parquetRead({
    file: {
      byteLength: bytes.length,
      // Not `slice`, which shares the memory when the bytes are a Buffer.
      slice: (start, end) => new Uint8Array(bytes.subarray(start, end)).buffer,
    },
    metadata,
    compressors,
    parsers: PARSERS,
    geoparquet: false,
    onChunk: (chunk) => void chunks.get(chunk.columnName)!.push(chunk),
  });

  const rowCount = Number(metadata.num_rows);
  return {
    rowCount,
    columns: columns.map((column) => {
      const parts = chunks.get(column.name)!.sort((a, b) => a.rowStart - b.rowStart);
      const values = joinChunks(parts.map((part) => part.columnData));
      if (values.length !== rowCount) {
        throw brokenParquet(`column ${JSON.stringify(column.name)} has not as many values as rows`);
      }
      return { name: column.name, values: toSourceValues(column, values) };
    }),
  };
}
