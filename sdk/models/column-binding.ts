import { EkibenError } from "../core/errors.js";
import { fillCells } from "./cells.js";
import { toCellError, toInputError } from "./input-error.js";
import { findClosestName, printNames } from "../core/closest-name.js";
import type { NumberTable } from "../frame/number-table.js";
import type { Table } from "./table.js";
import { createElements, isTypedArray, printShape, type TensorSlot } from "../tensor/tensor.js";
import type { PadOptions } from "./padding.js";
import { toFeed, type Feed } from "./tensor-value.js";

/** Which columns of a table fill which inputs of a model. */
export interface ColumnOptions {
  /**
   * The columns of a model with one input of the shape `[N, k]`, in the order of training.
   * @default the columns of the table in their order, when there are exactly k of them
   */
  features?: readonly string[];
  /**
   * The columns of inputs by the input's name, for models with several.
   * @default the column with the name of the input
   */
  inputs?: Readonly<Record<string, readonly string[]>>;
}

/** How many columns an input takes; `undefined` when it leaves that free. */
function widthOf(slot: TensorSlot): number | undefined {
  return slot.shape.length < 2 ? 1 : (slot.shape[1] ?? undefined);
}

/**
 * Checks options against the inputs that a model really has.
 * @throws SERVICE_INVALID
 */
export function checkColumnOptions(
  model: string,
  slots: readonly TensorSlot[],
  { features, inputs = {} }: ColumnOptions,
): void {
  const names = slots.map((slot) => slot.name);
  if (features !== undefined && slots.length !== 1) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `The model ${JSON.stringify(model)} has ${slots.length} inputs, so \`features\` does not say which one they fill.`,
      hint: `Use \`inputs\` with the names ${printNames(names)}.`,
    });
  }
  for (const name of Object.keys(inputs)) {
    if (names.includes(name)) continue;
    const similar = findClosestName(name, names);
    throw new EkibenError("SERVICE_INVALID", {
      detail: `The model ${JSON.stringify(model)} has no input ${JSON.stringify(name)}; its inputs are ${printNames(names)}.`,
      ...(similar !== undefined && { hint: `Did you mean ${JSON.stringify(similar)}?` }),
      received: name,
    });
  }
  for (const slot of slots) {
    const columns = inputs[slot.name] ?? features;
    const width = widthOf(slot);
    if (columns === undefined || width === undefined || columns.length === width) continue;
    throw new EkibenError("SERVICE_INVALID", {
      detail: `The input ${JSON.stringify(slot.name)} of the model ${JSON.stringify(model)} takes ${width} columns, and ${columns.length} are named.`,
      hint: "Name one column for every feature that the model was trained with, in their order.",
      expected: width,
      received: columns.length,
    });
  }
}

/**
 * The inputs of a model from the columns of a table, by name; columns that no input asks for are
 * left out.
 * @throws MODEL_INPUT_INVALID
 */
export function bindColumns(
  model: string,
  slots: readonly TensorSlot[],
  table: Table,
  options: ColumnOptions & { pad?: PadOptions | undefined },
): Record<string, Feed> {
  const feeds: Record<string, Feed> = {};
  const wanted = slots.map(
    (slot) =>
      options.inputs?.[slot.name] ??
      options.features ??
      (slots.length === 1 ? findColumns(model, slot, table) : [slot.name]),
  );
  slots.forEach((slot, i) => {
    const whole = fillFromRows(slot, wanted[i]!, table);
    if (whole !== undefined) {
      feeds[slot.name] = whole;
      return;
    }
    const lists = wanted[i]!.map((name, position) => table.cells(name, position));
    if (lists.includes(undefined)) throw toMissingError(model, wanted.flat(), table.names);
    // A column of lists holds whole tensors, one a row: an image, or tokens.
    const [list] = lists as ArrayLike<unknown>[];
    feeds[slot.name] =
      lists.length === 1 && isRowOfLists(list![0])
        ? toFeed(model, slot, Array.from(list!), options.pad !== undefined)
        : fillTensor(model, slot, wanted[i]!, lists as ArrayLike<unknown>[]);
  });
  return feeds;
}

