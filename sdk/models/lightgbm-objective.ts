import { LightgbmFault } from "./lightgbm-fault.js";

/** What a model was trained for, and how its margins become predictions. */
export interface LightgbmObjective {
  /** As the file says it, with its parameters; `none` for an objective of the author's own. */
  readonly text: string;
  /** How many classes a prediction tells apart; `null` for values that are no classes. */
  readonly classes: number | null;
  /** Turns margins into predictions in place, `outputs` of them a row. */
  transform(this: void, margins: Float64Array, outputs: number): void;
}

const IDENTITY = (): void => undefined;

function each(change: (margin: number) => number): (margins: Float64Array) => void {
  return (margins) => {
    for (let i = 0; i < margins.length; i += 1) margins[i] = change(margins[i]!);
  };
}

/** The greatest margin is taken off first, so that no power overflows. */
function softmax(margins: Float64Array, outputs: number): void {
  for (let from = 0; from < margins.length; from += outputs) {
    let greatest = margins[from]!;
    for (let k = 1; k < outputs; k += 1) greatest = Math.max(greatest, margins[from + k]!);
    let sum = 0;
    for (let k = 0; k < outputs; k += 1) {
      const power = Math.exp(margins[from + k]! - greatest);
      margins[from + k] = power;
      sum += power;
    }
    for (let k = 0; k < outputs; k += 1) margins[from + k]! /= sum;
  }
}

function sigmoid(slope: number): (margins: Float64Array) => void {
  return each((margin) => 1 / (1 + Math.exp(-slope * margin)));
}

const EXPONENTIAL = each(Math.exp);
const SQUARE = each((margin) => Math.sign(margin) * margin * margin);
/** Labels may have been trained as their square roots (`reg_sqrt`). */
const MAY_BE_ROOTS = [
  "regression",
  "regression_l2",
  "l2",
  "regression_l1",
  "quantile",
  "fair",
  "mape",
];
const PLAIN = [
  ...MAY_BE_ROOTS,
  "mean_absolute_percentage_error",
  "huber",
  "lambdarank",
  "rank_xendcg",
];

/**
 * The objective of the line `objective=`.
 * @param outputs how many margins a row has
 * @see https://github.com/microsoft/LightGBM/tree/master/src/objective, `ConvertOutput`
 * @throws LightgbmFault
 */
export function toObjective(line: string | undefined, outputs: number): LightgbmObjective {
  const text = line ?? "none";
  const [name = "", ...words] = text.split(" ").filter((word) => word !== "");
  const of = (
    transform: LightgbmObjective["transform"],
    classes: number | null = null,
    wanted = 1,
  ): LightgbmObjective => {
    if (outputs === wanted) return { text, classes, transform };
    throw new LightgbmFault(
      `its objective ${JSON.stringify(text)} takes ${wanted} trees an iteration, and there are ${outputs}`,
    );
  };
  const parameter = (key: string): number => {
    const word = words.find((each) => each.startsWith(`${key}:`));
    const value = word === undefined ? Number.NaN : Number(word.slice(key.length + 1));
    if (value > 0 && Number.isFinite(value)) return value;
    throw new LightgbmFault(`its objective ${JSON.stringify(text)} lacks a positive ${key}`);
  };
  const ofClasses = (transform: LightgbmObjective["transform"]): LightgbmObjective => {
    const classes = parameter("num_class");
    return of(transform, classes, classes);
  };

  if (["none", "null", "custom", "na"].includes(name)) {
    return { text, classes: null, transform: IDENTITY };
  }
  if (MAY_BE_ROOTS.includes(name) && words.includes("sqrt")) return of(SQUARE);
  if (PLAIN.includes(name)) return of(IDENTITY);
  switch (name) {
    case "binary":
      return of(sigmoid(parameter("sigmoid")), 2);
    case "multiclass":
      return ofClasses(softmax);
    case "multiclassova":
      return ofClasses(sigmoid(parameter("sigmoid")));
    case "poisson":
    case "gamma":
    case "tweedie":
      return of(EXPONENTIAL);
    case "cross_entropy":
    case "xentropy":
      return of(sigmoid(1));
    case "cross_entropy_lambda":
    case "xentlambda":
      return of(each((margin) => Math.log1p(Math.exp(margin))));
    default:
      throw new LightgbmFault(
        `nothing is known of its objective ${JSON.stringify(text)}`,
        "Without the line `objective=` the model answers its margins as predictions.",
      );
  }
}
