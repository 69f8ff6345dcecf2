import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { measureCpu } from "../cpu-time.js";
import { ROOT } from "../prepare.js";
import { createRandom, gauss } from "../random.js";
import { interleave, median, summarize } from "../rounds.js";
import { createTrees, createUnevenTrees, toLightGBM, toOnnx, toXGBoost } from "../tree-model.js";

const TREES = 100;
const FEATURES = 30;
/** Rows a run, and the bar for each. */
const BATCHES = [{ rows: 1, atLeast: 3 }, { rows: 8 }, { rows: 64 }, { rows: 512, atLeast: 0.5 }];

/** Each library's file with trees of the shape that it grows unless it is told otherwise. */
const LIBRARIES = [
  {
    kind: "xgboost",
    name: "XGBoost",
    shape: "100 trees of depth 6",
    file: "trees.json",
    create: (random) => createTrees({ trees: TREES, depth: 6, features: FEATURES, random }),
    write: toXGBoost,
    split: "BRANCH_LT",
  },
  {
    kind: "lightgbm",
    name: "LightGBM",
    shape: "100 trees of 31 leaves",
    file: "trees.txt",
    create: (random) => createUnevenTrees({ trees: TREES, leaves: 31, features: FEATURES, random }),
    write: toLightGBM,
    split: "BRANCH_LEQ",
  },
];

/** An ensemble in its library's file, read by ekiben, and in ONNX, run by onnxruntime on one thread. */
export const trees = {
  id: "trees",
  async run({ workplace, rounds }) {
    const results = [];
    for (const library of LIBRARIES) {
      results.push(...(await compare(library, workplace, Math.max(rounds, 7))));
    }
    return results;
  },
};

async function compare({ kind, name, shape, file, create, write, split }, workplace, rounds) {
  const random = createRandom(6);
  const ensemble = create(random);
  const path = join(workplace.directory, file);
  await writeFile(path, write(ensemble, FEATURES));
  const ekiben = await import(pathToFileURL(join(ROOT, "dist/sdk/index.js")).href);
  const { default: onnxruntime } = await import("onnxruntime-node");
  const model = await ekiben[kind](path).load({ name: "trees" });
  const session = await onnxruntime.InferenceSession.create(toOnnx(ensemble, FEATURES, split), {
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
    await checkSame(await model.predict(inputs[0]), await session.run({ x: tensors[0] }));
    const variants = {
      ekiben: () => measureCpu(inputs, (x) => model.predict(x)),
      onnxruntime: () => measureCpu(tensors, (x) => session.run({ x }, ["probabilities"])),
    };
    for (const run of Object.values(variants)) await run();
    const found = await interleave(variants, rounds);
    const micros = (variant) => median(found.map((round) => round[variant])).toFixed(1);
    results.push({
      what: `${shape}, ${rows === 1 ? "one row" : `${rows} rows`}: ${name}'s file in ekiben, CPU of onnxruntime against it`,
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
}

/** A comparison of two different things would mean nothing. */
async function checkSame(ours, { probabilities }) {
  for (let row = 0; row < ours.length; row++) {
    if (Math.abs(ours[row] - probabilities.data[2 * row + 1]) > 1e-5) {
      throw new Error(`row ${row}: ${ours[row]} and ${probabilities.data[2 * row + 1]} differ`);
    }
  }
}
