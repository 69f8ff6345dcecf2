import type { EngineKind } from "./engine.js";
import type { ModelPath } from "./model-file.js";
import { toBlockSize, type RowLayout } from "./trees/slot-rows.js";
import { addLeaves, findLeaves, type TreeRange } from "./trees/walk.js";
import { readXGBoostFile } from "./xgboost-file.js";
import { addLinear, toLinearLayout } from "./xgboost-linear.js";
import type { XGBoostParts } from "./xgboost-parts.js";

/** What a file holds. The trees are in shared memory: all threads walk the same. */
export type XGBoostFacts = XGBoostParts & { bytes: number };
export type XGBoostSource = { path: ModelPath } | { parts: XGBoostFacts };

/** What is wanted of how many rows. */
export interface XGBoostTask {
  readonly want: "margins" | "leaves";
  readonly rows: number;
  readonly range: TreeRange;
}

/** A task with the slots of all rows, one row after the other. */
export interface XGBoostJob {
  readonly task: XGBoostTask;
  readonly values: Float32Array;
}

export type XGBoostAnswer = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** The slots of some rows, for as long as none are asked for again. */
export type RowBlocks = (from: number, to: number) => Float32Array;

/** Adds weights and leaves; what binds columns and transforms margins is in `xgboost-model.ts`. */
export const xgboostEngine: EngineKind<XGBoostSource, XGBoostFacts, XGBoostJob, XGBoostAnswer> = {
  name: "xgboost",
  shares: true,
  async open(source) {
    const parts = "parts" in source ? source.parts : await readXGBoostFile(source.path);
    const layout = toLayout(parts);
    const width = layout.slots.features.length;
    return {
      facts: parts,
      source: { parts },
      run: ({ task, values }) =>
        computeRows(parts, toBlockSize(layout.slots), task, (from, to) =>
          values.subarray(from * width, to * width),
        ),
      release() {},
    };
  },
};

/** What a row must have to be computed with. */
export function toLayout({ learned, features }: XGBoostParts): RowLayout {
  return learned.kind === "trees" ? learned.forest : toLinearLayout(features.length);
}

/** Computes rows block by block, each block while it is in the nearest cache. */
export function computeRows(
  parts: XGBoostParts,
  blockSize: number,
  { want, rows, range }: XGBoostTask,
  blocks: RowBlocks,
): XGBoostAnswer {
  const { learned, outputs, baseMargins } = parts;
  if (want === "leaves") {
    const width = range.to - range.from;
    const leaves = new Int32Array(rows * width);
    for (let from = 0; from < rows && learned.kind === "trees"; from += blockSize) {
      const to = Math.min(rows, from + blockSize);
      const block = { values: blocks(from, to), count: to - from };
      findLeaves(learned.forest, block, { values: leaves, start: from * width }, range);
    }
    return leaves;
  }
  const margins = new Float32Array(rows * outputs);
  for (let i = 0; i < margins.length; i += 1) margins[i] = baseMargins[i % outputs]!;
  for (let from = 0; from < rows; from += blockSize) {
    const to = Math.min(rows, from + blockSize);
    const block = { values: blocks(from, to), count: to - from };
    const sums = { values: margins, start: from * outputs, width: outputs };
    if (learned.kind === "trees") addLeaves(learned.forest, block, sums, range);
    else addLinear(learned.weights, block, sums);
  }
  return margins;
}
