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
  /** The types of the values that have codes. */
  readonly types: ReadonlySet<string>;
}

export function toFeatureReader(feature: Feature): FeatureReader {
  const { categories } = feature;
  if (categories === undefined) return { feature, types: new Set() };
  return {
    feature,
    codes: new Map(categories.map((value, code) => [value, code])),
    types: new Set(categories.map((value) => typeof value)),
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
  { feature, codes, types }: FeatureReader,
  cell: unknown,
  row: number,
  place: CellPlace,
): number {
  if (cell === null || cell === undefined) return Number.NaN;
  const value = typeof cell === "bigint" ? Number(cell) : cell;
  const isCode = typeof value === "number" && (place.codesAllowed || !types.has("number"));
  if (isCode || Number.isNaN(value)) return value as number;
  const code = codes?.get(value);
  if (code !== undefined) return code;
  if (types.has(typeof value) && place.unknown === "missing") return Number.NaN;
  if (codes === undefined && typeof value === "boolean") return Number(value);
  throw toCellError(place.model, {
    row,
    column: feature.name,
    value: cell,
    expected: printExpected(feature, cell),
  });
}

function printExpected({ name, type, categories }: Feature, cell: unknown): string {
  if (categories !== undefined) return `one of ${printNames(categories.map(String))}`;
  return type === "category" && typeof cell === "string"
    ? `the code of a category, since the model file does not hold the categories (give them with the option categories: { ${JSON.stringify(name)}: [...] })`
    : "a number";
}
