import { EkibenError } from "../core/errors.js";
import { findClosestName, printNames } from "../core/closest-name.js";
import {
  countElements,
  createElements,
  type NumberArray,
  type TensorSlot,
} from "../tensor/tensor.js";
import type { RawOutput } from "./output-tensor.js";

/** The dimension of the rows: one for all inputs and outputs, or by their names. */
export type BatchAxis = number | Readonly<Record<string, number>>;

/**
 * The dimension of the rows for each input and output. Where one number is given, an output has its
 * rows in the dimension that is named as that of the inputs, or else in the one of that number, when
 * it is free.
 * @throws SERVICE_INVALID for names and dimensions that the model does not have.
 */
export function findBatchAxes(
  model: string,
  { inputs, outputs }: { inputs: readonly TensorSlot[]; outputs: readonly TensorSlot[] },
  option: BatchAxis = 0,
): ReadonlyMap<string, number> {
  const slots = [...inputs, ...outputs];
  if (typeof option === "object") {
    const names = slots.map((slot) => slot.name);
    for (const [name, axis] of Object.entries(option)) {
      const slot = slots.find((one) => one.name === name);
      if (slot === undefined) throw unknownSlot(model, name, names);
      checkAxis(model, slot, axis);
    }
    return new Map(slots.map(({ name }) => [name, option[name] ?? 0]));
  }
  for (const slot of inputs) checkAxis(model, slot, option);
  const symbols = new Set(inputs.map((slot) => slot.symbols[option]).filter(Boolean));
  const axes = new Map(inputs.map(({ name }) => [name, option]));
  for (const { name, shape, symbols: own } of outputs) {
    const named = own.findIndex((symbol) => symbols.has(symbol));
    const free = option < shape.length && shape[option] === null;
    axes.set(name, named !== -1 ? named : free ? option : 0);
  }
  return axes;
}

function unknownSlot(model: string, name: string, names: readonly string[]): EkibenError {
  const near = findClosestName(name, names);
  return new EkibenError("SERVICE_INVALID", {
    detail: `The option \`batchAxis\` names ${JSON.stringify(name)}; the inputs and outputs of the model ${JSON.stringify(model)} are ${printNames(names)}.`,
    ...(near !== undefined && { hint: `Did you mean ${JSON.stringify(near)}?` }),
    received: name,
  });
}

function checkAxis(model: string, { name, shape }: TensorSlot, axis: number): void {
  const known = shape.length > 0;
  if (Number.isInteger(axis) && axis >= 0 && (!known || axis < shape.length)) return;
  throw new EkibenError("SERVICE_INVALID", {
    detail: `The option \`batchAxis\` gives ${JSON.stringify(name)} of the model ${JSON.stringify(model)} the rows in dimension ${axis}${known ? `, and it has ${shape.length}, counted from 0` : ""}.`,
    received: axis,
  });
}

/** A declaration with its rows in the first dimension, where callers see them. */
export function withRowsFirst<Slot extends TensorSlot>(slot: Slot, axis: number): Slot {
  if (axis === 0) return slot;
  const turn = <T>(list: readonly T[]): T[] => [list[axis]!, ...list.toSpliced(axis, 1)];
  return { ...slot, shape: turn(slot.shape), symbols: turn(slot.symbols) };
}

/** Elements with their rows in the first dimension to where the model has them. */
export function toModelAxis(tensor: RawOutput, axis: number): RawOutput {
  const { dims } = tensor;
  if (axis === 0 || dims.length <= axis) return tensor;
  const [rows, ...rest] = dims;
  const turned = rest.toSpliced(axis, 0, rows!);
  return {
    ...tensor,
    dims: turned,
    data: swap(tensor.data, [
      rows!,
      countElements(dims.slice(1, axis + 1)),
      countElements(dims.slice(axis + 1)),
    ]),
  };
}

/** Elements as a model answered them to rows in the first dimension. */
export function fromModelAxis(tensor: RawOutput, axis: number): RawOutput {
  const { dims } = tensor;
  if (axis === 0 || dims.length <= axis) return tensor;
  const turned = [dims[axis]!, ...dims.toSpliced(axis, 1)];
  return {
    ...tensor,
    dims: turned,
    data: swap(tensor.data, [
      countElements(dims.slice(0, axis)),
      dims[axis]!,
      countElements(dims.slice(axis + 1)),
    ]),
  };
}

/** Elements `[a, b, n]` as `[b, a, n]`. */
function swap(data: unknown, [a, b, n]: readonly [number, number, number]): unknown {
  const source = data as NumberArray;
  const target = Array.isArray(data)
    ? createElements("string", data.length)
    : new (source.constructor as Float64ArrayConstructor)(source.length);
  for (let i = 0; i < a; i += 1) {
    for (let j = 0; j < b; j += 1) {
      const from = (i * b + j) * n;
      const to = (j * a + i) * n;
      for (let k = 0; k < n; k += 1) target[to + k] = source[from + k] as never;
    }
  }
  return target;
}
