import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { measureCpu } from "../cpu-time.js";
import { createDenseLayers } from "../dense-network.js";
import { writeDenseNetwork } from "../onnx-model.js";
import { ROOT } from "../prepare.js";
import { createRandom, gauss } from "../random.js";
import { interleave, median, summarize } from "../rounds.js";
import { writeTfjsNetwork } from "../tfjs-model.js";

const WIDTHS = [64, 256, 256, 10];
const BATCHES = [1, 8, 32, 128];

/** One dense network as a TensorFlow.js folder, read by ekiben, and in ONNX, run by onnxruntime on one thread. */
export const tfjs = {
  id: "tfjs",
  async run({ workplace, rounds }) {
    const random = createRandom(7);
    const layers = createDenseLayers({ widths: WIDTHS, random });
    const folder = join(workplace.directory, "tfjs-network");
    await mkdir(folder);
    await writeTfjsNetwork(folder, { layers, last: "softmax" });
    const ekiben = await import(pathToFileURL(join(ROOT, "dist/sdk/index.js")).href);
    const { default: onnxruntime } = await import("onnxruntime-node");
    // With its folder, as in a bundle: only in a notebook a run changes the backend and back.
    const model = await ekiben.tfjs(folder).load({ name: "network", directory: folder });
    const session = await onnxruntime.InferenceSession.create(
      writeDenseNetwork({ layers, last: "Softmax" }),
      { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 },
    );

    const results = [];
    for (const rows of BATCHES) {
      const inputs = Array.from({ length: 16 }, () => ({
        data: Float32Array.from({ length: rows * WIDTHS[0] }, () => gauss(random)),
        dims: [rows, WIDTHS[0]],
      }));
      const tensors = inputs.map(({ data, dims }) => new onnxruntime.Tensor("float32", data, dims));
      checkSame(await model.predict(inputs[0]), (await session.run({ x: tensors[0] })).y);
      const variants = {
        tfjs: () => measureCpu(inputs, (x) => model.predict(x)),
        onnxruntime: () => measureCpu(tensors, (x) => session.run({ x })),
      };
      for (const run of Object.values(variants)) await run();
      const found = await interleave(variants, Math.max(rounds, 7));
      const micros = (name) => median(found.map((round) => round[name])).toFixed(1);
      const { backend } = model.describe();
      results.push({
        what: `Dense network ${WIDTHS.join("-")}, ${rows === 1 ? "one row" : `${rows} rows`}: TensorFlow.js in ekiben (${backend}), CPU of onnxruntime against it`,
        ...summarize(found, (round) => round.onnxruntime / round.tfjs),
        unit: "×",
        details: [
          `TensorFlow.js in ekiben: CPU ${micros("tfjs")} µs a run`,
          `onnxruntime: CPU ${micros("onnxruntime")} µs a run`,
        ],
      });
    }
    await model.release();
    await session.release();
    return results;
  },
};

/** A comparison of two different things would mean nothing. */
function checkSame(ours, { data }) {
  for (const [i, expected] of data.entries()) {
    if (Math.abs(ours[i] - expected) > 1e-4) {
      throw new Error(`element ${i}: ${ours[i]} and ${expected} differ`);
    }
  }
}
