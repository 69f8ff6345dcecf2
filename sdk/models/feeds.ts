import { bindColumns, type ColumnOptions } from "./column-binding.js";
import { printValue, toInputError } from "./input-error.js";
import { findClosestName, printNames } from "../core/closest-name.js";
import { fromRecords, isRecord, toTable, type TabularValue } from "./table.js";
import { padFeeds, type PadOptions } from "./padding.js";
import { isTypedArray, printShape, type TensorSlot } from "../tensor/tensor.js";
import { isShaped, toFeed, type Feed, type TensorValue } from "./tensor-value.js";

/**
 * What a model with tensors takes: a table, whose columns are bound to inputs by name; an object
 * with one value an input; or, for a model with a single input, that value itself.
 */
export type ModelInput =
  | TabularValue
  | readonly object[]
  | Readonly<Record<string, TensorValue>>
  | TensorValue;

export interface FeedOptions extends ColumnOptions {
  pad?: PadOptions | undefined;
  /** Whether the first dimension may have another size than the declared one. */
  anyRows: boolean;
}

/**
 * What fills each input of a model, checked against what it declares.
 * @throws MODEL_INPUT_INVALID
 */
export function toFeeds(
  model: string,
  slots: readonly TensorSlot[],
  x: ModelInput,
  options: FeedOptions,
): Readonly<Record<string, Feed>> {
  const { pad, anyRows } = options;
  const given = readInput(model, slots, x, options);
  const feeds = pad === undefined ? given : padFeeds(slots, given, pad);
  for (const slot of slots) {
    const feed = feeds[slot.name]!;
    if (!isList(feed)) checkDims(model, slot, feed.dims, anyRows);
    else for (const row of feed) checkDims(model, slot, row.dims, true);
  }
  checkSymbols(model, slots, feeds, anyRows);
  return feeds;
}

function isList(feed: Feed): feed is Extract<Feed, readonly unknown[]> {
  return Array.isArray(feed);
}

function readInput(
  model: string,
  slots: readonly TensorSlot[],
  x: ModelInput,
  options: FeedOptions,
): Record<string, Feed> {
  const table = toTable(x);
  if (table !== undefined) {
    return bindColumns(model, toFilled(slots, options, table.names), table, options);
  }
  const isList = Array.isArray(x) || isTypedArray(x);
  // Tensors of their own, one a row, unless these are names of inputs.
  const named = slots.some(({ name }) => name === "dims" || name === "data");
  if (isList && isRecord(x[0]) && (named || !isShaped(x[0]))) {
    const records = fromRecords(x as readonly Record<string, unknown>[]);
    return bindColumns(model, toFilled(slots, options, records.names), records, options);
  }
  const byName = isRecord(x) && (!isShaped(x) || slots.some((slot) => slot.name === "dims"));
  if (byName) return fromObject(model, toFilled(slots, options, Object.keys(x)), x, options);
  const [only, ...others] = toFilled(slots, options, []);
  if (only !== undefined && others.length === 0) {
    return { [only.name]: toFeed(model, only, x, options.pad !== undefined) };
  }
  throw toInputError(model, {
    detail: `it has ${slots.length} inputs and was given ${printValue(x)}.`,
    hint: `Give a table, or an object with ${printNames(slots.map((slot) => slot.name))}.`,
    received: printValue(x),
  });
}

/** The inputs that a caller fills: the mask is made when it is not among what is given. */
function toFilled(
  slots: readonly TensorSlot[],
  { pad }: FeedOptions,
  given: readonly string[],
): readonly TensorSlot[] {
  const mask = pad?.mask;
  return mask === undefined || given.includes(mask)
    ? slots
    : slots.filter((slot) => slot.name !== mask);
}

