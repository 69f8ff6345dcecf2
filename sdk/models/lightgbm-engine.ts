import type { EngineKind } from "./engine.js";
import { readLightgbmFile, type LightgbmParts } from "./lightgbm-check.js";
import { toBlockSize } from "./lightgbm-slots.js";
import { addLeaves, writeLeaves, type TreeRange } from "./lightgbm-walk.js";
import type { ModelPath } from "./model-file.js";

export type LightgbmSource = { path: ModelPath } | { parts: LightgbmParts };

/** What is wanted of how many rows. */
export interface LightgbmTask {
  readonly want: "margins" | "leaves";
  readonly rows: number;
  readonly range: TreeRange;
}

/** A task with the slots of all rows, one row after the other. */
export interface LightgbmJob {
  readonly task: LightgbmTask;
  readonly values: Float64Array;
}

export type LightgbmAnswer = Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** The slots of some rows, for as long as none are asked for again. */
export type RowBlocks = (from: number, to: number) => Float64Array;

/** Adds leaves; what binds columns and transforms margins is in `lightgbm-model.ts`. */
export const lightgbmEngine: EngineKind<
  LightgbmSource,
  LightgbmParts,
  LightgbmJob,
  LightgbmAnswer
> = {
  name: "lightgbm",
  shares: true,
  async open(source) {
    const parts = "parts" in source ? source.parts : await readLightgbmFile(source.path);
    const { slots } = parts.forest;
    const width = slots.features.length;
    return {
      facts: parts,
      source: { parts },
      run: ({ task, values }) =>
        computeRows(parts, toBlockSize(slots), task, (from, to) =>
          values.subarray(from * width, to * width),
        ),
      release() {},
    };
  },
};

/** Computes rows block by block, each block while it is in the nearest cache. */
export function computeRows(
  { forest, text }: LightgbmParts,
  blockSize: number,
  { want, rows, range }: LightgbmTask,
  blocks: RowBlocks,
): LightgbmAnswer {
  // `| 0`: numbers that were parsed or divided are doubles to the compiler, and would make doubles
  // of all places that are counted with them.
  const count = rows | 0;
  const width = (want === "leaves" ? range.to - range.from : text.treesPerIteration) | 0;
  const answer =
    want === "leaves" ? new Int32Array(count * width) : new Float64Array(count * width);
  for (let from = 0; from < count; from += blockSize) {
    const to = Math.min(count, from + blockSize);
    const block = { values: blocks(from, to), count: to - from };
    const start = from * width;
    if (answer instanceof Int32Array) {
      writeLeaves(forest, block, { values: answer, start, width }, range);
    } else {
      addLeaves(forest, block, { values: answer, start, width }, range);
    }
  }
  return answer;
}
