import { findBatchAxes, type BatchAxis } from "./batch-axis.js";
import type { Engine, EngineKind } from "./engine.js";
import type { CheckedOnnxFile } from "./onnx-check.js";
import { createRunOnce } from "./onnx-run.js";
import { openSession, type OnnxSession } from "./onnx-session.js";
import type { OnnxSessionOptions } from "./onnx-session-options.js";
import type { RawOutput } from "./output-tensor.js";
import type { Feeds } from "./row-runs.js";

/** What a session is opened from. */
export interface OnnxSource {
  /** The name of the model in its service, for messages. */
  model: string;
  file: CheckedOnnxFile;
  session: OnnxSessionOptions | undefined;
  batchAxis: BatchAxis | undefined;
}

/** What an open session takes and gives, and how it was opened. */
export type OnnxFacts = Pick<OnnxSession, "inputs" | "outputs" | "options" | "absent">;

/** One run: tensors with their rows first and no halves, and the names of the outputs to compute. */
export interface OnnxJob {
  feeds: Feeds;
  wanted: readonly string[];
}

/** A session of onnxruntime, which computes on the thread that it was opened on. */
export const onnxEngine: EngineKind<OnnxSource, OnnxFacts, OnnxJob, RawOutput[]> = {
  name: "onnx",
  async open({
    model,
    file,
    session,
    batchAxis,
  }): Promise<Engine<OnnxSource, OnnxFacts, OnnxJob, RawOutput[]>> {
    const opened = await openSession(file, session);
    const { inputs, outputs, options, absent } = opened;
    try {
      const run = createRunOnce(model, opened, findBatchAxes(model, opened, batchAxis));
      return {
        facts: { inputs, outputs, options, absent },
        run: ({ feeds, wanted }) => run(feeds, wanted),
        release: () => opened.session.release(),
      };
    } catch (error) {
      await opened.session.release();
      throw error;
    }
  },
};
