import { createRequire } from "node:module";
import { inspect } from "node:util";
import type * as Danfo from "danfojs-node";
import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { Frame } from "../../sdk/frame/frame.js";
import { frameOf, toDataFrame } from "../../sdk/frame/lazy-data-frame.js";
import { sample } from "./frames.js";

const dfd = createRequire(import.meta.url)("danfojs-node") as typeof Danfo;

// eslint-disable-next-line typescript/no-explicit-any
type Any = any;

const ROWS = 12;
const table = Frame.of({
  age: {
    kind: "float64",
    values: Float64Array.from({ length: ROWS }, (_, i) =>
      i % 5 === 4 ? NaN : 20.5 + ((i * 7) % 11),
    ),
    missing: Uint8Array.from({ length: ROWS }, (_, i) => (i % 5 === 4 ? 1 : 0)),
  },
  visits: { kind: "int", values: Float64Array.from({ length: ROWS }, (_, i) => (i * 5) % 7) },
  plan: {
    kind: "string",
    values: Array.from({ length: ROWS }, (_, i) => ["basic", "pro", "free"][i % 3]!),
  },
  note: {
    kind: "string",
    values: Array.from({ length: ROWS }, (_, i) => (i % 4 === 1 ? null : `n${i}`)),
  },
  active: {
    kind: "boolean",
    values: Uint8Array.from({ length: ROWS }, (_, i) => Number(i % 2 === 0)),
  },
});
const numbers = table.select(["visits", "age"]);

/** The same table as one makes it by hand. */
function byHand(frame: Frame): Danfo.DataFrame {
  const columns = frame.names.map((name) => {
    const column = frame.column(name)!;
    const values = Array.from(column.values as ArrayLike<unknown>);
    return [name, column.kind === "boolean" ? values.map((value) => value === 1) : values];
  });
  return new dfd.DataFrame(Object.fromEntries(columns));
}

/**
 * What a method of danfojs answers, as plain values. Most methods answer with danfojs's inner class,
 * of which its public one is a child, so they are told by what they hold.
 */
function plain(value: Any): unknown {
  if (value?.$isSeries === false) {
    return { columns: value.columns, index: value.index, values: value.values };
  }
  if (value?.$isSeries === true) return { index: value.index, values: value.values };
  return value;
}

