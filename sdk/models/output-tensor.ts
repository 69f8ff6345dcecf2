import { EkibenError } from "../core/errors.js";
import {
  createTensorArray,
  type Elements,
  type TensorArray,
  type TensorElement,
} from "../tensor/tensor-array.js";
import type { BigIntArray, NumberArray } from "../tensor/tensor.js";

/** An output of a model. */
export type OutputTensor<T extends TensorElement = number> = TensorArray<T>;

/** How integers of 64 bits come out: as numbers, or as bigints. */
export type Int64Output = "number" | "bigint";

/** What onnxruntime answers for one output. */
export interface RawOutput {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/**
 * Turns what onnxruntime answered into elements that JavaScript counts with.
 * @throws MODEL_RUN_FAILED for an integer that a number cannot hold, and for other element types.
 */
export function toOutputTensor(name: string, raw: RawOutput, int64: Int64Output): OutputTensor {
  return createTensorArray(toElements(name, raw, int64), raw.dims);
}

/** @throws MODEL_RUN_FAILED for an output that has NaN among its numbers. */
export function refuseNaN(model: string, name: string, { data, dims }: RawOutput): void {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return;
  const at = data.findIndex(Number.isNaN);
  if (at === -1) return;
  const row = Math.floor((at * (dims[0] ?? 1)) / data.length);
  throw new EkibenError("MODEL_RUN_FAILED", {
    detail: `The model ${JSON.stringify(model)} answered NaN in row ${row} of the output ${JSON.stringify(name)}.`,
    hint: "Look for missing or infinite numbers in its input.",
    issues: [{ message: "is NaN", row, column: name }],
  });
}

function toElements(name: string, { type, data }: RawOutput, int64: Int64Output): Elements {
  if (type === "string") return [...(data as string[])];
  if (type === "bool") return Array.from(data as Uint8Array, (byte) => byte !== 0);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return int64 === "bigint" ? data : toNumbers(name, data);
  }
  if (ArrayBuffer.isView(data) && !(data instanceof DataView)) return data as NumberArray;
  throw new EkibenError("MODEL_RUN_FAILED", {
    detail: `The output ${JSON.stringify(name)} holds ${type}, which ekiben cannot read.`,
    hint: "Export the model with float32 outputs.",
    received: type,
  });
}

/** The halves of 64 bits as 32-bit numbers: exact, and without a bigint an element. */
function toNumbers(name: string, data: BigIntArray): Float64Array {
  const numbers = new Float64Array(data.length);
  const signed = data instanceof BigInt64Array;
  const halves = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
  for (let i = 0; i < data.length; i += 1) {
    const high = halves[2 * i + 1]!;
    const value = (signed ? high | 0 : high) * 4_294_967_296 + halves[2 * i]!;
    if (!Number.isSafeInteger(value)) {
      throw new EkibenError("MODEL_RUN_FAILED", {
        detail: `Element ${i} of the output ${JSON.stringify(name)} is ${data[i]}, more than a number holds exactly.`,
        hint: 'Set the option int64: "bigint" of onnx() to get bigints.',
        received: String(data[i]),
      });
    }
    numbers[i] = value;
  }
  return numbers;
}
