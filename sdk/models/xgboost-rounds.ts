import { EkibenError } from "../core/errors.js";
import type { TreeRange } from "./trees/walk.js";
import type { XGBoostParts } from "./xgboost-parts.js";

/** Rounds of boosting: all, up to the best, the first `n`, or from one up to, without, another. */
export type Iterations = "all" | "best" | number | readonly [from: number, to: number];

/** The trees of some rounds. */
export interface RoundRange extends TreeRange {
  readonly rounds: number;
}

/** @throws the given code for rounds that the model does not have. */
export function findRange(
  model: string,
  parts: XGBoostParts,
  iterations: Iterations | undefined,
  code: "SERVICE_INVALID" | "MODEL_INPUT_INVALID" = "MODEL_INPUT_INVALID",
): RoundRange {
  const { learned, bestRounds } = parts;
  if (learned.kind === "linear") {
    if (iterations === undefined || iterations === "all") return { from: 0, to: 0, rounds: 0 };
    throw toRangeError(code, model, iterations, "is linear: its rounds cannot be taken apart");
  }
  const all = learned.rounds.length - 1;
  const toTrees = (from: number, to: number): RoundRange => ({
    from: learned.rounds[from]!,
    to: learned.rounds[to]!,
    rounds: to - from,
  });
  if (iterations === undefined) {
    return toTrees(0, parts.isWrapped ? Math.min(bestRounds ?? all, all) : all);
  }
  if (iterations === "all") return toTrees(0, all);
  if (iterations === "best") {
    if (bestRounds !== undefined) return toTrees(0, Math.min(bestRounds, all));
    throw toRangeError(code, model, iterations, "was trained without early stopping");
  }
  const [from, to] = typeof iterations === "number" ? [0, iterations] : iterations;
  if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= all) {
    return toTrees(from, to);
  }
  throw toRangeError(code, model, iterations, `has ${all} rounds`);
}

function toRangeError(
  code: "SERVICE_INVALID" | "MODEL_INPUT_INVALID",
  model: string,
  iterations: Iterations,
  why: string,
): EkibenError {
  return new EkibenError(code, {
    detail: `The iterations ${JSON.stringify(iterations)} are not to be had: the model ${JSON.stringify(model)} ${why}.`,
    hint: 'Use "all", a number of rounds, or [from, to].',
    received: JSON.stringify(iterations),
  });
}
