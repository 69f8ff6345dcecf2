import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Writes a dense network as the folder of a layers model of TensorFlow.js, ReLU between its layers:
 * `model.json` as `model.save()` writes it, and its weights.
 * @param {string} folder
 * @param {{ layers: import("./dense-network.js").DenseLayer[], last: "sigmoid" | "softmax" }} network
 */
export async function writeTfjsNetwork(folder, { layers, last }) {
  const config = layers.map(({ rows, columns }, i) => ({
    class_name: "Dense",
    config: {
      name: `dense${i}`,
      trainable: true,
      units: columns,
      activation: i === layers.length - 1 ? last : "relu",
      use_bias: true,
      ...(i === 0 && { batch_input_shape: [null, rows], dtype: "float32" }),
    },
  }));
  const weights = layers.flatMap(({ rows, columns }, i) => [
    { name: `dense${i}/kernel`, shape: [rows, columns], dtype: "float32" },
    { name: `dense${i}/bias`, shape: [columns], dtype: "float32" },
  ]);
  const model = {
    format: "layers-model",
    modelTopology: { class_name: "Sequential", config: { name: "dense", layers: config } },
    weightsManifest: [{ paths: ["weights.bin"], weights }],
  };
  const values = layers.flatMap(({ weights, bias }) => [weights, bias]);
  const bytes = values.map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  );
  await writeFile(join(folder, "weights.bin"), Buffer.concat(bytes));
  await writeFile(join(folder, "model.json"), JSON.stringify(model));
}
