import { z } from "zod";
import { createColumn } from "../frame/frame-from-data-frame.js";
import type { NumberColumn } from "../frame/column.js";
import { Frame } from "../frame/frame.js";
import { NumberTable } from "../frame/number-table.js";
import { EkibenError } from "../core/errors.js";
import type { Orient } from "../tables/orients.js";
import { setOwn } from "../core/set-own.js";
import { createCellReader, type CellReader } from "./cell-reader.js";
import { CellTable } from "./cell-table.js";
import { createColumnReader, toSent, type ReadColumns, type SentColumns } from "./column-reader.js";
import { ColumnTable } from "./column-table.js";
import { explainRows } from "./explain-rows.js";
import { isAsyncError } from "./zod-inside.js";
import type { ColumnPlan } from "./row-plan.js";
import {
  compileCheck,
  compileFill,
  createDraft,
  createFill,
  toColumns,
  type CheckRow,
  type FillDraft,
} from "./row-code.js";
import {
  createPrepare,
  dropsUnknown,
  readRowSchema,
  refuseAsync,
  type RowSchema,
} from "./row-schema.js";

/** Rows that have passed the schema, holding what it made of them. */
export type ValidRows = readonly Readonly<Record<string, unknown>>[];

/** The valid rows of one request, in the form in which they were read. */
export type Table = ValidRows | CellTable | ColumnTable;

/** Checks the rows of a table and makes columns of them. */
export interface RowReader {
  readonly schema: RowSchema;
  /**
   * Checks rows that nobody else holds: they are changed in place.
   * @throws INPUT_INVALID with rows and columns.
   */
  read(rows: unknown[]): ValidRows;
  /**
   * Reads valid rows from the bytes of a table in JSON, in this orient or in the one that it has,
   * without JSON.parse, which is faster; `undefined` for rows that have to be read and checked by
   * `read` or `readColumns`, valid or not.
   */
  readBytes(bytes: Uint8Array, orient?: Orient): CellTable | undefined;
  /** The same for CSV in UTF-8 with a decimal point and no marks for missing values. */
  readCsvBytes(bytes: Uint8Array, delimiter?: string): CellTable | undefined;
  /**
   * Checks columns, which nobody else changes, without making rows of them where that can be.
   * @throws INPUT_INVALID as `read` throws it for the same rows.
   */
  readColumns(sent: SentColumns): Table;
  /** The frame of valid rows. */
  toFrame(rows: ValidRows): Frame;
  /** The frame of the rows of several tables, in order: the same as that of all rows at once. */
  mergeToFrame(tables: readonly Table[]): Frame;
}

/** Columns that the schema does not name cost memory in every row. */
const MOST_UNKNOWN_COLUMNS = 256;
/** For so few rows an object each costs less than typed columns. */
const FEW_ROWS = 8;

/**
 * A reader for the rows of a schema. `generate` set to false never generates code, as in a process
 * that does not allow it; both ways agree.
 */
