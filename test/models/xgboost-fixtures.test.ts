import { beforeAll, describe, expect, it } from "vitest";
import { createColumn } from "../../sdk/frame/frame-from-data-frame.js";
import { Frame } from "../../sdk/frame/frame.js";
import { danfojsWasUsed, toDataFrame } from "../../sdk/frame/lazy-data-frame.js";
import { xgboost, type XGBoostModel } from "../../sdk/models/xgboost.js";
import type { FeatureInput } from "../../sdk/models/trees/feature-source.js";
import { createTensorArray } from "../../sdk/tensor/tensor-array.js";
import {
  countUlps,
  loadXGBoostFixture,
  toBits,
  toCategories,
  toFloats,
  XGBOOST_FIXTURES,
} from "./xgboost-fixture.js";

/** exp() of C libraries differs in the last place from a correctly rounded one, seldom. */
const MOST_ULPS = 2;

describe.each(XGBOOST_FIXTURES)("%s answers as XGBoost in Python", (id) => {
  const fixture = loadXGBoostFixture(id);
  const { records, expected, features } = fixture;
  const names = features.map(({ name }) => name);
  const options = {
    categories: toCategories(fixture),
    ...(fixture.missing !== undefined && { missing: fixture.missing }),
    // Not every file has the names.
    features: names,
  };
  let model: XGBoostModel;

  beforeAll(async () => {
    model = await xgboost(fixture.files[0]!, options).load({ name: id });
  });

  async function expectRows(input: FeatureInput, rows: readonly number[]): Promise<void> {
    const pick = (list: readonly unknown[]): Float32Array => toFloats(rows.map((row) => list[row]));
    expect(toBits(await model.margin(input))).toEqual(toBits(pick(expected.margin)));
    if (expected.leaf !== undefined) {
      expect([...(await model.leaves(input))]).toEqual([...pick(expected.leaf)]);
    }
    const wanted = pick(expected.prediction);
    const got = await model.predict(input);
    expect(got.length).toBe(wanted.length);
    const ulps = wanted.map((value, i) => countUlps(value, got[i]!));
    expect(Math.max(...ulps)).toBeLessThanOrEqual(MOST_ULPS);
  }

  const all = records.map((_, row) => row);
  /** Rows without names; a category is a code. */
  const matrix = records.map((record) =>
    features.map(({ name, categories }) => {
      const value = record[name]!;
      if (value === null) return Number.NaN;
      if (categories === undefined) return value as number;
      const code = categories.indexOf(value);
      return code === -1 ? Number.NaN : code;
    }),
  );
  const dims = [records.length, names.length];

  it("in every file that holds the model", async () => {
    for (const file of fixture.files) {
      model = await xgboost(file, options).load({ name: id });
      await expectRows(records, all);
    }
  });

  it("one record at a time", async () => {
    for (const row of all) await expectRows(records[row]!, [row]);
  });

  it("for a frame and a DataFrame with columns in any order and more of them", async () => {
    const turned = ["more", ...names.toReversed()];
    const columns = turned.map((name) => createColumn(records.map((record) => record[name])));
    await expectRows(new Frame(turned, columns), all);
    await expectRows(toDataFrame(new Frame(turned, columns)), all);
    expect(danfojsWasUsed()).toBe(false);
  });

  it("for columns by name", async () => {
    const columns = names.map((name) => [name, records.map((record) => record[name] ?? null)]);
    await expectRows(Object.fromEntries(columns) as never, all);
  });

  it("for rows without names in every form", async () => {
    const doubles = Float64Array.from(matrix.flat());
    await expectRows(matrix, all);
    await expectRows({ data: doubles, dims }, all);
    await expectRows(Float32Array.from(doubles), all);
    await expectRows(createTensorArray(Float32Array.from(doubles), dims), all);
    await expectRows(
      matrix.map((row) => Float32Array.from(row)),
      all,
    );
  });

  it("for many rows, in blocks", async () => {
    const many = Array.from({ length: 500 }, (_, i) => (i * 7) % records.length);
    await expectRows(
      many.map((row) => matrix[row]!),
      many,
    );
  });

  it("with the dimensions that Python has", async () => {
    const width = [expected.margin[0]].flat().length;
    const shape = width === 1 ? [records.length] : [records.length, width];
    expect((await model.margin(records)).dims).toEqual(shape);
    expect((await model.predict(records)).dims).toEqual(shape);
  });
});
