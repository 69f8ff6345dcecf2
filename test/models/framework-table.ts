import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lightgbm } from "../../sdk/models/lightgbm.js";
import { onnx } from "../../sdk/models/onnx.js";
import { xgboost } from "../../sdk/models/xgboost.js";
import { measureJavaScript } from "./measure-javascript.js";
import { FIXTURES, groupRows, loadFixture, ONNX_FIXTURES, toInputs } from "./fixture.js";
import { loadXGBoostFixture, toCategories, XGBOOST_FIXTURES } from "./xgboost-fixture.js";

/** One fixture, and how far ekiben's answers are from those of the framework in Python. */
export interface Measured {
  framework: string;
  path: string;
  fixture: string;
  rows: number;
  /** The largest |got - expected| / max(1, |expected|) of all numbers; Infinity for another label. */
  difference: number;
}

/** A way from a file to answers, and the fixtures that it is measured on. */
interface Path {
  fixtures: readonly string[];
  measure(id: string): Promise<Measured>;
}

const PATHS: readonly Path[] = [
  { fixtures: ONNX_FIXTURES, measure: measureOnnx },
  { fixtures: XGBOOST_FIXTURES, measure: measureXGBoost },
  {
    fixtures: readdirSync(FIXTURES).filter(
      (id) => id.startsWith("lgb-") && existsSync(join(FIXTURES, id, "card.json")),
    ),
    measure: measureLightgbm,
  },
];

const NAMES: Readonly<Record<string, string>> = {
  pytorch: "PyTorch",
  "scikit-learn": "scikit-learn",
  xgboost: "XGBoost",
  lightgbm: "LightGBM",
};

export async function measureAll(): Promise<Measured[]> {
  const all: Measured[] = [];
  for (const { fixtures, measure } of PATHS) {
    for (const id of fixtures) all.push(await measure(id));
  }
  for (const { got, wanted, ...shown } of await measureJavaScript()) {
    all.push({ ...shown, difference: compare(got, wanted) });
  }
  return all;
}

function nameOf({
  framework,
  framework_version,
}: {
  framework: string;
  framework_version: string;
}): string {
  return `${NAMES[framework] ?? framework} ${/^\d+\.\d+(\.\d+)?/.exec(framework_version)?.[0] ?? ""}`.trim();
}

function compare(got: ArrayLike<unknown>, wanted: readonly unknown[]): number {
  const flat = wanted.flat(9);
  if (got.length !== flat.length) return Infinity;
  return Math.max(0, ...flat.map((value, i) => differenceOf(got[i], value)));
}

function differenceOf(got: unknown, wanted: unknown): number {
  const number = wanted === null ? NaN : wanted === "Infinity" ? Infinity : wanted;
  if (Object.is(got, number) || got === number) return 0;
  if (typeof got !== "number" || typeof number !== "number") return Infinity;
  const difference = Math.abs(got - number) / Math.max(1, Math.abs(number));
  return Number.isNaN(difference) ? Infinity : difference;
}

async function measureOnnx(id: string): Promise<Measured> {
  const fixture = loadFixture(id);
  const model = await onnx(fixture.file).load({ name: id });
  let difference = 0;
  for (const rows of groupRows(fixture)) {
    const answer = await model.run(toInputs(fixture, rows));
    for (const name of Object.keys(fixture.card.outputs)) {
      const wanted = rows.map((row) => fixture.expected[name]![row]);
      difference = Math.max(difference, compare(answer[name]!, wanted));
    }
  }
  await model.release();
  return {
    framework: nameOf(fixture.card),
    path: "`onnx(file)`",
    fixture: id,
    rows: fixture.records.length,
    difference,
  };
}

async function measureXGBoost(id: string): Promise<Measured> {
  const fixture = loadXGBoostFixture(id);
  const options = {
    categories: toCategories(fixture),
    features: fixture.features.map(({ name }) => name),
    ...(fixture.missing !== undefined && { missing: fixture.missing }),
  };
  const model = await xgboost(fixture.files[0]!, options).load({ name: id });
  const difference = compare(
    await model.predict(fixture.records),
    toFloat32(fixture.expected.prediction),
  );
  await model.release();
  return {
    framework: nameOf({ framework: "xgboost", framework_version: fixture.version }),
    path: "`xgboost(file)`",
    fixture: id,
    rows: fixture.records.length,
    difference,
  };
}

/** Expected numbers are written in the fewest digits that give the same float32. */
function toFloat32(values: readonly unknown[]): unknown[] {
  return values.flat(9).map((value) => (typeof value === "number" ? Math.fround(value) : value));
}

async function measureLightgbm(id: string): Promise<Measured> {
  const read = <Value>(name: string): Value =>
    JSON.parse(readFileSync(join(FIXTURES, id, name), "utf8")) as Value;
  const card = read<{ framework: string; framework_version: string }>("card.json");
  const records = read<Record<string, number | string | null>[]>("inputs.json");
  const { outputs } = read<{ outputs: { prediction: unknown[] } }>("expected.json");
  const model = await lightgbm(join(FIXTURES, id, "model.txt")).load({ name: id });
  const difference = compare(await model.predict(records), outputs.prediction);
  await model.release();
  return {
    framework: nameOf(card),
    path: "`lightgbm(file)`",
    fixture: id,
    rows: records.length,
    difference,
  };
}

/** The next power of ten, so that the table is the same on machines that round otherwise. */
export function printBound(difference: number): string {
  if (difference === 0) return "none";
  return `1e${Math.max(-16, Math.ceil(Math.log10(difference)))}`;
}

export function printTable(all: readonly Measured[]): string {
  const rows = all.map(
    ({ framework, path, fixture, rows, difference }) =>
      `| ${framework} | ${path} | \`${fixture}\` | ${rows} | ${printBound(difference)} |`,
  );
  return [
    "| framework | path | model | rows | largest difference |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}
