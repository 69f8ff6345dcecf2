import { EkibenError } from "../../core/errors.js";
import { findClosestName, printNames } from "../../core/closest-name.js";
import { toCellError } from "../input-error.js";

export type CategoryValue = string | number | boolean;

/** A column that a model was trained with. */
export interface Feature {
  readonly name: string;
  readonly type: "number" | "category";
  /** The values behind the codes of a category, in the order of the codes. */
  readonly categories?: readonly CategoryValue[];
}

/** What becomes of a category that the model was not trained with. */
export type UnknownCategory = "missing" | "error";

/** A feature with what turns its cells into the numbers that trees compare. */
export interface FeatureReader {
  readonly feature: Feature;
  /** Codes by value; a number among the values is no code itself. */
  readonly codes?: ReadonlyMap<unknown, number>;
  readonly hasNumberCategories: boolean;
}

export function toFeatureReader(feature: Feature): FeatureReader {
  const { categories } = feature;
  if (categories === undefined) return { feature, hasNumberCategories: false };
  return {
    feature,
    codes: new Map(categories.map((value, code) => [value, code])),
    hasNumberCategories: categories.some((value) => typeof value !== "string"),
  };
}

/**
 * Puts an author's lists of categories to the features, in the place of those from the file.
 * @throws SERVICE_INVALID for a name that no feature has, or a value twice.
 */
export function withCategories(
  model: string,
  features: readonly Feature[],
  categories: Readonly<Record<string, readonly CategoryValue[]>>,
): Feature[] {
  const names = features.map(({ name }) => name);
  for (const [name, values] of Object.entries(categories)) {
    const feature = features.find((one) => one.name === name);
    if (feature === undefined) {
      const similar = findClosestName(name, names);
      throw new EkibenError("SERVICE_INVALID", {
        detail: `The model ${JSON.stringify(model)} has no feature ${JSON.stringify(name)}; its features are ${printNames(names, 40)}.`,
        ...(similar !== undefined && { hint: `Did you mean ${JSON.stringify(similar)}?` }),
        received: name,
      });
    }
    if (feature.type !== "category") {
      throw new EkibenError("SERVICE_INVALID", {
        detail: `The feature ${JSON.stringify(name)} of the model ${JSON.stringify(model)} is a number, not a category.`,
        hint: "Leave it out of the option `categories`.",
        received: name,
      });
    }
    if (new Set(values).size !== values.length) {
      throw new EkibenError("SERVICE_INVALID", {
        detail: `The option \`categories\` names a value of ${JSON.stringify(name)} twice.`,
        hint: "Give each once, in the order of the codes: df[column].cat.categories.tolist() in Python.",
      });
    }
  }
  return features.map((feature) =>
    Object.hasOwn(categories, feature.name)
      ? { ...feature, categories: categories[feature.name]! }
      : feature,
  );
}

/** What a cell belongs to, for the number that it becomes and for messages. */
export interface CellPlace {
  readonly model: string;
  readonly unknown: UnknownCategory;
  /** Whether numbers in the place of categories are codes already, as in an array. */
  readonly codesAllowed: boolean;
}

/**
 * The number of a cell, NaN when it is missing.
 * @throws MODEL_INPUT_INVALID
 */
export function toFeatureNumber(
  { feature, codes, hasNumberCategories }: FeatureReader,
  cell: unknown,
  row: number,
  place: CellPlace,
): number {
  if (cell === null || cell === undefined) return Number.NaN;
  if (typeof cell === "number" && (place.codesAllowed || !hasNumberCategories)) return cell;
  const value = typeof cell === "bigint" ? Number(cell) : cell;
  if (codes !== undefined && isCategory(value)) {
    const code = codes.get(value);
    if (code !== undefined) return code;
    if (typeof value === "number" && Number.isNaN(value)) return value;
    if (place.unknown === "missing") return Number.NaN;
    const expected = `one of ${printNames(feature.categories!.map(String))}`;
    throw toCellError(place.model, { row, column: feature.name, value: cell, expected });
  }
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return Number(value);
  const isNameless = feature.type === "category" && typeof cell === "string";
  const expected = isNameless
    ? `the code of a category, since the model file does not hold the categories (give them with the option categories: { ${JSON.stringify(feature.name)}: [...] })`
    : "a number";
  throw toCellError(place.model, { row, column: feature.name, value: cell, expected });
}

function isCategory(value: unknown): value is CategoryValue {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}
