import { printNames } from "../core/closest-name.js";
import type { Tensor, TensorDescription } from "../tensor/tensor.js";
import type { ModelDescription } from "./model.js";
import { describeSessionOptions, type OnnxSessionOptions } from "./onnx-session-options.js";
import type { OnnxSlot } from "./onnx-session.js";
import type { Feed } from "./tensor-value.js";

/** An output as others are told of it. */
export interface OnnxOutputDescription extends TensorDescription {
  /** What the columns stand for, where the file had a list of maps (ZipMap). */
  classes?: readonly (string | number)[];
}

export interface OnnxDescription extends ModelDescription {
  kind: "onnx";
  inputs: readonly TensorDescription[];
  outputs: readonly OnnxOutputDescription[];
  /**
   * How many rows one run of the model takes; `null`: as many as there are. More are put into
   * several runs and joined.
   */
  rowsPerRun: number | null;
  /** Whether rows answer alike in any company, `null` when nobody knows; and who says so. */
  rowsApart: { value: boolean | null; by: "option" | "trial" };
  /** Inputs and outputs that have their rows in another dimension than the first. */
  batchAxis?: Readonly<Record<string, number>>;
  /** The options of the session, as onnxruntime got them. */
  session: Readonly<Record<string, unknown>>;
}

/** What a description is made of. */
interface Described extends Pick<OnnxDescription, "rowsPerRun" | "rowsApart"> {
  inputs: readonly OnnxSlot[];
  outputs: readonly OnnxSlot[];
  axes: ReadonlyMap<string, number>;
  session: OnnxSessionOptions;
}

export function describeOnnx(facts: Described): OnnxDescription {
  const turned = [...facts.axes].filter(([, axis]) => axis !== 0);
  return {
    kind: "onnx",
    inputs: facts.inputs.map(toDescription),
    outputs: facts.outputs.map(toDescription),
    rowsPerRun: facts.rowsPerRun,
    rowsApart: facts.rowsApart,
    ...(turned.length > 0 && { batchAxis: Object.fromEntries(turned) }),
    session: describeSessionOptions(facts.session),
  };
}

function toDescription({ name, dtype, shape, half, classes }: OnnxSlot): OnnxOutputDescription {
  return { name, dtype: half ? "float16" : dtype, shape, ...(classes && { classes }) };
}

/** The dimensions of what fills each input; of rows of several shapes, those of the first. */
export function dimsOf(feeds: Readonly<Record<string, Feed>>): Record<string, readonly number[]> {
  return Object.fromEntries(
    Object.entries(feeds).map(([input, feed]) => [
      input,
      (Array.isArray(feed) ? (feed as readonly Tensor[])[0]! : (feed as Tensor)).dims,
    ]),
  );
}

/** What the author of a model should know of it when a service starts. */
export function listWarnings(
  name: string,
  { rowsApart, rowsPerRun }: OnnxDescription,
  absent: readonly string[],
): string[] {
  const warnings: string[] = [];
  if (absent.length > 0) {
    warnings.push(
      `The model ${JSON.stringify(name)} runs without ${printNames(absent)}, which onnxruntime does not have on ${process.platform} ${process.arch}.`,
    );
  }
  if (rowsApart.by === "trial" && rowsApart.value === false) {
    const then =
      rowsPerRun === 1
        ? "They are run one by one, each as if it were alone."
        : `A run takes exactly ${rowsPerRun} of them.`;
    warnings.push(
      `Rows of the model ${JSON.stringify(name)} that share a run change each other's answers. ${then} Declare \`batchable: false\` to keep it so, or \`batchable: true\` if the first dimension of its inputs is one thing, such as a sequence, and no list of rows.`,
    );
  }
  return warnings;
}
