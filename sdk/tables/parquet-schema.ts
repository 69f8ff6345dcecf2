import type { FileMetaData, SchemaElement } from "hyparquet";
import { brokenParquet, unreadColumn } from "./parquet-fault.js";
import { checkColumns } from "./limits.js";

/** A column of values in a file: what is at an end of the schema's tree. */
export interface ParquetLeaf {
  readonly path: readonly string[];
  readonly element: SchemaElement;
  /** The deepest definition level: how many of the path may be missing or repeated. */
  readonly definitions: number;
  /** The deepest repetition level: how many of the path are lists. */
  readonly repetitions: number;
}

/** The columns of a table. */
export interface ParquetColumn {
  readonly name: string;
  readonly element: SchemaElement;
  readonly leaves: readonly ParquetLeaf[];
}

const DEEPEST = 16;
const LONGEST_FIXED = 64;

/**
 * The columns of a file, each with its leaves, and the types of its elements said in the one way that
 * hyparquet reads.
 * @throws INPUT_INVALID for a type that is not read.
 */
export function readParquetSchema(metadata: FileMetaData): ParquetColumn[] {
  const { schema } = metadata;
  const root = schema[0];
  if (root === undefined || root.repetition_type === "REPEATED") {
    throw brokenParquet("it has no schema");
  }
  let at = 1;

  function readLeaves(above: readonly SchemaElement[]): ParquetLeaf[] {
    const element = schema[at++];
    if (element === undefined) throw brokenParquet("its schema ends too early");
    toConverted(element);
    const way = [...above, element];
    const path = way.map(({ name }) => name);
    if (way.length > DEEPEST) throw unreadColumn(path, `is nested more than ${DEEPEST} deep`);
    if (way.length > 1 && element.name === "__proto__") {
      throw unreadColumn(path, "has a field of this name");
    }
    const children = element.num_children ?? 0;
    if (children === 0) {
      checkType(path, element);
      return [
        {
          path,
          element,
          definitions: way.filter((one) => one.repetition_type !== "REQUIRED").length,
          repetitions: way.filter((one) => one.repetition_type === "REPEATED").length,
        },
      ];
    }
    if (element.type !== undefined || children < 0 || children > schema.length) {
      throw brokenParquet("its schema has an element that is a group and a value");
    }
    if (element.logical_type?.type === "VARIANT") throw unreadColumn(path, "is a variant");
    return Array.from({ length: children }, () => readLeaves(way)).flat();
  }

  const columns: ParquetColumn[] = [];
  const count = root.num_children ?? 0;
  checkColumns(Math.max(count, schema.length - 1));
  for (let i = 0; i < count; i++) {
    const element = schema[at];
    const leaves = readLeaves([]);
    columns.push({ name: element!.name, element: element!, leaves });
  }
  if (at !== schema.length) throw brokenParquet("its schema has elements in no column");
  return columns;
}

/** Whether a column has one value a row, so that its pages hold as many values as rows. */
export function isFlat({ path, repetitions }: ParquetLeaf): boolean {
  return path.length === 1 && repetitions === 0;
}

/** hyparquet reads some types only by the older of the two ways of naming them. */
function toConverted(element: SchemaElement): void {
  const logical = element.logical_type;
  if (logical === undefined || element.converted_type !== undefined) return;
  switch (logical.type) {
    case "DECIMAL":
      element.scale = logical.scale;
      element.precision = logical.precision;
      element.converted_type = "DECIMAL";
      break;
    case "DATE":
    case "LIST":
    case "MAP":
    case "JSON":
    case "BSON":
      element.converted_type = logical.type;
      break;
    default:
  }
}

function checkType(path: readonly string[], element: SchemaElement): void {
  const { type, converted_type: converted, logical_type: logical, type_length: length } = element;
  if (type === undefined) throw brokenParquet("its schema has a value without a type");
  if (element.repetition_type === undefined) {
    throw brokenParquet("its schema has a value that is neither required nor optional");
  }
  if (converted === "BSON" || converted === "INTERVAL") {
    throw unreadColumn(path, `has the type ${converted.toLowerCase()}`);
  }
  if (
    logical?.type === "GEOMETRY" ||
    logical?.type === "GEOGRAPHY" ||
    logical?.type === "VARIANT"
  ) {
    throw unreadColumn(path, `has the type ${logical.type.toLowerCase()}`);
  }
  if (type === "BYTE_ARRAY" && converted === "DECIMAL") {
    throw unreadColumn(path, "has decimals of no fixed length");
  }
  if (type !== "FIXED_LEN_BYTE_ARRAY") return;
  if (length === undefined || length < 1 || length > LONGEST_FIXED) {
    throw unreadColumn(path, "has bytes of a fixed length");
  }
  const sizes: Readonly<Record<string, number>> = { UUID: 16, FLOAT16: 2 };
  const size = logical === undefined ? undefined : sizes[logical.type];
  if (converted !== "DECIMAL" && size !== length) {
    throw unreadColumn(path, "has bytes of a fixed length");
  }
}
