import { XGBoostFault } from "./xgboost-fields.js";

/** How a base score in the space of answers becomes a margin. */
type Link = "identity" | "logit" | "log";
/** What makes an answer of margins. */
export type Transform = "identity" | "sigmoid" | "exp" | "hinge" | "softprob" | "softmax" | "sort";

export interface Objective {
  readonly name: string;
  readonly link: Link;
  readonly transform: Transform;
}

const identity = { link: "identity", transform: "identity" } as const;
const log = { link: "log", transform: "exp" } as const;
const logit = { link: "logit", transform: "sigmoid" } as const;

/** ProbToMargin and PredTransform of https://github.com/dmlc/xgboost, src/objective. */
const OBJECTIVES: Readonly<Record<string, Omit<Objective, "name">>> = {
  "reg:squarederror": identity,
  "reg:linear": identity,
  "reg:squaredlogerror": identity,
  "reg:pseudohubererror": identity,
  "reg:absoluteerror": identity,
  "reg:quantileerror": identity,
  "reg:expectileerror": identity,
  "reg:normal": identity,
  "reg:logistic": logit,
  "reg:gamma": log,
  "reg:tweedie": log,
  "binary:logistic": logit,
  "binary:logitraw": identity,
  "binary:hinge": { link: "identity", transform: "hinge" },
  "count:poisson": log,
  "survival:cox": log,
  "survival:aft": log,
  "multi:softprob": { link: "identity", transform: "softprob" },
  "multi:softmax": { link: "identity", transform: "softmax" },
  "rank:pairwise": identity,
  "rank:ndcg": identity,
  "rank:map": identity,
};

/** @throws XGBoostFault for an objective that is not known, or not as the file has it. */
export function findObjective(
  name: string,
  outputs: number,
  version: readonly number[],
): Objective {
  const found = Object.hasOwn(OBJECTIVES, name) ? OBJECTIVES[name]! : undefined;
  if (found === undefined) {
    throw new XGBoostFault(
      `the objective ${JSON.stringify(name)} is unknown, so its margins cannot be turned into answers`,
      'If its answers are the margins, say so in Python before saving: booster.set_param({"objective": "reg:squarederror"}); booster.save_model("model.json").',
    );
  }
  if (name === "reg:expectileerror" && outputs > 1) {
    throw new XGBoostFault(
      `the objective ${JSON.stringify(name)} with ${outputs} values of alpha cannot be served`,
      "Train one model for each value of expectile_alpha.",
    );
  }
  // Since 3.4 the quantiles of a row are sorted, so that they do not cross.
  if (name === "reg:quantileerror" && outputs > 1 && isSince(version, 3, 4)) {
    return { name, link: "identity", transform: "sort" };
  }
  return { name, ...found };
}

const LEAST = Math.fround(1e-6);
const MOST = Math.fround(1 - LEAST);

/** Whether a file was written by this version of XGBoost or a later one. */
function isSince(version: readonly number[], major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version;
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** The margin that sums begin with, in float32. */
export function toBaseMargin(
  { link }: Objective,
  baseScore: number,
  version: readonly number[],
): number {
  const score = Math.fround(baseScore);
  if (link === "log") return Math.fround(Math.log(score));
  if (link === "identity") return score;
  // Before 3.1 what is near 0 or 1 was taken as it is, and what is not between them refused.
  const isInside = score > 0 && score < 1 && !isSince(version, 3, 1);
  const bounded = isInside ? score : Math.min(Math.max(score, LEAST), MOST);
  return -Math.fround(Math.log(Math.fround(Math.fround(1 / bounded) - 1)));
}

/** Beyond it float32 has no exponential. */
const LARGEST_EXPONENT = Math.fround(88.7);

/** Turns margins into answers in their own place; softmax answers one value a row. */
export function transformMargins(
  transform: Transform,
  margins: Float32Array<ArrayBuffer>,
  width: number,
): Float32Array<ArrayBuffer> {
  switch (transform) {
    case "identity":
      return margins;
    case "sigmoid":
      for (let i = 0; i < margins.length; i += 1) {
        const power = Math.fround(Math.exp(Math.min(-margins[i]!, LARGEST_EXPONENT)));
        margins[i] = 1 / Math.fround(power + 1);
      }
      return margins;
    case "exp":
      for (let i = 0; i < margins.length; i += 1) margins[i] = Math.exp(margins[i]!);
      return margins;
    case "hinge":
      for (let i = 0; i < margins.length; i += 1) margins[i] = margins[i]! > 0 ? 1 : 0;
      return margins;
    case "softprob":
      for (let i = 0; i < margins.length; i += width) toProbabilities(margins, i, width);
      return margins;
    case "sort":
      for (let i = 0; i < margins.length; i += width) margins.subarray(i, i + width).sort();
      return margins;
    case "softmax":
      return Float32Array.from({ length: margins.length / width }, (_, row) =>
        findLargest(margins, row * width, width),
      );
  }
}

/** The sum is double, all else float32, as in XGBoost. */
function toProbabilities(values: Float32Array, start: number, width: number): void {
  let largest = values[start]!;
  for (let i = start + 1; i < start + width; i += 1) largest = Math.max(largest, values[i]!);
  let sum = 0;
  for (let i = start; i < start + width; i += 1) {
    values[i] = Math.exp(Math.fround(values[i]! - largest));
    sum += values[i]!;
  }
  const divisor = Math.fround(sum);
  for (let i = start; i < start + width; i += 1) values[i]! /= divisor;
}

function findLargest(values: Float32Array, start: number, width: number): number {
  let largest = 0;
  for (let i = 1; i < width; i += 1) if (values[start + i]! > values[start + largest]!) largest = i;
  return largest;
}