const METHODS: Record<string, (df: Any) => unknown> = {
  values: (df) => df.values,
  shape: (df) => df.shape,
  columns: (df) => df.columns,
  index: (df) => df.index,
  size: (df) => df.size,
  ndim: (df) => df.ndim,
  axis: (df) => df.axis,
  "a column as a property": (df) => df.age,
  "a column by its name": (df) => df["plan"],
  "a column by a method": (df) => df.column("note"),
  head: (df) => df.head(3),
  tail: (df) => df.tail(2),
  iloc: (df) => df.iloc({ rows: [1, 3], columns: ["0:2"] }),
  loc: (df) => df.loc({ rows: [0, 2], columns: ["plan", "age"] }),
  "loc with a condition": (df) => df.loc({ rows: df.visits.gt(3) }),
  at: (df) => df.at(2, "plan"),
  iat: (df) => df.iat(2, 1),
  query: (df) => df.query(df.visits.gt(2).and(df.plan.eq("pro"))),
  "sortValues of numbers": (df) => df.sortValues("visits", { ascending: false }),
  "sortValues of text": (df) => df.sortValues("plan"),
  sortIndex: (df) => df.sortIndex({ ascending: false }),
  "groupby and sum": (df) => df.groupby(["plan"]).col(["visits"]).sum(),
  "groupby two and mean": (df) => df.groupby(["plan", "active"]).col(["visits"]).mean(),
  "groupby and agg": (df) => df.groupby(["plan"]).agg({ visits: "max" }),
  "addColumn in place": (df) => {
    df.addColumn("twice", df.visits.mul(2), { inplace: true });
    return [plain(df), plain(df.twice)];
  },
  "addColumn as a copy": (df) => df.addColumn("one", df.index),
  "assigning a column": (df) => {
    df.visits = df.index.map((i: number) => i + 0.5);
    return df;
  },
  drop: (df) => df.drop({ columns: ["note"] }),
  "drop in place": (df) => {
    df.drop({ index: [0, 1], inplace: true });
    return df;
  },
  fillNa: (df) => df.fillNa(0),
  "fillNa of columns": (df) => df.fillNa([-1, "none"], { columns: ["age", "note"] }),
  "fillNa in place": (df) => {
    df.fillNa(-5, { inplace: true });
    return df;
  },
  dropNa: (df) => df.dropNa(),
  isNa: (df) => df.isNa(),
  nUnique: (df) => df.nUnique(0),
  rename: (df) => df.rename({ age: "years" }),
  "rename in place": (df) => {
    df.rename({ age: "years" }, { inplace: true });
    return plain(df.years);
  },
  replace: (df) => df.replace("basic", "small", { columns: ["plan"] }),
  setIndex: (df) => df.setIndex({ index: df.index.map((i: number) => `r${i}`) }),
  resetIndex: (df) => df.head(4).resetIndex(),
  applyMap: (df) => df.applyMap((value: unknown) => `${String(value)}!`),
  append: (df) => df.append([[1, 2, "x", "y", true]], [99]),
  asType: (df) => df.asType("visits", "string").visits,
  transpose: (df) => df.T,
  copy: (df) => df.copy(),
  toJSON: (df) => df.toJSON(),
  "toJSON by column": (df) => df.toJSON({ format: "column" }),
  "dfd.toJSON": (df) => dfd.toJSON(df),
  toCSV: (df) => df.toCSV(),
  "String(df)": (df) => String(df),
  "JSON.stringify": (df) => JSON.stringify(df),
  getDummies: (df) => df.getDummies({ columns: ["plan"] }),
  "dfd.getDummies": (df) => dfd.getDummies(df.plan),
  "dfd.concat of rows": (df) => dfd.concat({ dfList: [df, df.head(2)], axis: 0 }),
  "dfd.concat of columns": (df) =>
    dfd.concat({ dfList: [df, new dfd.DataFrame({ more: df.index })], axis: 1 }),
  "dfd.merge": (df) =>
    dfd.merge({
      left: df,
      right: new dfd.DataFrame({ plan: ["basic", "pro"], price: [1, 2] }),
      on: ["plan"],
      how: "left",
    }),
  LabelEncoder: (df) => new dfd.LabelEncoder().fit(df.plan).transform(df.plan),
  "text methods": (df) => df.plan.str.toUpperCase(),
  valueCounts: (df) => df.plan.valueCounts(),
  unique: (df) => df.plan.unique(),
  map: (df) => df.visits.map((value: number) => value * 10),
  "mean of a column": (df) => df.age.mean(),
  "median of a column": (df) => df.visits.median(),
  "count of a column": (df) => df.age.count(),
  "cumSum of a column": (df) => df.visits.cumSum(),
  "describe of a column": (df) => df.visits.describe(),
  "arithmetic of columns": (df) => df.visits.add(df.visits).div(2),
  in: (df) => ["age" in df, "head" in df, "none" in df, Symbol.iterator in df],
  "the constructor": (df) => df.constructor === dfd.DataFrame,
};

const NUMBER_METHODS: Record<string, (df: Any) => unknown> = {
  describe: (df) => df.describe(),
  sum: (df) => df.sum({ axis: 0 }),
  mean: (df) => df.mean({ axis: 0 }),
  "mean of rows": (df) => df.mean({ axis: 1 }),
  max: (df) => df.max({ axis: 0 }),
  std: (df) => df.loc({ columns: ["visits"] }).std({ axis: 0 }),
  tensor: (df) => df.tensor.arraySync(),
  add: (df) => df.add(1),
  mul: (df) => df.mul([2, 3], { axis: 1 }),
  gt: (df) => df.gt(3),
  abs: (df) => df.abs(),
  round: (df) => df.round(0),
  "apply to rows": (df) => df.apply((row: number[]) => row[0]! + 1, { axis: 1 }),
  cumMax: (df) => df.loc({ columns: ["visits"] }).cumMax({ axis: 0 }),
  MinMaxScaler: (df) =>
    new dfd.MinMaxScaler()
      .fit(df.loc({ columns: ["visits"] }))
      .transform(df.loc({ columns: ["visits"] })),
  ctypes: (df) => df.ctypes,
  dtypes: (df) => df.dtypes,
  selectDtypes: (df) => df.selectDtypes(["int32"]).columns,
  inplace: (df) => {
    df.add(1, { inplace: true });
    return df;
  },
};