export function createRowReader(rowSchema: z.ZodType, generate = true): RowReader {
  const schema = readRowSchema(rowSchema);
  const generated = generate ? generateCode(schema) : undefined;
  const fill =
    generated?.fill ?? (schema.columns === undefined ? undefined : createFill(schema.columns));
  const readRow = createZodReader(schema);
  const cells =
    schema.columns !== undefined && schema.plain && schema.unknownColumns !== "keep"
      ? createCellReader(schema.columns, generate)
      : undefined;

  const kinds = findNumberKinds(schema.columns);

  function toFrame(rows: ValidRows): Frame {
    const { columns: plans, names } = schema;
    if (plans === undefined || fill === undefined)
      return inferFrame(rows, findNames(rows, new Set()));
    const draft = createDraft(plans, rows.length);
    fill(rows, draft, 0);
    const columns = toColumns(plans, draft);
    const known = new Frame(names, columns, rows.length);
    if (schema.unknownColumns !== "keep") return known;
    const others = findNames(rows, new Set(names));
    const extra = others.map((name) => ({
      kind: "json" as const,
      values: rows.map((row) => (Object.hasOwn(row, name) ? row[name] : undefined)),
    }));
    return new Frame([...names, ...others], [...columns, ...extra], rows.length);
  }

  function read(rows: unknown[]): ValidRows {
    const bad =
      generated?.check === undefined ? readAll(rows, readRow) : checkAll(rows, generated.check);
    if (bad !== -1) {
      const isValid = generated?.check ?? ((row: unknown) => readRow(row) !== undefined);
      throw explainRows(schema, rows, bad, isValid);
    }
    if (schema.unknownColumns === "keep") checkWidth(schema, rows as ValidRows);
    return rows as ValidRows;
  }

  return {
    schema,
    readBytes: (bytes, orient) =>
      cells === undefined ? undefined : readCells(cells, bytes, orient),
    readCsvBytes: (bytes, delimiter) => cells?.csv(bytes, delimiter),
    read,
    readColumns(sent) {
      if (sent.rowCount > FEW_ROWS && generated?.readColumns !== undefined) {
        const table = readOrThrow(generated.readColumns, sent);
        if (table !== undefined) return table;
      }
      return read(toRows(schema, sent));
    },
    toFrame,
    mergeToFrame(tables) {
      if (tables.every((table) => Array.isArray(table))) {
        const all = tables as readonly ValidRows[];
        return toFrame(all.length === 1 ? all[0]! : all.flat());
      }
      // Cells and columns are read only where the schema's columns are all that a frame has.
      const plans = schema.columns!;
      const rowCount = tables.reduce((sum, { length }) => sum + length, 0);
      const numbers = kinds === undefined ? undefined : joinNumbers(tables, rowCount, kinds);
      if (numbers !== undefined) return new Frame(schema.names, numbers);
      const draft = createDraft(plans, rowCount);
      let start = 0;
      for (const table of tables) {
        if (table instanceof CellTable) table.fill(plans, draft, start);
        else if (table instanceof ColumnTable) table.fill(draft, start);
        else fill!(table, draft, start);
        start += table.length;
      }
      return new Frame(schema.names, toColumns(plans, draft), rowCount);
    },
  };
}

/** The kinds of columns that are all numbers, of which none may be missing. */
function findNumberKinds(
  columns: readonly ColumnPlan[] | undefined,
): readonly NumberColumn["kind"][] | undefined {
  const kinds: NumberColumn["kind"][] = [];
  for (const { kind, nullable, optional } of columns ?? []) {
    if ((kind !== "float64" && kind !== "int") || nullable || optional) return undefined;
    kinds.push(kind);
  }
  return kinds;
}

/** The rows of all tables, when they are cells whose keys have one order. */
function joinNumbers(
  tables: readonly Table[],
  rowCount: number,
  kinds: readonly NumberColumn["kind"][],
): NumberTable | undefined {
  const [first] = tables;
  if (!(first instanceof CellTable)) return undefined;
  const { order } = first;
  const { width, positions } = order;
  if (tables.length === 1) return new NumberTable(first.toCells(), width, positions, kinds);
  for (const table of tables) {
    if (!(table instanceof CellTable) || table.order !== order) return undefined;
  }
  const cells = new Float64Array(rowCount * width);
  let at = 0;
  for (const table of tables as readonly CellTable[]) at = table.copyTo(cells, at);
  return new NumberTable(cells, width, positions, kinds);
}

interface Generated {
  fill: FillDraft;
  check?: CheckRow;
  readColumns?: ReadColumns;
}

function generateCode(schema: RowSchema): Generated | undefined {
  const { columns, sent } = schema;
  if (columns === undefined) return undefined;
  try {
    const fill = compileFill(columns);
    if (!schema.plain || schema.unknownColumns === "keep") return { fill };
    const refuseUnknown = schema.unknownColumns === "refuse";
    return {
      fill,
      check: compileCheck(columns, refuseUnknown),
      readColumns: createColumnReader(columns, sent, refuseUnknown),
    };
  } catch {
    // The process runs with --disallow-code-generation-from-strings.
    return undefined;
  }
}

/** The place of the first row that is not valid, or -1. */
function checkAll(rows: readonly unknown[], check: CheckRow): number {
  try {
    for (let i = 0; i < rows.length; i++) if (!check(rows[i])) return i;
  } catch (error) {
    throw toSchemaError(error);
  }
  return -1;
}