/** The columns of an only input, when its author did not name them. */
function findColumns(model: string, slot: TensorSlot, table: Table): readonly string[] {
  const width = widthOf(slot);
  if (width === table.names.length) return table.names;
  if (width === 1 || table.names.includes(slot.name)) return [slot.name];
  if (width === undefined) return table.names;
  throw toInputError(model, {
    detail: `its input ${JSON.stringify(slot.name)} takes ${width} columns, and the table has ${table.names.length}: ${printNames(table.names, 40)}.`,
    hint: 'Name the columns in the order of training: onnx(file, { features: ["…"] }).',
    expected: width,
    received: table.names.length,
  });
}

function toMissingError(
  model: string,
  wanted: readonly string[],
  given: readonly string[],
): EkibenError {
  const missing = wanted.filter((name) => !given.includes(name));
  const near = missing
    .map((name) => findClosestName(name, given))
    .find((name) => name !== undefined);
  return toInputError(model, {
    detail: `the table lacks the columns ${printNames(missing)}; it has ${printNames(given, 40)}.`,
    hint:
      near === undefined
        ? "Add what is missing to the schema of the input, or say which column fills which input with the options `features` or `inputs`."
        : `Did you mean ${JSON.stringify(near)}?`,
    issues: missing.slice(0, 20).map((column) => ({ message: "is missing", column })),
    issueCount: missing.length,
  });
}

/** A tensor of floats from numbers that are row after row already; `undefined` for all else. */
function fillFromRows(
  { dtype, shape }: TensorSlot,
  columns: readonly string[],
  { numbers, names, rows }: Table,
): Feed | undefined {
  if (numbers === undefined || (dtype !== "float32" && dtype !== "float64")) return undefined;
  const rank = shape.length === 0 ? 2 : shape.length;
  if (rank > 2 || (rank === 1 && columns.length > 1)) return undefined;
  const positions = columns === names ? numbers.positions : findPositions(columns, names, numbers);
  if (positions === undefined) return undefined;
  const data = createElements(dtype, rows * columns.length) as Float32Array | Float64Array;
  numbers.fill(data, positions);
  return { type: dtype, dims: rank === 1 ? [rows] : [rows, columns.length], data };
}

function findPositions(
  columns: readonly string[],
  names: readonly string[],
  numbers: NumberTable,
): Int32Array | undefined {
  const positions = new Int32Array(columns.length);
  for (const [at, name] of columns.entries()) {
    const column = names[at] === name ? at : names.indexOf(name);
    if (column === -1) return undefined;
    positions[at] = numbers.positions[column]!;
  }
  return positions;
}

function isRowOfLists(cell: unknown): boolean {
  return Array.isArray(cell) || isTypedArray(cell);
}

function fillTensor(
  model: string,
  slot: TensorSlot,
  columns: readonly string[],
  lists: readonly ArrayLike<unknown>[],
): Feed {
  const rows = lists[0]?.length ?? 0;
  const rank = slot.shape.length === 0 ? 2 : slot.shape.length;
  if (rank > 2 || (rank === 1 && columns.length > 1)) {
    throw toInputError(model, {
      detail: `its input ${JSON.stringify(slot.name)} has the shape ${printShape(slot)}, which ${columns.length} columns of single values cannot fill.`,
      hint: `Give the tensor itself: run({ ${JSON.stringify(slot.name)}: … }).`,
      expected: printShape(slot),
    });
  }
  const width = columns.length;
  const data = createElements(slot.dtype, rows * width);
  lists.forEach((cells, offset) => {
    const refuse = (row: number, value: unknown, expected: string): never => {
      throw toCellError(model, { row, column: columns[offset]!, value, expected });
    };
    fillCells(slot.dtype, data, cells, { offset, stride: width, refuse });
  });
  return { type: slot.dtype, dims: rank === 1 ? [rows] : [rows, width], data };
}
