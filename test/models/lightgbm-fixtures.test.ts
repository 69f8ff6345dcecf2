import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { createColumn } from "../../sdk/frame/frame-from-data-frame.js";
import { Frame } from "../../sdk/frame/frame.js";
import { danfojsWasUsed, toDataFrame } from "../../sdk/frame/lazy-data-frame.js";
import { lightgbm, type LightgbmModel } from "../../sdk/models/lightgbm.js";
import type { TensorArray } from "../../sdk/tensor/tensor-array.js";
import { FIXTURES, type FixtureRecord } from "./fixture.js";

interface Card {
  features: { name: string; categories?: string[] }[];
  rows: number;
}

type Rows = (number | number[])[];

interface LightgbmFixture {
  card: Card;
  records: FixtureRecord[];
  expected: Record<string, Rows>;
}

function load(id: string): LightgbmFixture {
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(join(FIXTURES, id, name), "utf8")) as unknown;
  return {
    card: read("card.json") as Card,
    records: read("inputs.json") as FixtureRecord[],
    expected: (read("expected.json") as { outputs: Record<string, Rows> }).outputs,
  };
}

function toFrame(records: readonly FixtureRecord[], names: readonly string[]): Frame {
  return new Frame(
    names,
    names.map((name) => createColumn(records.map((record) => record[name]))),
  );
}

/** Rows as lists, whatever the number of outputs. */
function toRows(answer: TensorArray): number[][] {
  return Array.from({ length: answer.dims[0]! }, (_, i) => Array.from(answer.row(i)));
}

function expectPredictions(answer: TensorArray, expected: Rows): void {
  const rows = toRows(answer);
  expect(rows.length).toBe(expected.length);
  expected.forEach((wanted, i) => {
    [wanted].flat().forEach((value, k) => {
      // The powers of two libraries may differ in the last bit.
      const difference = Math.abs(rows[i]![k]! - value);
      expect(difference, `row ${i}[${k}]`).toBeLessThanOrEqual(
        4 * Number.EPSILON * Math.abs(value),
      );
    });
  });
}

const nested = (rows: Rows): number[][] => rows.map((row) => [row].flat());

describe.each([
  "lgb-breast-cancer-binary",
  "lgb-churn-categorical",
  "lgb-churn-dart",
  "lgb-churn-missing-nan",
  "lgb-churn-rf",
  "lgb-churn-use-missing-false",
  "lgb-churn-zero-as-missing",
  "lgb-diabetes-regression",
  "lgb-iris-multiclass",
])("%s answers as LightGBM", (id) => {
  const { card, records, expected } = load(id);
  const names = card.features.map(({ name }) => name);
  let model: LightgbmModel;

  beforeAll(async () => {
    model = await lightgbm(join(FIXTURES, id, "model.txt")).load({ name: id });
  });

  const check = async (
    x: Parameters<LightgbmModel["predict"]>[0],
    from = 0,
    to = records.length,
  ): Promise<void> => {
    expect(toRows(await model.margin(x))).toEqual(nested(expected["margin"]!.slice(from, to)));
    expect(toRows(await model.leaves(x))).toEqual(nested(expected["leaf"]!.slice(from, to)));
    expectPredictions(await model.predict(x), expected["prediction"]!.slice(from, to));
  };

  it("bit for bit, for all rows as records", () => check(records));

  it("for one row a run", async () => {
    for (const [i, record] of records.entries()) await check(record as never, i, i + 1);
  });

  it("for a frame with its columns in any order, without danfojs", async () => {
    const frame = toFrame(records, names.toReversed());
    await check(frame);
    await check(toDataFrame(frame));
    expect(danfojsWasUsed()).toBe(false);
  });

  it("for numbers by position, with the codes of categories", async () => {
    const rows = records.map((record) =>
      card.features.map(({ name, categories }) => {
        const cell = record[name] as number | string | null;
        if (cell === null) return Number.NaN;
        const code = categories?.indexOf(cell as string) ?? cell;
        return code === -1 ? Number.NaN : (code as number);
      }),
    );
    await check(rows);
    await check({ data: Float64Array.from(rows.flat()), dims: [rows.length, names.length] });
    await check(Float64Array.from(rows.flat()));
  });

  it("for more rows than one block holds", async () => {
    const many = Array.from({ length: 10 }, () => records).flat();
    const answer = toRows(await model.margin(many));
    expect(answer).toEqual(many.map((_, i) => nested(expected["margin"]!)[i % records.length]));
  });
});

it.each([
  ["lgb-breast-cancer-binary", 10, "prediction_first_10_iterations"],
  ["lgb-churn-rf", 5, "prediction_first_5_iterations"],
])("%s answers from its first %d iterations", async (id, iterations, output) => {
  const { records, expected } = load(id);
  const file = join(FIXTURES, id, "model.txt");
  const whole = await lightgbm(file).load({ name: id });
  expectPredictions(await whole.predict(records, { iterations }), expected[output]!);
  const part = await lightgbm(file, { iterations }).load({ name: id });
  expectPredictions(await part.predict(records), expected[output]!);
  expect(part.describe().iterations).toEqual({
    all: whole.describe().iterations.all,
    used: iterations,
  });
});
