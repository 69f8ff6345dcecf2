import type { RowLayout } from "./trees/slot-rows.js";
import type { SlotRows, Sums } from "./trees/walk.js";

/** All features, in their order. */
export function toLinearLayout(features: number): RowLayout {
  const none = new Int32Array(0);
  return {
    slots: {
      features: Int32Array.from({ length: features }, (_, i) => i),
      signs: new Float32Array(features).fill(1),
      members: { slots: none, sets: none, signs: new Float32Array(0) },
    },
    sets: { starts: none, words: new Uint32Array(0) },
  };
}

/**
 * Adds weighted features to what the sums hold, each step rounded to float32; a missing value adds
 * nothing.
 */
export function addLinear(
  weights: Float32Array,
  { values, count }: SlotRows,
  { values: out, start, width }: Sums,
): void {
  const features = weights.length / width - 1;
  for (let row = 0; row < count; row += 1) {
    for (let output = 0; output < width; output += 1) {
      const o = start + row * width + output;
      let sum = Math.fround(weights[features * width + output]! + out[o]!);
      for (let i = 0, at = row * features; i < features; i += 1, at += 1) {
        const value = values[at]!;
        if (value !== value) continue;
        sum = Math.fround(sum + Math.fround(value * weights[i * width + output]!));
      }
      out[o] = sum;
    }
  }
}
