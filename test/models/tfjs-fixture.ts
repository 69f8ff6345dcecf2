import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "ekiben-tfjs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder of a file of its own, gone after the tests. */
export function makeFolder(): string {
  return mkdtempSync(join(folder, "model-"));
}

/** Two inputs a row, three probabilities; the weights are fixed. */
export async function makeLayersModel(): Promise<tf.Sequential> {
  await tf.setBackend("cpu");
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 4, inputShape: [2], activation: "tanh" }),
      tf.layers.dense({ units: 3, activation: "softmax" }),
    ],
  });
  let next = 0;
  const fixed = model.getWeights().map((weight) => {
    const values = Array.from({ length: weight.size }, () => Math.sin((next += 1)));
    return tf.tensor(values, weight.shape);
  });
  model.setWeights(fixed);
  fixed.forEach((weight) => weight.dispose());
  return model;
}

/** `y = x · [10, 1]` as a graph, its weights in two files. */
export function writeGraphModel(): string {
  const type = { type: "DT_FLOAT" };
  const shape = (...sizes: number[]): object => ({
    dim: sizes.map((size) => ({ size: `${size}` })),
  });
  const to = makeFolder();
  const value = { tensor: { dtype: "DT_FLOAT", tensorShape: shape(2, 1) } };
  const flag = { b: false };
  writeFileSync(
    join(to, "model.json"),
    JSON.stringify({
      format: "graph-model",
      modelTopology: {
        node: [
          { name: "x", op: "Placeholder", attr: { dtype: type, shape: { shape: shape(-1, 2) } } },
          { name: "w", op: "Const", attr: { dtype: type, value } },
          {
            name: "y",
            op: "MatMul",
            input: ["x", "w"],
            attr: { T: type, transpose_a: flag, transpose_b: flag },
          },
        ],
        versions: { producer: 1 },
      },
      weightsManifest: [
        {
          paths: ["group1-shard1of2.bin", "group1-shard2of2.bin"],
          weights: [{ name: "w", shape: [2, 1], dtype: "float32" }],
        },
      ],
    }),
  );
  writeFileSync(join(to, "group1-shard1of2.bin"), Buffer.from(Float32Array.of(10).buffer));
  writeFileSync(join(to, "group1-shard2of2.bin"), Buffer.from(Float32Array.of(1).buffer));
  return to;
}
