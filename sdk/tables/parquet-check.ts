import type { ColumnMetaData, Compressors, FileMetaData } from "hyparquet";
import { checkCells, mostCells } from "./limits.js";
import { brokenParquet } from "./parquet-fault.js";
import { checkPages, type PageBudget } from "./parquet-pages.js";
import type { ParquetColumn, ParquetLeaf } from "./parquet-schema.js";
import { readThrift, ThriftFault, type ThriftStruct, type ThriftValue } from "./thrift.js";

const MAGIC = 0x31524150;
const LONGEST_STATISTIC = 64;
const BYTES = 64 * 1024 * 1024;

/** Checks the footer of a file: that its lists are as long as they say and its numbers no longer than numbers are. */
export function checkFooter(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - 8;
  if (end < 4 || view.getUint32(0, true) !== MAGIC || view.getUint32(end + 4, true) !== MAGIC) {
    throw brokenParquet("it does not begin and end with PAR1");
  }
  const size = view.getUint32(end, true);
  if (size > end - 4) throw brokenParquet("its metadata is longer than the file");
  const metadata = bytes.subarray(end - size, end);
  try {
    const { struct } = readThrift(metadata, 0);
    checkStatistics(struct);
  } catch (error) {
    if (error instanceof ThriftFault) throw brokenParquet(error.message, error);
    throw error;
  }
}

/** hyparquet makes a number of every statistic of decimals, in time that grows with the square of its length. */
function checkStatistics(metadata: ThriftStruct): void {
  const DECIMAL = 5;
  const leaves = structs(metadata.get(2)).filter((element) => element.get(1) !== undefined);
  for (const group of structs(metadata.get(4))) {
    for (const [index, column] of structs(group.get(1)).entries()) {
      if (leaves[index]?.get(6) !== DECIMAL) continue;
      const meta = column.get(3);
      const statistics = meta instanceof Map ? (meta as ThriftStruct).get(12) : undefined;
      if (!(statistics instanceof Map)) continue;
      for (const value of (statistics as ThriftStruct).values()) {
        if (value instanceof Uint8Array && value.length > LONGEST_STATISTIC) {
          throw brokenParquet("its metadata has a decimal that is too long");
        }
      }
    }
  }
}

function structs(value: ThriftValue | undefined): ThriftStruct[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one): one is ThriftStruct => one instanceof Map);
}

/**
 * Checks that every column of every group of rows lies within the file and holds what it says.
 * @throws BODY_MALFORMED where it does not. @throws INPUT_INVALID for a table that is too large.
 */
export function checkGroups(
  bytes: Uint8Array,
  metadata: FileMetaData,
  { columns, compressors }: { columns: readonly ParquetColumn[]; compressors: Compressors },
): void {
  const leaves = columns.flatMap((column) => column.leaves);
  const groups = metadata.row_groups;
  let rows = 0n;
  for (const group of groups) {
    if (group.num_rows < 0n) throw brokenParquet("a group has a negative number of rows");
    rows += group.num_rows;
  }
  if (rows !== metadata.num_rows) throw brokenParquet("its groups have not as many rows as it");
  checkCells(Number(rows), columns.length, bytes.length);
  // hyparquet looks for the element of each column among all others, in each group anew.
  if (groups.length * leaves.length * leaves.length > 4e8) {
    throw brokenParquet("it has too many groups of rows for its columns");
  }
  const budget: PageBudget = {
    values: 2 * mostCells(bytes.length),
    bytes: BYTES + 16 * bytes.length,
  };
  let left = bytes.length;
  for (const group of groups) {
    if (group.num_rows === 0n) continue;
    if (group.columns.length !== leaves.length) {
      throw brokenParquet("a group of rows has not the columns of the schema");
    }
    for (const [index, { meta_data: meta, file_path: path }] of group.columns.entries()) {
      if (meta === undefined || path !== undefined) {
        throw brokenParquet("it refers to another file");
      }
      const leaf = leaves[index]!;
      checkColumn(meta, leaf);
      const chunk = sliceChunk(bytes, meta);
      left -= chunk.length;
      if (left < 0) throw brokenParquet("its columns overlap");
      const rows = Number(group.num_rows);
      checkPages({ bytes: chunk, leaf, meta, rows }, compressors, budget);
    }
  }
}

function checkColumn(meta: ColumnMetaData, { path, element }: ParquetLeaf): void {
  const { path_in_schema: names } = meta;
  if (names.length !== path.length || names.some((name, i) => name !== path[i])) {
    throw brokenParquet("a group of rows has not the columns of the schema");
  }
  if (meta.type !== element.type) throw brokenParquet("a column has not the type of the schema");
}

function sliceChunk(bytes: Uint8Array, meta: ColumnMetaData): Uint8Array {
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
  const end = start + Number(meta.total_compressed_size);
  if (!(start >= 4 && end >= start && end <= bytes.length)) {
    throw brokenParquet("a column lies outside of the file");
  }
  return bytes.subarray(start, end);
}
