import { EkibenError } from "../core/errors.js";
import type { NamedTensor } from "../tensor/named-tensor.js";
import type { TensorDescription, TensorElements } from "../tensor/tensor.js";
import type { SourceColumn, SourceTable } from "../tables/table-source.js";
import type { SentCell } from "./sent-cell.js";
import { readJsonText } from "./source-cells.js";

/** One tensor a column, with one element a row. */
export function describeTableTensors(cells: readonly SentCell[]): TensorDescription[] {
  return cells.map((cell) => ({ name: cell.name, dtype: dtypeOf(cell), shape: [null] }));
}

/** The type that holds all that a column takes; text where only JSON can say it. */
function dtypeOf({ types, choices, integer }: SentCell): string {
  const [only] = types;
  if (types.size !== 1 || choices.size > 0) return "string";
  if (only === "number") return integer ? "int64" : "float64";
  if (only === "bigint") return "int64";
  return only === "boolean" ? "bool" : "string";
}

/**
 * Tensors as the columns of a table: each of shape [n] or [n, 1] is the column of its name, and a
 * single one of shape [n, k] holds the k columns of the schema in its order, whatever it is called.
 * @throws INPUT_INVALID
 */
export function readTableTensors(
  tensors: readonly NamedTensor[],
  cells: readonly SentCell[],
): SourceTable {
  const [first] = tensors;
  if (first === undefined) {
    throw new EkibenError("INPUT_INVALID", {
      detail: "The request has no tensors.",
      hint: "Send one tensor of shape [n] a column.",
    });
  }
  const byName = new Map(cells.map((cell) => [cell.name, cell]));
  if (tensors.length === 1 && first.dims.length === 2 && !byName.has(first.name)) {
    return readMatrix(first, cells);
  }
  const rowCount = first.dims[0] ?? 0;
  const seen = new Set<string>();
  const columns = tensors.map((tensor) => {
    checkColumn(tensor, first);
    if (seen.has(tensor.name)) throw refuse(tensor, "comes twice");
    seen.add(tensor.name);
    return toColumn(tensor.name, tensor, tensor.data, byName.get(tensor.name));
  });
  return { rowCount, columns };
}

function readMatrix(tensor: NamedTensor, cells: readonly SentCell[]): SourceTable {
  const [rowCount, width] = tensor.dims as [number, number];
  if (width !== cells.length) {
    const names = cells.length === 1 ? "1 column" : `${cells.length} columns`;
    throw refuse(tensor, `has the shape [${tensor.dims.join(", ")}], and the schema ${names}`, {
      hint: "Send one tensor of shape [n] a column, or one with all columns of the schema in its order.",
      expected: `[n, ${cells.length}]`,
    });
  }
  checkLength(tensor, rowCount * width);
  const columns = cells.map((cell, at) =>
    toColumn(cell.name, tensor, pick(tensor.data, rowCount, width, at), cell),
  );
  return { rowCount, columns };
}

/** One column of a matrix. */
function pick(data: TensorElements, rowCount: number, width: number, at: number): TensorElements {
  if (Array.isArray(data)) {
    return Array.from({ length: rowCount }, (_, row) => data[row * width + at]!);
  }
  const values = new (data.constructor as Float64ArrayConstructor)(rowCount);
  for (let row = 0; row < rowCount; row++) values[row] = data[row * width + at] as number;
  return values;
}

function toColumn(
  name: string,
  { type }: NamedTensor,
  data: TensorElements,
  cell: SentCell | undefined,
): SourceColumn {
  if (type === "bool")
    return { name, values: Array.from(data as Uint8Array, (byte) => byte !== 0) };
  // Text is what JSON would have said, so only a column that text cannot be of needs another look.
  const nested = type === "string" && cell?.types.has("json") && !cell.types.has("text");
  if (!nested) return { name, values: data };
  return { name, values: (data as string[]).map((text) => readJsonText(text) ?? text) };
}

function checkColumn(tensor: NamedTensor, first: NamedTensor): void {
  const { dims } = tensor;
  if (dims.length < 1 || dims.length > 2 || (dims[1] ?? 1) !== 1) {
    throw refuse(tensor, `has the shape [${dims.join(", ")}]`, {
      hint: "Send each column as a tensor of shape [n] or [n, 1].",
      expected: "[n] or [n, 1]",
    });
  }
  if (dims[0] !== first.dims[0]) {
    throw refuse(
      tensor,
      `has ${dims[0]} rows, and ${JSON.stringify(first.name)} ${first.dims[0]}`,
      {
        expected: `[${first.dims[0]}]`,
      },
    );
  }
  checkLength(tensor, dims[0]!);
}

function checkLength(tensor: NamedTensor, expected: number): void {
  const { length } = tensor.data;
  if (length === expected) return;
  throw refuse(tensor, `has ${length} elements, and its shape ${expected}`);
}

function refuse(
  { name, dims }: NamedTensor,
  problem: string,
  more: { hint?: string; expected?: string } = {},
): EkibenError {
  const received = `[${dims.join(", ")}]`;
  const expected = more.expected === undefined ? {} : { expected: more.expected, received };
  return new EkibenError("INPUT_INVALID", {
    detail: `The tensor ${JSON.stringify(name)} ${problem}.`,
    ...(more.hint === undefined ? {} : { hint: more.hint }),
    ...expected,
    issues: [{ column: name, message: `the tensor ${problem}`, ...expected }],
  });
}
