import { EkibenError } from "../core/errors.js";
import type { RawOutput } from "./output-tensor.js";
import { countElements, type NumberArray } from "../tensor/tensor.js";

/**
 * One output from several runs of one row each. Runs that answer `[1, …]` are put one below the
 * other; runs that answer a row without that dimension, `[…]`, get it.
 * @throws MODEL_RUN_FAILED when the runs answer different dimensions.
 */
export function joinOutputs(name: string, parts: readonly RawOutput[]): RawOutput {
  const { type, dims } = parts[0]!;
  const odd = parts.findIndex((part) => String(part.dims) !== String(dims));
  if (odd !== -1) {
    throw new EkibenError("MODEL_RUN_FAILED", {
      detail: `The output ${JSON.stringify(name)} has the dimensions [${dims.join(", ")}] for row 0 and [${parts[odd]!.dims.join(", ")}] for row ${odd}, so the rows cannot be joined.`,
      hint: "Run the rows one at a time.",
    });
  }
  const joined = [parts.length, ...(dims[0] === 1 ? dims.slice(1) : dims)];
  if (type === "string") {
    return { type, dims: joined, data: parts.flatMap((part) => part.data as string[]) };
  }
  const first = parts[0]!.data as NumberArray;
  const data = new (first.constructor as Float64ArrayConstructor)(countElements(joined));
  parts.forEach((part, i) => data.set(part.data as Float64Array, i * first.length));
  return { type, dims: joined, data };
}
