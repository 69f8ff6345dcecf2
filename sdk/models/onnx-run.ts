import { EkibenError } from "../core/errors.js";
import { fromFloat16, toFloat16 } from "../tensor/float16.js";
import { fromModelAxis, toModelAxis } from "./batch-axis.js";
import { isMemoryFault, toPlainReason } from "./onnx-refusal.js";
import type { OnnxSession } from "./onnx-session.js";
import type { RawOutput } from "./output-tensor.js";
import type { Feeds } from "./row-runs.js";

/** Runs a model once, on tensors with their rows first and no halves. */
export type RunOnce = (feeds: Feeds, wanted: readonly string[]) => Promise<RawOutput[]>;

/** What stands between handlers and a session: where the rows are, and numbers of 16 bits. */
export function createRunOnce(
  model: string,
  { runtime, session, inputs, outputs }: OnnxSession,
  axes: ReadonlyMap<string, number>,
): RunOnce {
  const halves = new Set(
    [...inputs, ...outputs].filter((slot) => slot.half).map(({ name }) => name),
  );
  const axisOf = (name: string): number => axes.get(name) ?? 0;

  return async (feeds, wanted) => {
    const tensors: Record<string, InstanceType<typeof runtime.Tensor>> = {};
    for (const name in feeds) {
      const { type, data, dims } = toModelAxis(feeds[name]!, axisOf(name));
      tensors[name] = halves.has(name)
        ? toHalfTensor(runtime, data as Float32Array, dims)
        : new runtime.Tensor(type as never, data as never, dims);
    }
    try {
      const answer = await session.run(tensors, wanted);
      return wanted.map((name) => {
        // A tensor of onnxruntime is no plain data, which engines answer.
        const { type, dims, data } = answer[name]!;
        const output: RawOutput = { type, dims, data };
        return fromModelAxis(output.type === "float16" ? fromHalves(output) : output, axisOf(name));
      });
    } catch (cause) {
      const { message } = cause as Error;
      throw new EkibenError("MODEL_RUN_FAILED", {
        detail: `The model ${JSON.stringify(model)} failed: ${toPlainReason(message)}`,
        ...(isMemoryFault(message) && { hint: "Give it fewer rows at once, or more memory." }),
        cause,
      });
    }
  };
}

/**
 * From Node 24 on there is an array of halves, which a tensor then holds whatever it is given, and of
 * which the native side of onnxruntime 1.30 reads no bytes ("not enough space"). It asks the tensor
 * for its data by name, and reads the bits of halves as integers on every version.
 */
function toHalfTensor(
  runtime: OnnxSession["runtime"],
  numbers: Float32Array,
  dims: readonly number[],
): InstanceType<OnnxSession["runtime"]["Tensor"]> {
  const bits = toHalves(numbers);
  const tensor = new runtime.Tensor("float16", bits, dims);
  return Object.defineProperty(tensor, "data", { value: bits });
}

function toHalves(numbers: Float32Array): Uint16Array {
  const bits = new Uint16Array(numbers.length);
  for (let i = 0; i < bits.length; i += 1) bits[i] = toFloat16(numbers[i]!);
  return bits;
}

/** Newer versions of Node have an array of halves, which onnxruntime then answers with. */
function fromHalves({ dims, data }: RawOutput): RawOutput {
  const own = data as Uint16Array;
  const numbers =
    own instanceof Uint16Array ? Float32Array.from(own, fromFloat16) : Float32Array.from(own);
  return { type: "float32", dims, data: numbers };
}
