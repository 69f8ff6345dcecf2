import { bindColumns, type ColumnOptions } from "./column-binding.js";
import { printValue, toInputError } from "./input-error.js";
import { findClosestName, printNames } from "../core/closest-name.js";
import { fromRecords, isRecord, toTable, type TabularValue } from "./table.js";
import { isTypedArray, printShape, type Tensor, type TensorSlot } from "../tensor/tensor.js";
import { isShaped, toTensor, type TensorValue } from "./tensor-value.js";

/**
 * What a model with tensors takes: a table, whose columns are bound to inputs by name; an object
 * with one value an input; or, for a model with a single input, that value itself.
 */
export type ModelInput =
  | TabularValue
  | readonly object[]
  | Readonly<Record<string, TensorValue>>
  | TensorValue;

export type Feeds = Readonly<Record<string, Tensor>>;

/**
 * The tensors of one run, checked against what the model declares.
 * @throws MODEL_INPUT_INVALID
 */
export function toFeeds(
  model: string,
  slots: readonly TensorSlot[],
  x: ModelInput,
  options: ColumnOptions & { oneByOne: boolean },
): Feeds {
  const feeds = readInput(model, slots, x, options);
  for (const slot of slots) checkDims(model, slot, feeds[slot.name]!.dims, options.oneByOne);
  checkSymbols(model, slots, feeds, options.oneByOne);
  return feeds;
}

function readInput(
  model: string,
  slots: readonly TensorSlot[],
  x: ModelInput,
  options: ColumnOptions,
): Feeds {
  const table = toTable(x);
  if (table !== undefined) return bindColumns(model, slots, table, options);
  const isList = Array.isArray(x) || isTypedArray(x);
  if (isList && isRecord(x[0])) {
    return bindColumns(model, slots, fromRecords(x as readonly Record<string, unknown>[]), options);
  }
  const [only] = slots;
  const byName = isRecord(x) && (!isShaped(x) || slots.some((slot) => slot.name === "dims"));
  if (byName) return fromObject(model, slots, x);
  if (only !== undefined && slots.length === 1) return { [only.name]: toTensor(model, only, x) };
  throw toInputError(model, {
    detail: `it has ${slots.length} inputs and was given ${printValue(x)}.`,
    hint: `Give a table, or an object with ${printNames(slots.map((slot) => slot.name))}.`,
    received: printValue(x),
  });
}

function fromObject(
  model: string,
  slots: readonly TensorSlot[],
  x: Readonly<Record<string, unknown>>,
): Feeds {
  const missing = slots.filter((slot) => x[slot.name] === undefined).map((slot) => slot.name);
  if (missing.length === 0) {
    return Object.fromEntries(
      slots.map((slot) => [slot.name, toTensor(model, slot, x[slot.name])]),
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
  oneByOne: boolean,
): void {
  const received = `[${dims.join(", ")}]`;
  // Some models abort the whole process on an empty dimension: a recurrent layer without steps,
  // a nearest-neighbour search without rows.
  if (dims.includes(0)) {
    throw toInputError(model, {
      detail: `its input ${JSON.stringify(slot.name)} has the dimensions ${received}, which hold no element.`,
      hint: "Give at least one row, and no empty list.",
      expected: printShape(slot),
      received,
    });
  }
  // An empty declaration stands for a single value as well as for dimensions left open.
  if (slot.shape.length === 0) return;
  const fits =
    dims.length === slot.shape.length &&
    dims.every((size, i) => {
      const declared = slot.shape[i];
      return declared === null || declared === size || (i === 0 && oneByOne);
    });
  if (fits) return;
  throw toInputError(model, {
    detail: `its input ${JSON.stringify(slot.name)} takes the dimensions ${printShape(slot)}, not ${received}.`,
    expected: printShape(slot),
    received,
  });
}

/** Dimensions of one name have one size: onnxruntime would stretch one of them without a word. */
function checkSymbols(
  model: string,
  slots: readonly TensorSlot[],
  feeds: Feeds,
  oneByOne: boolean,
): void {
  const sizes = new Map<string, { size: number; input: string }>();
  for (const slot of slots) {
    feeds[slot.name]!.dims.forEach((size, i) => {
      const symbol = oneByOne && i === 0 ? "rows" : slot.symbols[i];
      if (symbol === undefined || symbol === "") return;
      const first = sizes.get(symbol);
      if (first === undefined) sizes.set(symbol, { size, input: slot.name });
      else if (first.size !== size) {
        throw toInputError(model, {
          detail: `the dimension "${symbol}" is ${first.size} in the input ${JSON.stringify(first.input)} and ${size} in ${JSON.stringify(slot.name)}.`,
          hint: "Give as many rows to every input.",
          expected: first.size,
          received: size,
        });
      }
    });
  }
}
