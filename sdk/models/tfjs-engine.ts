import { isMainThread } from "node:worker_threads";
import { EkibenError } from "../core/errors.js";
import {
  countElements,
  createElements,
  isTensorType,
  type Tensor,
  type TensorSlot,
} from "../tensor/tensor.js";
import type { Engine, EngineKind } from "./engine.js";
import type { ModelPath } from "./model-file.js";
import { readTfjsArtifacts, readTfjsFile, toInvalid, type TfjsFormat } from "./tfjs-files.js";
import {
  onBackend,
  openTfjs,
  type TfjsBackend,
  type TfjsRuntime,
  type TfModel,
  type TfSlot,
  type TfTensor,
} from "./tfjs-runtime.js";

/** What a model is opened from. */
export interface TfjsSource {
  /** The name of the model in its service, for messages. */
  model: string;
  path: ModelPath;
  /** The folder of the model in a bundle; left out in a notebook. */
  directory?: string;
}

/** What an open model takes and gives, and what it runs on. */
export interface TfjsFacts {
  inputs: readonly TensorSlot[];
  outputs: readonly TensorSlot[];
  format: TfjsFormat;
  backend: TfjsBackend;
}

/** One tensor for each input, in their order; an answer has one for each output. */
export type TfjsTensors = readonly Tensor[];

export type TfjsEngine = Engine<TfjsSource, TfjsFacts, TfjsTensors, TfjsTensors>;

/** A model of TensorFlow.js, read from its folder. */
export const tfjsEngine: EngineKind<TfjsSource, TfjsFacts, TfjsTensors, TfjsTensors> = {
  name: "tfjs",
  async open({ model: name, path, directory }) {
    const file = await readTfjsFile(path);
    const runtime = await openTfjs(directory);
    const artifacts = await readTfjsArtifacts(file);
    const handler = { load: async () => artifacts };
    const { format } = file;
    const { tf } = runtime;
    let model: TfModel;
    try {
      model = await (format === "graph-model"
        ? tf.loadGraphModel(handler)
        : tf.loadLayersModel(handler));
    } catch (error) {
      const reason = (error as Error).message.replace(/\.$/, "");
      throw toInvalid(file.path, `cannot be loaded by TensorFlow.js: ${reason}`, undefined, error);
    }
    // A thread of its own has no notebook whose backend is to be left as it was.
    const inNotebook = directory === undefined && isMainThread;
    return {
      ...createTfjsEngine(name, { model, format, runtime, inNotebook }),
      release: () => void model.dispose(),
    };
  },
};

/** A model that a notebook holds, which is not to be freed. */
export function toLiveEngine(
  name: string,
  model: TfModel,
): EngineKind<TfjsSource, TfjsFacts, TfjsTensors, TfjsTensors> {
  return {
    name: tfjsEngine.name,
    async open() {
      const runtime = await openTfjs();
      const format = "layers" in model ? "layers-model" : "graph-model";
      return createTfjsEngine(name, { model, format, runtime, inNotebook: true });
    },
  };
}

interface TfjsParts {
  model: TfModel;
  format: TfjsFormat;
  runtime: TfjsRuntime;
  inNotebook: boolean;
}

function createTfjsEngine(
  name: string,
  { model, format, runtime, inNotebook }: TfjsParts,
): TfjsEngine {
  if (format === "layers-model" && !model.inputNames?.length) model.build?.();
  const inputs = toSlots(model.inputs, model.inputNames);
  const outputs = toSlots(model.outputs, model.outputNames);

  /** Nothing in here waits, so that runs cannot mix up each other's tensors. */
  const run = (given: TfjsTensors): TfjsTensors => {
    const { tf } = runtime;
    try {
      // Not handed through `tidy`, which looks for tensors in every element of what it returns.
      let answers: TfjsTensors;
      tf.tidy(() => {
        const made = given.map(({ data, dims, type }) => tf.tensor(data, dims, type));
        const x = made.length === 1 ? made[0] : made;
        answers = toOutputs(outputs, model.predict(x as never));
      });
      return answers!;
    } catch (error) {
      throw toRunError(name, error);
    }
  };
  return {
    facts: { inputs, outputs, format, backend: runtime.backend },
    run: (given) => onBackend(runtime, inNotebook, () => run(given)),
    release() {},
  };
}

/** Layers models number their tensors through a process: only the names of the layers stay. */
function toSlots(slots: readonly TfSlot[], names: readonly string[] = []): TensorSlot[] {
  const stable = names.length === slots.length && new Set(names).size === names.length;
  return slots.map((slot, i) => toSlot(slot, stable ? names[i]! : slot.name));
}

function toSlot({ shape, dtype }: TfSlot, name: string): TensorSlot {
  const type = dtype === "float32" || !isTensorType(dtype) ? "float32" : dtype;
  const sizes = (shape ?? []).map((size) => (size === null || size < 0 ? null : size));
  const symbols = sizes.map((size, i) => (size === null && i === 0 ? "N" : ""));
  return { name, dtype: type, shape: sizes, symbols };
}

/** One row of zeros, as long as it must be. */
export function toZeros({ dtype, shape }: TensorSlot): Tensor {
  const dims = shape.map((size) => size ?? 1);
  return { type: dtype, dims, data: createElements(dtype, countElements(dims)) };
}

function toOutputs(outputs: readonly TensorSlot[], answer: unknown): Tensor[] {
  const list = (
    Array.isArray(answer)
      ? answer
      : "dataSync" in (answer as object)
        ? [answer]
        : outputs.map(({ name }) => (answer as Record<string, unknown>)[name])
  ) as TfTensor[];
  return outputs.map((_, i) => toTensor(list[i]!));
}

function toTensor(tensor: TfTensor): Tensor {
  const dims = [...tensor.shape];
  const type = isTensorType(tensor.dtype) ? tensor.dtype : "float32";
  // A copy: an answer that is a part of the input or of the weights would change with them.
  return { type, dims, data: (tensor.dataSync() as Uint8Array).slice() };
}

function toRunError(model: string, error: unknown): unknown {
  if (error instanceof EkibenError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new EkibenError("MODEL_RUN_FAILED", {
    detail: `The model ${JSON.stringify(model)} failed: ${reason.replace(/\.$/, "")}.`,
    ...(/executeAsync/.test(reason) && {
      hint: "Its graph has loops or branches, which cannot be run at once: convert the model without them.",
    }),
    cause: error,
  });
}