function fromObject(
  model: string,
  slots: readonly TensorSlot[],
  x: Readonly<Record<string, unknown>>,
  { pad }: FeedOptions,
): Record<string, Feed> {
  const missing = slots.filter((slot) => x[slot.name] === undefined).map((slot) => slot.name);
  if (missing.length === 0) {
    return Object.fromEntries(
      slots.map((slot) => [slot.name, toFeed(model, slot, x[slot.name], pad !== undefined)]),
    );
  }
  const given = Object.keys(x);
  const near = missing
    .map((name) => findClosestName(name, given))
    .find((name) => name !== undefined);
  throw toInputError(model, {
    detail: `the object lacks the inputs ${printNames(missing)}; it has ${printNames(given, 40)}.`,
    hint:
      near === undefined
        ? "Give one value an input; columns of a table go in as a DataFrame or as a list of records."
        : `Did you mean ${JSON.stringify(near)}?`,
    expected: missing.join(", "),
    received: given.slice(0, 40).join(", "),
  });
}

function checkDims(
  model: string,
  slot: TensorSlot,
  dims: readonly number[],
  anyRows: boolean,
): void {
  // Some models abort the whole process on an empty dimension: a recurrent layer without steps,
  // a nearest-neighbour search without rows.
  if (dims.includes(0)) {
    throw toInputError(model, {
      detail: `its input ${JSON.stringify(slot.name)} has the dimensions ${printDims(dims)}, which hold no element.`,
      hint: "Give at least one row, and no empty list.",
      expected: printShape(slot),
      received: printDims(dims),
    });
  }
  // An empty declaration stands for a single value as well as for dimensions left open.
  if (slot.shape.length === 0) return;
  const fits =
    dims.length === slot.shape.length &&
    dims.every((size, i) => {
      const declared = slot.shape[i];
      return declared === null || declared === size || (i === 0 && anyRows);
    });
  if (fits) return;
  throw toInputError(model, {
    detail: `its input ${JSON.stringify(slot.name)} takes the dimensions ${printShape(slot)}, not ${printDims(dims)}.`,
    expected: printShape(slot),
    received: printDims(dims),
  });
}

function printDims(dims: readonly number[]): string {
  return `[${dims.join(", ")}]`;
}

/** Dimensions of one name have one size: onnxruntime would stretch one of them without a word. */
function checkSymbols(
  model: string,
  slots: readonly TensorSlot[],
  feeds: Readonly<Record<string, Feed>>,
  anyRows: boolean,
): void {
  const sizes = new Map<string, { size: number | readonly number[]; input: string }>();
  const check = (symbol: string, size: number | readonly number[], input: string): void => {
    const first = sizes.get(symbol);
    if (first === undefined) {
      sizes.set(symbol, { size, input });
      return;
    }
    const odd = findOdd(first.size, size);
    if (odd === undefined) return;
    const where = odd.row === undefined ? "" : ` of row ${odd.row}`;
    throw toInputError(model, {
      detail: `the dimension "${symbol}"${where} is ${odd.first} in the input ${JSON.stringify(first.input)} and ${odd.second} in ${JSON.stringify(input)}.`,
      hint:
        odd.row === undefined
          ? "Give as many rows to every input."
          : "Give every input of a row as many elements.",
      expected: odd.first,
      received: odd.second,
    });
  };
  for (const slot of slots) {
    const feed = feeds[slot.name]!;
    const ragged = isList(feed);
    const count = ragged ? feed.length : feed.dims[0];
    const rows = anyRows && slot.shape[0] !== null ? "rows" : slot.symbols[0];
    if (rows && count !== undefined) check(rows, count, slot.name);
    slot.symbols.forEach((symbol, i) => {
      if (i === 0 || symbol === "") return;
      if (ragged)
        check(
          symbol,
          feed.map((row) => row.dims[i]!),
          slot.name,
        );
      else if (feed.dims[i] !== undefined) check(symbol, feed.dims[i], slot.name);
    });
  }
}

/** Where two sizes differ; a list has one size a row, a number is the size of all. */
function findOdd(
  a: number | readonly number[],
  b: number | readonly number[],
): { row: number | undefined; first: number; second: number } | undefined {
  if (typeof a === "number" && typeof b === "number") {
    return a === b ? undefined : { row: undefined, first: a, second: b };
  }
  const count = typeof a === "number" ? (b as readonly number[]).length : a.length;
  for (let row = 0; row < count; row += 1) {
    const first = typeof a === "number" ? a : a[row]!;
    const second = typeof b === "number" ? b : (b[row] ?? first);
    if (first !== second) return { row, first, second };
  }
  return undefined;
}