/** The first bytes of a table tell the orients that can be read from the bytes. */
function readCells(cells: CellReader, bytes: Uint8Array, orient?: Orient): CellTable | undefined {
  const [first, second] = bytes;
  const found =
    first === 0x5b && second === 0x7b
      ? "records"
      : first === 0x5b && second === 0x5b
        ? "values"
        : first === 0x7b && second === 0x22
          ? "split"
          : undefined;
  return found === undefined || (orient ?? found) !== found ? undefined : cells[found](bytes);
}

function readOrThrow(readColumns: ReadColumns, sent: SentColumns): ColumnTable | undefined {
  try {
    return readColumns(sent);
  } catch (error) {
    throw toSchemaError(error);
  }
}

/** One object a row, as JSON would have brought them. */
function toRows(schema: RowSchema, { rowCount, columns }: SentColumns): Record<string, unknown>[] {
  const rows = Array.from({ length: rowCount }, (): Record<string, unknown> => ({}));
  const cells = new Map(schema.sent.map((cell) => [cell.name, cell]));
  // Columns that are dropped are of use to the error for a missing one, which asks the first row.
  const dropped = dropsUnknown(schema) ? Math.min(rowCount, 1) : rowCount;
  for (const [name, values] of columns) {
    const cell = cells.get(name);
    const end = cell === undefined ? dropped : rowCount;
    for (let at = 0; at < end; at++) {
      const value = toSent(values[at], cell);
      if (value !== undefined) setOwn(rows[at]!, name, value);
    }
  }
  return rows;
}

type ReadRow = (row: unknown) => object | undefined;

function readAll(rows: unknown[], read: ReadRow): number {
  for (let i = 0; i < rows.length; i++) {
    const row = read(rows[i]);
    if (row === undefined) return i;
    rows[i] = row;
  }
  return -1;
}

/** One row through zod. */
function createZodReader(schema: RowSchema): ReadRow {
  // Made when a row comes that needs it: for most schemas none does.
  let made: { compiled: z.ZodType; prepare: (row: unknown) => unknown } | undefined;
  return (row) => {
    try {
      made ??= { compiled: z.compile(schema.wire), prepare: createPrepare(schema) };
      const result = made.compiled.safeParse(made.prepare(row));
      return result.success ? toRow(result.data) : undefined;
    } catch (error) {
      throw toSchemaError(error);
    }
  };
}

/** What a transform of the row returns has to be a row again. */
function toRow(data: unknown): object {
  if (typeof data === "object" && data !== null && !Array.isArray(data)) return data;
  throw new EkibenError("SCHEMA_UNSUPPORTED", {
    detail: `The transform of the row schema returned ${Array.isArray(data) ? "an array" : typeof data}, not a row.`,
    hint: "Return an object with one property a column.",
  });
}

function toSchemaError(error: unknown): unknown {
  if (isAsyncError(error)) return refuseAsync("dataframe", error);
  if (error instanceof RangeError) {
    return new EkibenError("INPUT_INVALID", {
      detail: "A row is nested too deeply to be checked.",
      cause: error,
    });
  }
  return error;
}

function findNames(rows: ValidRows, known: ReadonlySet<string>): string[] {
  const names = new Set<string>();
  for (const row of rows) {
    for (const name of Object.keys(row)) {
      if (!known.has(name) && name !== "__proto__") names.add(name);
    }
  }
  return [...names];
}

function checkWidth(schema: RowSchema, rows: ValidRows): void {
  const others = findNames(rows, new Set(schema.names));
  if (others.length <= MOST_UNKNOWN_COLUMNS) return;
  throw new EkibenError("INPUT_INVALID", {
    detail: `The rows have ${others.length} columns that the schema does not name; at most ${MOST_UNKNOWN_COLUMNS} are kept.`,
    hint: "Send fewer columns.",
    expected: MOST_UNKNOWN_COLUMNS,
    received: others.length,
  });
}

/** Columns whose kinds follow from their values. */
function inferFrame(rows: ValidRows, names: readonly string[]): Frame {
  const columns = names.map((name) =>
    createColumn(rows.map((row) => (Object.hasOwn(row, name) ? row[name] : undefined))),
  );
  return new Frame(names, columns, rows.length);
}
