import { printNames } from "../core/closest-name.js";
import { toInputError } from "./input-error.js";
import { isRecord, toTable } from "./table.js";

/** The names that LightGBM gives to the columns of an array. */
export function isUnnamed(features: readonly string[]): boolean {
  return features.every((name, i) => name === `Column_${i}`);
}

/** The names of the columns of an input, `undefined` when it has none. */
export function findInputNames(x: unknown): readonly string[] | undefined {
  const table = toTable(x);
  if (table !== undefined) return table.names;
  const record: unknown = Array.isArray(x) ? x[0] : x;
  return isRecord(record) ? Object.keys(record) : undefined;
}

/**
 * The columns that hold the features: the one of the same name; otherwise the only one whose name is
 * the same once everything but letters and digits is an underscore. LightGBM writes blanks that way,
 * and many authors all other characters. A name that no column has stays as it is.
 * @throws MODEL_INPUT_INVALID when several columns could be meant.
 */
export function matchNames(
  model: string,
  features: readonly string[],
  given: readonly string[],
): readonly string[] {
  const exact = new Set(given);
  if (features.every((name) => exact.has(name))) return features;
  const wanted = new Set(features);
  const folded = new Map<string, string[]>();
  for (const name of given) {
    if (wanted.has(name)) continue;
    const key = fold(name);
    folded.set(key, [...(folded.get(key) ?? []), name]);
  }
  return features.map((name) => {
    if (exact.has(name)) return name;
    const similar = folded.get(fold(name)) ?? [];
    if (similar.length < 2) return similar[0] ?? name;
    throw toInputError(model, {
      detail: `the feature ${JSON.stringify(name)} may be any of the columns ${printNames(similar)}.`,
      hint: "Rename one, or name the columns in the order of training with the option `features`.",
      expected: name,
      received: similar.join(", "),
    });
  });
}

function fold(name: string): string {
  return name.replace(/[^\p{L}\p{N}]/gu, "_");
}
