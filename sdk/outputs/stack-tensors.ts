import { checkShape, fitsShape, printDims } from "../tensor/dims.js";
import { fromFlat, fromNested } from "../tensor/nested.js";
import {
  countElements,
  createElements,
  isElementsOf,
  type Tensor,
  type TensorElements,
  type TensorType,
} from "../tensor/tensor.js";
import { TensorFault, toTensorError } from "../tensor/tensor-fault.js";
import { findShaped } from "./shaped.js";
import type { OutputSlice } from "./output.js";

/** What a tensor output promises of one output. */
export interface DeclaredTensor {
  readonly type: TensorType;
  readonly shape: readonly (number | null)[];
}

/**
 * One output as a tensor. A model answers a batch of one with a first dimension of its own, which
 * may be there or not.
 * @throws OUTPUT_INVALID for another shape, or an element that the type cannot hold.
 */
function toTensor(value: unknown, declared: DeclaredTensor, subject: string): Tensor {
  try {
    return readTensor(value, declared);
  } catch (fault) {
    throw toTensorError("OUTPUT_INVALID", subject, fault);
  }
}

function readTensor(value: unknown, { type, shape }: DeclaredTensor): Tensor {
  const shaped = findShaped(value);
  if (shaped === undefined) return fromNested(value, type, { shape, nonFinite: true });
  const { dims, data } = shaped;
  const isBatchOfOne = dims[0] === 1 && fitsShape(dims.slice(1), shape);
  const own = isBatchOfOne && !fitsShape(dims, shape) ? dims.slice(1) : dims;
  checkShape(own, shape);
  return fillTensor(data, type, own);
}

/** The outputs of a request, stacked along a first dimension. @throws OUTPUT_INVALID as `toTensor` */
export function stackTensors(outputs: OutputSlice, declared: DeclaredTensor): Tensor {
  const { type, shape } = declared;
  const given = outputs.tensor?.();
  if (given !== undefined) {
    try {
      checkShape(given.dims.slice(1), shape);
      return fillTensor(given.data, type, given.dims);
    } catch (fault) {
      throw toTensorError("OUTPUT_INVALID", "An output", fault);
    }
  }
  const values = outputs.values();
  const parts = values.map((value, index) => toTensor(value, declared, `Output ${index}`));
  if (parts.length === 1) return { ...parts[0]!, dims: [1, ...parts[0]!.dims] };
  const dims = parts[0]?.dims ?? shape.map((size) => size ?? 0);
  const size = countElements(dims);
  const data = createElements(type, parts.length * size);
  for (const [index, part] of parts.entries()) {
    if (String(part.dims) !== String(dims)) throw refuseStack(index, part.dims, dims);
    place(data, part.data, index * size);
  }
  return { type, dims: [parts.length, ...dims], data };
}

function refuseStack(index: number, found: readonly number[], first: readonly number[]): unknown {
  return toTensorError(
    "OUTPUT_INVALID",
    `Output ${index}`,
    new TensorFault(
      `the shape is ${printDims(found)}, and that of output 0 is ${printDims(first)}`,
      {
        expected: printDims(first),
        received: printDims(found),
        hint: "The outputs of one request are one tensor, so they need one shape.",
      },
    ),
  );
}

function place(target: TensorElements, part: TensorElements, offset: number): void {
  if (Array.isArray(target)) {
    for (let i = 0; i < part.length; i++) target[offset + i] = part[i] as string;
  } else (target as Float64Array).set(part as Float64Array, offset);
}

function fillTensor(data: ArrayLike<unknown>, type: TensorType, dims: readonly number[]): Tensor {
  // What is of the type already is taken as it is: every element of it fits.
  if (isElementsOf(type, data) && data.length === countElements(dims)) return { type, dims, data };
  return fromFlat(data, type, dims, { nonFinite: true });
}
