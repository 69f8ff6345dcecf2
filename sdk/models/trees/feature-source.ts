import { findClosestName, printNames } from "../../core/closest-name.js";
import { isTypedArray } from "../../tensor/tensor.js";
import { printValue, toInputError } from "../input-error.js";
import { fromRecords, isRecord, toTable, type Table, type TabularValue } from "../table.js";
import { isShaped, type ShapedData } from "../tensor-value.js";
import { toFeatureNumber, type CellPlace, type FeatureReader } from "./feature.js";

type Cell = number | bigint | string | boolean | null;
type Cells = readonly (Cell | undefined)[] | ArrayBufferView;

/**
 * What a model with features takes: a table, whose columns are found by name; a record or a list of
 * them; or rows without names, `[N, k]`, as nested lists, a typed array or `{ data, dims }`.
 */
export type FeatureInput =
  | TabularValue
  | readonly object[]
  | Readonly<Record<string, Cell | undefined | Cells>>
  | Cells
  | readonly Cells[]
  | ShapedData;

/** Numbers by column. NaN is missing. */
export interface FeatureColumns {
  readonly rows: number;
  readonly columns: readonly Float64Array[];
}

/** Numbers by row, all features side by side. NaN is missing. */
export interface FeatureMatrix {
  readonly rows: number;
  readonly matrix: Float32Array | Float64Array;
}

export type FeatureSource = FeatureColumns | FeatureMatrix;

export interface FeatureBinding {
  readonly model: string;
  readonly readers: readonly FeatureReader[];
  /** The columns of a table that hold the features, in their order. */
  readonly names: readonly string[];
  /** Whether the names are known, from the file or the author; otherwise columns go by position. */
  readonly isNamed: boolean;
  readonly unknown: CellPlace["unknown"];
}

/**
 * The features of all rows of an input. Columns of numbers and float arrays are not copied.
 * @throws MODEL_INPUT_INVALID
 */
export function toFeatureSource(binding: FeatureBinding, x: unknown): FeatureSource {
  const table = toTable(x);
  if (table !== undefined) return fromTable(binding, table);
  if (Array.isArray(x) && isRecord(x[0])) {
    return fromTable(binding, fromRecords(x as readonly Record<string, unknown>[]));
  }
  if (isShaped(x)) return fromElements(binding, x.data, x.dims);
  if (isTypedArray(x)) return fromElements(binding, x, (x as { dims?: readonly number[] }).dims);
  if (Array.isArray(x)) {
    const isNested = x.length > 0 && (Array.isArray(x[0]) || isTypedArray(x[0]));
    const own = (x as { dims?: readonly number[] }).dims;
    return isNested ? fromLists(binding, x) : fromElements(binding, x, own);
  }
  if (isRecord(x)) return fromTable(binding, fromObject(x));
  throw toInputError(binding.model, {
    detail: `it was given ${printValue(x)}.`,
    hint: "Give a DataFrame, a list of records, or rows of numbers.",
    received: printValue(x),
  });
}

/** One record, or columns by name when the values are lists. */
function fromObject(x: Readonly<Record<string, unknown>>): Table {
  const columns = Object.entries(x);
  const isColumns =
    columns.length > 0 && columns.every(([, value]) => Array.isArray(value) || isTypedArray(value));
  if (!isColumns) return fromRecords([x]);
  const lists = new Map(columns as [string, ArrayLike<unknown>][]);
  return {
    rows: columns.length === 0 ? 0 : lists.values().next().value!.length,
    names: [...lists.keys()],
    cells: (name) => lists.get(name),
  };
}