vi.spyOn(console, "warn").mockImplementation(() => undefined);

describe("a lazy DataFrame answers as one made by hand", () => {
  test.each(Object.keys(METHODS))("%s", (name) => {
    const expected = plain(METHODS[name]!(byHand(table)));
    expect(plain(METHODS[name]!(toDataFrame(table)))).toEqual(expected);
  });

  test.each(Object.keys(NUMBER_METHODS))("of numbers: %s", (name) => {
    const expected = plain(NUMBER_METHODS[name]!(byHand(numbers)));
    expect(plain(NUMBER_METHODS[name]!(toDataFrame(numbers)))).toEqual(expected);
  });

  test("print writes the table", () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
    toDataFrame(table).print();
    byHand(table).print();
    expect(log.mock.calls[0]).toEqual(log.mock.calls[1]);
    log.mockRestore();
  });

  test("it is an instance of the class, before and after it is used", () => {
    const df = toDataFrame(table);
    expect(df).toBeInstanceOf(dfd.DataFrame);
    expect(df instanceof Map).toBe(false);
    expect(df.index).toHaveLength(ROWS);
    expect(df).toBeInstanceOf(dfd.DataFrame);
    expect(Object.prototype.isPrototypeOf.call(dfd.DataFrame.prototype, df)).toBe(true);
    expect(df.constructor).toBe(dfd.DataFrame);
  });

  test("it is shown as a DataFrame", () => {
    expect(inspect(toDataFrame(numbers))).toContain("$columns");
    expect(inspect({ df: toDataFrame(numbers) })).toContain("DataFrame");
  });
});

describe("what danfojs holds of each kind", () => {
  const df = toDataFrame(sample) as Any;

  test("missing numbers are NaN, other missing values null, and the rest can be read by every method", () => {
    expect(df.values).toEqual([
      [1.5, 1, "4611686018427387904", true, "a", "1970-01-01T00:00:00.000Z", '{"deep":[1]}'],
      [NaN, 2, null, null, null, null, null],
      [-0, 2 ** 53, "-1", false, "ü", "2001-09-09T01:46:40.000Z", null],
    ]);
    expect(df.dtypes).toEqual([
      "float32",
      "int32",
      "string",
      "boolean",
      "string",
      "string",
      "string",
    ]);
  });

  test("every column can be read as a Series and shown", () => {
    for (const name of sample.names) expect(df[name].values).toHaveLength(3);
    expect(df.day.dt.year().values[2]).toBe(2001);
    expect(String(df)).toContain("4611686018427");
    expect(df.drop({ columns: ["flag"] }).describe().columns).toEqual(["n", "i"]);
  });

  test("integers that may be missing are floats there", () => {
    const frame = Frame.of({
      i: { kind: "int", values: Float64Array.of(1), missing: Uint8Array.of(0) },
    });
    expect(toDataFrame(frame).dtypes).toEqual(["float32"]);
  });

  test("a table without rows keeps its columns", () => {
    const empty = toDataFrame(sample.slice(0, 0)) as Any;
    expect(empty.shape).toEqual([0, 7]);
    expect(empty.head === undefined).toBe(false);
    expect(empty.columns).toEqual(sample.names);
    expect(empty.text.values).toEqual([]);
    expect(frameOf(empty)!.names).toEqual(sample.names);
  });

  test("columns with names that danfojs needs for itself leave it working", () => {
    const frame = Frame.of({
      index: { kind: "int", values: Float64Array.of(7, 8) },
      values: { kind: "int", values: Float64Array.of(5, 6) },
      $data: { kind: "string", values: ["x", "y"] },
      size: { kind: "int", values: Float64Array.of(1, 2) },
    });
    const taken = toDataFrame(frame) as Any;
    expect(taken.index).toEqual([0, 1]);
    expect(taken.column("index").values).toEqual([7, 8]);
    expect(taken.column("values").values).toEqual([5, 6]);
    expect(taken.size.values).toEqual([1, 2]);
    expect(String(taken)).toContain("index");
    expect(frameOf(taken)!.toRecords()).toEqual(frame.toRecords());
  });

  test("more columns than code is generated for", () => {
    const wide = Frame.of(
      Object.fromEntries(
        Array.from({ length: 600 }, (_, i) => [
          `c${i}`,
          { kind: "int", values: Float64Array.of(i, -i) },
        ]),
      ),
    );
    expect((toDataFrame(wide) as Any).values).toEqual([
      Array.from({ length: 600 }, (_, i) => i),
      Array.from({ length: 600 }, (_, i) => -i),
    ]);
  });
});

