import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "../prepare.js";
import { createRandom } from "../random.js";
import { interleave, median, summarize } from "../rounds.js";
import { createTrees, toOnnx, toXGBoost } from "../tree-model.js";

const TREES = 100;
const DEPTH = 6;
const FEATURES = 30;
/** Rows a run, and the bar for each. */
const BATCHES = [{ rows: 1, atLeast: 3 }, { rows: 8 }, { rows: 64 }, { rows: 512, atLeast: 0.5 }];
const SLICE_MS = 100;

/** One ensemble in XGBoost's file, read by ekiben, and in ONNX, run by onnxruntime on one thread. */
export const trees = {
  id: "trees",
  async run({ workplace, rounds }) {
    const random = createRandom(6);
    const ensemble = createTrees({ trees: TREES, depth: DEPTH, features: FEATURES, random });
    const file = join(workplace.directory, "trees.json");
    await writeFile(file, toXGBoost(ensemble, FEATURES));
    const { xgboost } = await import(pathToFileURL(join(ROOT, "dist/sdk/index.js")).href);
    const { default: onnxruntime } = await import("onnxruntime-node");
    const model = await xgboost(file).load({ name: "trees" });
    const session = await onnxruntime.InferenceSession.create(toOnnx(ensemble, FEATURES), {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
    });

    const results = [];
    for (const { rows, atLeast } of BATCHES) {
      // Other rows in each run: a run of the same ones would teach the processor their paths.
      const inputs = Array.from({ length: Math.max(4, Math.ceil(2048 / rows)) }, () => ({
        data: Float32Array.from({ length: rows * FEATURES }, () => gauss(random)),
        dims: [rows, FEATURES],
      }));
      const tensors = inputs.map(({ data, dims }) => new onnxruntime.Tensor("float32", data, dims));
      await checkSame(model.predict(inputs[0]), await session.run({ x: tensors[0] }));
      const variants = {
        ekiben: () => time(inputs, (x) => model.predict(x)),
        onnxruntime: () => time(tensors, (x) => session.run({ x }, ["probabilities"])),
      };
      for (const run of Object.values(variants)) await run();
      const found = await interleave(variants, Math.max(rounds, 7));
      const micros = (name) => median(found.map((round) => round[name])).toFixed(1);
      results.push({
        what: `${TREES} trees of depth ${DEPTH}, ${rows === 1 ? "one row" : `${rows} rows`}: XGBoost's file in ekiben, CPU of onnxruntime against it`,
        ...summarize(found, (round) => round.onnxruntime / round.ekiben),
        ...(atLeast !== undefined && { atLeast }),
        unit: "×",
        details: [
          `ekiben: CPU ${micros("ekiben")} µs a run`,
          `onnxruntime: CPU ${micros("onnxruntime")} µs a run`,
        ],
      });
    }
    model.release();
    await session.release();
    return results;
  },
};

/** @param {() => number} random */
function gauss(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Microseconds of CPU a run, over a slice of time: what else the machine does hardly shows in it. */
async function time(inputs, run) {
  const end = performance.now() + SLICE_MS;
  const before = process.cpuUsage();
  let runs = 0;
  do {
    for (const input of inputs.slice(0, 64)) {
      const answer = run(input);
      if (answer instanceof Promise) await answer;
      runs++;
    }
  } while (performance.now() < end);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / runs;
}

/** A comparison of two different things would mean nothing. */
async function checkSame(ours, { probabilities }) {
  for (let row = 0; row < ours.length; row++) {
    if (Math.abs(ours[row] - probabilities.data[2 * row + 1]) > 1e-5) {
      throw new Error(`row ${row}: ${ours[row]} and ${probabilities.data[2 * row + 1]} differ`);
    }
  }
}
