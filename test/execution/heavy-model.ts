import { buildOnnx, writeModel } from "../models/onnx-builder.js";

/**
 * A model of a hundred bytes that takes as long as one wants: it multiplies a square matrix by itself
 * `times` times, which are 2 N³ operations each. Its answer tells inputs apart.
 */
export function writeHeavyModel(times: number): string {
  const nodes = Array.from({ length: times }, (_, i) => ({
    op: "MatMul",
    inputs: [i === 0 ? "x" : `y${i - 1}`, "x"],
    outputs: [i === times - 1 ? "y" : `y${i}`],
  }));
  return writeModel(
    buildOnnx({
      inputs: [{ name: "x", type: "float32", shape: ["N", "N"] }],
      outputs: [{ name: "y", type: "float32", shape: ["N", "N"] }],
      nodes,
    }),
  );
}

/** A matrix whose powers are its own: ones in one column, with a mark in the corner of the others. */
export function toMatrix(size: number, mark: number): { data: Float32Array; dims: number[] } {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i += 1) data[i * size] = i === 0 ? 1 : mark + i;
  return { data, dims: [size, size] };
}