describe("the frame under a DataFrame", () => {
  test("is given back untouched while nobody uses the DataFrame", async () => {
    const df = toDataFrame(table);
    expect(df.shape).toEqual([ROWS, 5]);
    expect(df.columns).toEqual(table.names);
    await expect(Promise.resolve(df)).resolves.toBe(df);
    expect(df instanceof dfd.DataFrame).toBe(true);
    expect("age" in df).toBe(true);
    df.columns.push("spoiled");
    expect(frameOf(df)).toBe(table);
  });

  test("is read again after a use, with kinds and values as they were", () => {
    const df = toDataFrame(sample);
    expect(df.index).toHaveLength(3);
    const again = frameOf(df)!;
    expect(again).not.toBe(sample);
    expect(again.columns.map(({ kind }) => kind)).toEqual(sample.columns.map(({ kind }) => kind));
    const sent = sample.toRecords();
    sent[2]!["any"] = null;
    expect(again.toRecords()).toEqual(sent);
  });

  test("shows what was changed, and leaves the frame that others share as it is", () => {
    const before = structuredClone(table.toPlain());
    const first = toDataFrame(table) as Any;
    const second = toDataFrame(table) as Any;
    first.addColumn("more", first.index, { inplace: true });
    first.age = first.index;
    first.values[0][2] = "spoiled";
    first.fillNa("gone", { inplace: true });
    expect(frameOf(first)!.names).toEqual([...table.names, "more"]);
    expect(frameOf(first)!.column("age")!.values[3]).toBe(3);
    expect(frameOf(first)!.column("plan")!.values[0]).toBe("spoiled");
    expect(second.plan.values[0]).toBe("basic");
    expect(table.toPlain()).toEqual(before);
  });

  test("is also made of a DataFrame that came from elsewhere", () => {
    const frame = frameOf(
      new dfd.DataFrame({ a: [1, 2.5], b: ["x", null], c: [true, false], d: [1, 2] }),
    )!;
    expect(frame.columns.map(({ kind }) => kind)).toEqual(["float64", "string", "boolean", "int"]);
    expect(frame.toRecords()).toEqual([
      { a: 1, b: "x", c: true, d: 1 },
      { a: 2.5, b: null, c: false, d: 2 },
    ]);
  });

  test("is of the rows and columns of what danfojs made of it", () => {
    const df = toDataFrame(table) as Any;
    const part = frameOf(df.loc({ rows: [1, 2], columns: ["plan", "visits"] }))!;
    expect(part.toRecords()).toEqual([
      { plan: "pro", visits: 5 },
      { plan: "free", visits: 3 },
    ]);
  });

  test("is nothing for other values", () => {
    for (const value of [
      null,
      undefined,
      1,
      "x",
      {},
      [],
      new Map(),
      { $data: [] },
      new dfd.Series([1]),
    ]) {
      expect(frameOf(value)).toBeUndefined();
    }
    expect(frameOf(sample)).toBe(sample);
  });

  test("comes back for any table of numbers and text", () => {
    const cell = fc.record({
      n: fc.option(fc.double({ noNaN: true })),
      t: fc.option(fc.string({ unit: "binary" })),
      b: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 6 }), (rows) => {
        const frame = Frame.of({
          n: {
            kind: "float64",
            values: Float64Array.from(rows, ({ n }) => n ?? NaN),
            missing: Uint8Array.from(rows, ({ n }) => Number(n === null)),
          },
          t: { kind: "string", values: rows.map(({ t }) => t) },
          b: { kind: "boolean", values: Uint8Array.from(rows, ({ b }) => Number(b)) },
        });
        const df = toDataFrame(frame);
        expect(df.index).toHaveLength(rows.length);
        expect(frameOf(df)!.toRecords()).toEqual(rows);
      }),
      { numRuns: 50 },
    );
  });
});
