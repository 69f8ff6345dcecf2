import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FIXTURES } from "./fixture.js";

interface FeatureCard {
  name: string;
  dtype: string;
  categories?: (string | number)[];
}

/** A model that XGBoost wrote, with rows and what XGBoost answered for them in Python. */
export interface XGBoostFixture {
  id: string;
  /** Files that hold the same model. */
  files: string[];
  version: string;
  features: FeatureCard[];
  records: Record<string, number | string | null>[];
  expected: { prediction: unknown[]; margin: unknown[]; leaf?: unknown[] };
  /** What means missing besides null. */
  missing: number | undefined;
}

export const XGBOOST_FIXTURES = readdirSync(FIXTURES).filter((id) => /^xgb\d?-/.test(id));

export function loadXGBoostFixture(id: string): XGBoostFixture {
  const read = <Value>(name: string): Value =>
    JSON.parse(readFileSync(join(FIXTURES, id, name), "utf8")) as Value;
  const card = read<{
    files: Record<string, string>;
    framework_version: string;
    missing?: number;
    features: FeatureCard[];
  }>("card.json");
  const expected = read<{ outputs: XGBoostFixture["expected"] }>("expected.json");
  return {
    id,
    files: Object.keys(card.files).map((name) => join(FIXTURES, id, name)),
    version: card.framework_version,
    features: card.features,
    records: read("inputs.json"),
    expected: expected.outputs,
    missing: card.missing,
  };
}

/** Expected numbers as float32, all rows in one list; `null` is NaN. */
export function toFloats(rows: readonly unknown[]): Float32Array {
  return Float32Array.from(rows.flat(2), (value) => {
    if (value === null) return Number.NaN;
    return typeof value === "string" ? Number(value) : (value as number);
  });
}

/** The bytes of both, so that a comparison sees signs of zero too; NaN is one NaN. */
export function toBits(values: ArrayLike<number>): number[] {
  return [...new Int32Array(Float32Array.from(values).buffer)];
}

/** Units in the last place between two float32 numbers. */
export function countUlps(one: number, other: number): number {
  if (Object.is(one, other) || one === other) return 0;
  const [a, b] = new Int32Array(Float32Array.of(one, other).buffer);
  const order = (bits: number): number => (bits < 0 ? -2147483648 - bits : bits);
  return Math.abs(order(a!) - order(b!));
}

/** The lists of categories that a card names, for the option `categories`. */
export function toCategories({ features }: XGBoostFixture): Record<string, (string | number)[]> {
  return Object.fromEntries(
    features.flatMap(({ name, categories }) => (categories ? [[name, categories]] : [])),
  );
}
