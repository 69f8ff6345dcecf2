import { EkibenError } from "../core/errors.js";
import type { RawOutput } from "./output-tensor.js";
import { place } from "./row-tensors.js";
import {
  countElements,
  createElements,
  type NumberArray,
  type TensorElements,
} from "../tensor/tensor.js";

/** What one run answered, and for which rows. */
export interface OutputPart {
  readonly rows: readonly number[];
  /** Rows that the run was given: more than those where it was filled. */
  readonly ran: number;
  readonly output: RawOutput;
}

/**
 * One output from several runs, its rows in their order. A run of one row may answer `[1, …]`, or
 * the row without that dimension, `[…]`. Answers for rows that a run was only filled with are dropped.
 * @throws MODEL_RUN_FAILED when the runs answer rows of different dimensions, or no rows.
 */
export function joinOutputs(name: string, parts: readonly OutputPart[], count: number): RawOutput {
  const shapes = parts.map((part) => rowDims(name, part));
  const [dims] = shapes;
  const odd = shapes.findIndex((other) => String(other) !== String(dims));
  if (odd !== -1) {
    throw new EkibenError("MODEL_RUN_FAILED", {
      detail: `The output ${JSON.stringify(name)} has the dimensions [${dims!.join(", ")}] for row ${parts[0]!.rows[0]} and [${shapes[odd]!.join(", ")}] for row ${parts[odd]!.rows[0]}, so the rows cannot be joined.`,
      hint: "Run the rows one at a time, or fill the short ones with the option `pad` of onnx().",
    });
  }
  const { type, data: first } = parts[0]!.output;
  const size = countElements(dims!);
  const data = Array.isArray(first)
    ? createElements("string", count * size)
    : new ((first as NumberArray).constructor as Float64ArrayConstructor)(count * size);
  for (const { rows, output } of parts) {
    const source = output.data as TensorElements;
    rows.forEach((row, i) => {
      const one = Array.isArray(source)
        ? source.slice(i * size, (i + 1) * size)
        : source.subarray(i * size, (i + 1) * size);
      place(data as TensorElements, one as TensorElements, row * size);
    });
  }
  return { type, dims: [count, ...dims!], data };
}

/** The dimensions of one row of an answer. */
function rowDims(name: string, { ran, output: { dims } }: OutputPart): readonly number[] {
  if (dims[0] === ran) return dims.slice(1);
  if (ran === 1) return dims;
  throw new EkibenError("MODEL_RUN_FAILED", {
    detail: `The output ${JSON.stringify(name)} has the dimensions [${dims.join(", ")}] for ${ran} rows, so nothing tells which belongs to which row.`,
    hint: "Say onnx(file, { batchable: false }) to run the rows one at a time.",
  });
}