function fromTable(binding: FeatureBinding, table: Table): FeatureSource {
  const { model, readers } = binding;
  if (!binding.isNamed && table.names.length !== readers.length) {
    throw toInputError(model, {
      detail: `it has ${readers.length} features without names, and the table has ${table.names.length} columns: ${printNames(table.names, 40)}.`,
      hint: "Name the columns in the order of training with the option `features`.",
      expected: readers.length,
      received: table.names.length,
    });
  }
  const names = binding.isNamed ? binding.names : table.names;
  const lists = names.map((name, position) => table.cells(name, position));
  if (lists.includes(undefined)) throw toMissingError(model, names, table.names);
  const place: CellPlace = { model, unknown: binding.unknown, codesAllowed: false };
  const columns = lists.map((cells, i) => {
    if (cells!.length !== table.rows) {
      throw toInputError(model, {
        detail: `the column ${JSON.stringify(names[i])} has ${cells!.length} rows, and ${JSON.stringify(names[0])} has ${table.rows}.`,
        hint: "Give one cell a row to every column.",
      });
    }
    return toColumn(readers[i]!, cells!, place);
  });
  return { rows: table.rows, columns };
}

function toColumn(
  reader: FeatureReader,
  cells: ArrayLike<unknown>,
  place: CellPlace,
): Float64Array {
  if (cells instanceof Float64Array && !reader.types.has("number")) return cells;
  const column = new Float64Array(cells.length);
  for (let row = 0; row < cells.length; row += 1) {
    column[row] = toFeatureNumber(reader, cells[row], row, place);
  }
  return column;
}

function toMissingError(model: string, wanted: readonly string[], given: readonly string[]): Error {
  const known = new Set(given);
  const missing = wanted.filter((name) => !known.has(name));
  const near = missing
    .map((name) => findClosestName(name, given))
    .find((name) => name !== undefined);
  return toInputError(model, {
    detail: `the table lacks the ${missing.length === 1 ? "feature" : "features"} ${printNames(missing)}; it has ${printNames(given, 40)}.`,
    hint:
      near === undefined
        ? "Add what is missing to the schema of the input, or say which columns hold the features, in the order of training, with the option `features`."
        : `Did you mean ${JSON.stringify(near)}?`,
    issues: missing.slice(0, 20).map((column) => ({ message: "is missing", column })),
    issueCount: missing.length,
  });
}

function fromElements(
  binding: FeatureBinding,
  data: ArrayLike<unknown>,
  dims: readonly number[] | undefined,
): FeatureSource {
  const width = binding.readers.length;
  const rows = data.length / width;
  const isRows = dims === undefined || dims.length === 1;
  const fits = isRows
    ? Number.isInteger(rows)
    : dims.length === 2 && dims[1] === width && dims[0] === rows;
  if (!fits) {
    const received = isRows ? `${data.length} elements` : `[${dims.join(", ")}]`;
    throw toInputError(binding.model, {
      detail: `it takes ${width} features a row, and was given ${received}.`,
      hint: `Give [N, ${width}], with the features in the order of training.`,
      expected: `[N, ${width}]`,
      received,
    });
  }
  if (data instanceof Float32Array || data instanceof Float64Array) return { rows, matrix: data };
  const matrix = new Float64Array(data.length);
  const place = toArrayPlace(binding);
  for (let i = 0; i < data.length; i += 1) {
    const row = Math.floor(i / width);
    matrix[i] = toFeatureNumber(binding.readers[i - row * width]!, data[i], row, place);
  }
  return { rows, matrix };
}

function fromLists(binding: FeatureBinding, lists: readonly ArrayLike<unknown>[]): FeatureSource {
  const width = binding.readers.length;
  const matrix = new Float64Array(lists.length * width);
  const place = toArrayPlace(binding);
  let at = 0;
  lists.forEach((cells, row) => {
    if (!(Array.isArray(cells) || isTypedArray(cells)) || cells.length !== width) {
      const received =
        Array.isArray(cells) || isTypedArray(cells) ? cells.length : printValue(cells);
      throw toInputError(binding.model, {
        detail: `it takes ${width} features a row, and row ${row} has ${received}.`,
        hint: `Give [N, ${width}], with the features in the order of training.`,
        expected: width,
        received,
        issues: [{ message: `must have ${width} features`, row }],
      });
    }
    for (let i = 0; i < width; i += 1, at += 1) {
      matrix[at] = toFeatureNumber(binding.readers[i]!, cells[i], row, place);
    }
  });
  return { rows: lists.length, matrix };
}

function toArrayPlace({ model, unknown }: FeatureBinding): CellPlace {
  return { model, unknown, codesAllowed: true };
}
