import { EkibenError } from "../core/errors.js";
import type { LightgbmText } from "./lightgbm-file.js";
import { findInputNames, isUnnamed, matchNames } from "./lightgbm-names.js";
import {
  toFeatureReader,
  withCategories,
  type CategoryValue,
  type Feature,
  type UnknownCategory,
} from "./trees/feature.js";
import type { FeatureBinding } from "./trees/feature-source.js";

/** How the columns of a table become the features of a model. */
export interface LightgbmFeatureOptions {
  /**
   * The columns of a table that hold the features, in the order of training.
   * @default the names in the file, where a blank may be an underscore; for a model that was trained without names the columns in their order
   */
  features?: readonly string[];
  /**
   * The values of categories, in the order of their codes, by feature.
   * @default those in the file, when it was trained from pandas
   */
  categories?: Readonly<Record<string, readonly CategoryValue[]>>;
  /** What becomes of a category that training did not know. @default "missing" */
  unknownCategory?: UnknownCategory;
}

/**
 * The features of a file, with the categories of pandas. The file does not say which columns these
 * belong to: they are taken only when there are as many lists as categorical features, and no code
 * of a feature lies outside of its list.
 */
export function toFeatures({
  features,
  categorical,
  codes,
  pandasCategories: lists,
}: Omit<LightgbmText, "trees">): Feature[] {
  const fits =
    lists.length === categorical.length &&
    categorical.every((feature, i) => codes[feature]! < lists[i]!.length);
  return features.map((name, i) => {
    const position = categorical.indexOf(i);
    if (position === -1) return { name, type: "number" };
    return { name, type: "category", ...(fits && { categories: lists[position]! }) };
  });
}

/** The same features with an author's categories: also of ordered ones, which are trained as numbers. */
export function addCategories(
  model: string,
  features: readonly Feature[],
  categories: LightgbmFeatureOptions["categories"] = {},
): Feature[] {
  const named = features.map((feature): Feature =>
    Object.hasOwn(categories, feature.name) ? { ...feature, type: "category" } : feature,
  );
  return withCategories(model, named, categories);
}

/**
 * Answers the binding of features to an input; the same for all inputs with the same columns.
 * @throws SERVICE_INVALID for options that do not fit the model.
 */
export function createBinder(
  model: string,
  features: readonly Feature[],
  { features: columns, unknownCategory = "missing" }: LightgbmFeatureOptions,
): (x: unknown) => FeatureBinding {
  if (columns !== undefined && columns.length !== features.length) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `The model ${JSON.stringify(model)} has ${features.length} features, and the option \`features\` names ${columns.length}.`,
      hint: "Name one column for every feature that the model was trained with, in their order.",
      expected: features.length,
      received: columns.length,
    });
  }
  const names = features.map((feature) => feature.name);
  const plain: FeatureBinding = {
    model,
    readers: features.map(toFeatureReader),
    names: columns ?? names,
    isNamed: columns !== undefined || !isUnnamed(names),
    unknown: unknownCategory,
  };
  if (columns !== undefined) return () => plain;
  let last: { given: readonly string[]; binding: FeatureBinding } = {
    given: names,
    binding: plain,
  };
  return (x) => {
    const given = findInputNames(x);
    if (given === undefined || isSame(given, last.given)) return last.binding;
    const isNamed = plain.isNamed || names.every((name) => given.includes(name));
    const binding = { ...plain, isNamed, names: isNamed ? matchNames(model, names, given) : names };
    last = { given, binding };
    return binding;
  };
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name, i) => name === right[i]);
}
