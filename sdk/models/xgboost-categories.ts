import type { CategoryValue } from "./trees/feature.js";
import {
  hasField,
  readIntegers,
  readList,
  toFields,
  XGBoostFault,
  type Fields,
} from "./xgboost-fields.js";

/** The types of numbers without a sign, as CatContainer numbers them: their bytes may be signed. */
const UNSIGNED: Readonly<Record<number, number>> = { 10: 2 ** 8, 12: 2 ** 16, 14: 2 ** 32 };

/**
 * The values behind the codes of each feature, which files have since 3.1; `undefined` for features
 * without.
 * @throws XGBoostFault
 */
export function readCategories(cats: Fields): (readonly CategoryValue[] | undefined)[] {
  return readList(cats, "enc", []).map((entry, i) => {
    const column = toFields(entry, `${cats.path}.enc[${i}]`);
    const values = readIntegers(column, "values");
    const categories = hasField(column, "offsets")
      ? readStrings(values, readIntegers(column, "offsets"), column)
      : readNumbers(values, Number(column.value["type"]));
    return categories.length === 0 ? undefined : categories;
  });
}

function readStrings(
  bytes: ArrayLike<number>,
  offsets: ArrayLike<number>,
  { path }: Fields,
): string[] {
  const buffer = Buffer.from(Array.from(bytes, (byte) => byte & 0xff));
  return Array.from({ length: Math.max(0, offsets.length - 1) }, (_, i) => {
    const [start, end] = [offsets[i]!, offsets[i + 1]!];
    if (start < 0 || end < start || end > buffer.length) {
      throw new XGBoostFault(`${path}: category ${i} lies beyond the bytes`);
    }
    return buffer.toString("utf8", start, end);
  });
}

function readNumbers(values: ArrayLike<number>, type: number): number[] {
  const range = UNSIGNED[type] ?? 0;
  return Array.from(values, (value) => (value < 0 ? value + range : value));
}
