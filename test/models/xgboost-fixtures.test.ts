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

  function expectRows(input: FeatureInput, rows: readonly number[]): void {
    const pick = (list: readonly unknown[]): Float32Array => toFloats(rows.map((row) => list[row]));
    expect(toBits(model.margin(input))).toEqual(toBits(pick(expected.margin)));
    if (expected.leaf !== undefined) {
      expect([...model.leaves(input)]).toEqual([...pick(expected.leaf)]);
    }
    const wanted = pick(expected.prediction);
    const got = model.predict(input);
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
      expectRows(records, all);
    }
  });

  it("one record at a time", () => {
    for (const row of all) expectRows(records[row]!, [row]);
  });

  it("for a frame and a DataFrame with columns in any order and more of them", () => {
    const turned = ["more", ...names.toReversed()];
    const columns = turned.map((name) => createColumn(records.map((record) => record[name])));
    expectRows(new Frame(turned, columns), all);
    expectRows(toDataFrame(new Frame(turned, columns)), all);
    expect(danfojsWasUsed()).toBe(false);
  });

  it("for columns by name", () => {
    const columns = names.map((name) => [name, records.map((record) => record[name] ?? null)]);
    expectRows(Object.fromEntries(columns) as never, all);
  });

  it("for rows without names in every form", () => {
    const doubles = Float64Array.from(matrix.flat());
    expectRows(matrix, all);
    expectRows({ data: doubles, dims }, all);
    expectRows(Float32Array.from(doubles), all);
    expectRows(createTensorArray(Float32Array.from(doubles), dims), all);
    expectRows(
      matrix.map((row) => Float32Array.from(row)),
      all,
    );
  });

  it("for many rows, in blocks", () => {
    const many = Array.from({ length: 500 }, (_, i) => (i * 7) % records.length);
    expectRows(
      many.map((row) => matrix[row]!),
      many,
    );
  });

  it("with the dimensions that Python has", () => {
    const width = [expected.margin[0]].flat().length;
    const shape = width === 1 ? [records.length] : [records.length, width];
    expect(model.margin(records).dims).toEqual(shape);
    expect(model.predict(records).dims).toEqual(shape);
  });
});
