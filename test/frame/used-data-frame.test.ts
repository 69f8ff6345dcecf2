import { createRequire } from "node:module";
import { format, inspect, isDeepStrictEqual } from "node:util";
import type * as Danfo from "danfojs-node";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { Frame } from "../../sdk/frame/frame.js";
import { frameOf, toDataFrame } from "../../sdk/frame/lazy-data-frame.js";

const dfd = createRequire(import.meta.url)("danfojs-node") as typeof Danfo;

// eslint-disable-next-line typescript/no-explicit-any
type Any = any;

const iris = Frame.of({
  sepal_length: { kind: "float64", values: Float64Array.of(5.1, NaN, -0) },
  petal_width: { kind: "int", values: Float64Array.of(2, 0, 1) },
  species: { kind: "string", values: ["setosa", null, "virginica"] },
});

const PHASES: Record<string, () => Any> = {
  "not used yet": () => toDataFrame(iris),
  "in use": () => {
    const df = toDataFrame(iris);
    expect(df.index).toHaveLength(3);
    return df;
  },
};

function catchError(work: () => unknown): EkibenError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(EkibenError);
    return error as EkibenError;
  }
  throw new Error("Nothing was thrown.");
}

describe.each(Object.keys(PHASES))("a DataFrame %s", (phase) => {
  const create = PHASES[phase]!;

  test("says which column there is instead of the misspelled one", () => {
    const error = catchError(() => create()["sepal_lenght"].values);
    expect(error.code).toBe("COLUMN_UNKNOWN");
    expect(error.status).toBe(500);
    expect(error.facts.detail).toBe('There is no column "sepal_lenght".');
    expect(error.facts.hint).toBe(
      'Did you mean "sepal_length"? The columns are "sepal_length", "petal_width", "species".',
    );
  });

  test("knows a column by other case and separators, and suggests none that is far off", () => {
    const hint = (name: string): string => catchError(() => create()[name]).facts.hint!;
    expect(hint("Sepal.Length")).toContain('Did you mean "sepal_length"?');
    expect(hint("SPECIES")).toContain('Did you mean "species"?');
    expect(hint("price")).toBe('The columns are "sepal_length", "petal_width", "species".');
  });

  test("says it of df.column(name) too", () => {
    expect(catchError(() => create().column("petal_with")).facts.hint).toContain("petal_width");
  });

  test("is undefined for what JavaScript and libraries look for", () => {
    const df = create();
    const names = [
      "then inspect length nodeType tagName asymmetricMatch $$typeof 0 -1 17",
      "_zod ~standard @@__IMMUTABLE_LIST__@@ isMatrix toBSON data dataSync splice byteLength",
    ];
    for (const key of ["", ...names.flatMap((line) => line.split(" "))]) {
      expect(df[key]).toBeUndefined();
    }
    expect(df[Symbol.iterator]).toBeUndefined();
    expect(df[Symbol.toPrimitive]).toBeUndefined();
    expect(df[0]).toBeUndefined();
  });

  test("can be awaited, printed, written as JSON, compared and asked for its keys", async () => {
    const df = create();
    expect((await df) === df).toBe(true);
    expect("sepal_lenght" in df).toBe(false);
    expect("species" in df).toBe(true);
    expect(JSON.parse(JSON.stringify({ df })).df).toHaveLength(3);
    expect(format("%s %o %j", df, df, df)).toContain("virginica");
    expect(inspect(df, { showHidden: true, showProxy: true })).toContain("DataFrame");
    expect(`${df}`).toContain("setosa");
    expect(df).toEqual(create().copy());
    expect(df).not.toEqual(create().head(1));
    expect(() => expect(df).toEqual({ a: 1 })).toThrow(/expected/);
    expect(isDeepStrictEqual(df, { a: 1 })).toBe(false);
    expect(Object.keys(df)).not.toContain("species");
    expect(df instanceof dfd.DataFrame && df.constructor === dfd.DataFrame).toBe(true);
    expect(df instanceof dfd.tensorflow.Tensor || df instanceof Promise).toBe(false);
    expect(df.hasOwnProperty("species")).toBe(true);
  });
});

describe("a DataFrame in use", () => {
  test("has the columns that it has now", () => {
    const df = toDataFrame(iris) as Any;
    df.addColumn("sepal_area", [1, 2, 3], { inplace: true });
    df.rename({ species: "kind_of" }, { inplace: true });
    expect(df.sepal_area.values).toEqual([1, 2, 3]);
    expect(df.kind_of.values[0]).toBe("setosa");
    expect(catchError(() => df.sepal_are).facts.hint).toContain('mean "sepal_area"');
    expect(catchError(() => df.species).facts.detail).toBe('There is no column "species".');
    df.drop({ columns: ["petal_width"], inplace: true });
    expect(catchError(() => df.petal_width).code).toBe("COLUMN_UNKNOWN");
  });

  test("takes what an author adds to it or to danfojs's class", () => {
    const df = toDataFrame(iris) as Any;
    const prototype = dfd.DataFrame.prototype as Any;
    expect(df.index).toHaveLength(3);
    df.remark = "checked";
    prototype.countRows = function (this: Danfo.DataFrame) {
      return this.shape[0];
    };
    try {
      expect([df.remark, df.countRows()]).toEqual(["checked", 3]);
    } finally {
      delete prototype.countRows;
    }
  });

  test("names the first columns when there are many", () => {
    const names = Array.from({ length: 30 }, (_, at) => `column_number_${at}`);
    const wide = new Frame(
      names,
      names.map(() => ({ kind: "int", values: Float64Array.of(1) })),
    );
    const { hint } = catchError(() => (toDataFrame(wide) as Any).price).facts;
    expect(hint).toMatch(/^The columns are "column_number_0", .* and 18 more\.$/);
  });
});

describe("a column that is read again", () => {
  test("is a Series of its own with the same values", () => {
    const df = toDataFrame(iris) as Any;
    const first = df.petal_width;
    expect(df.petal_width).not.toBe(first);
    expect(df.petal_width).toEqual(first);
    expect(df.petal_width).toEqual(
      new dfd.DataFrame({ petal_width: [2, 0, 1] }, { config: { lowMemoryMode: true } })
        .petal_width,
    );
    expect(df.petal_width.values).toBe(first.values);
    first.add(1, { inplace: true });
    first.resetIndex({ inplace: true });
    expect(first.values).toEqual([3, 1, 2]);
    expect(df.petal_width.values).toEqual([2, 0, 1]);
  });

  const CHANGES: Record<string, (df: Any) => void> = {
    "a cell of a row": (df) => void (df.values[1][1] = 9),
    "a cell of a row that was held before": (df) => void (df.$data[2][1] = -0),
    "a number that becomes NaN": (df) => void (df.values[0][1] = NaN),
    "a number that becomes text": (df) => void (df.values[0][1] = "2"),
    "assigning the column": (df) => void (df.petal_width = ["x", "y", "z"]),
    "assigning $data": (df) =>
      void (df.$data = [
        [0, 7, "a"],
        [0, 8, "b"],
        [0, 9, "c"],
      ]),
    "a row less": (df) => void df.drop({ index: [0], inplace: true }),
    "other labels of rows": (df) => void df.setIndex({ index: ["a", "b", "c"], inplace: true }),
    "a label in place": (df) => void (df.index[1] = 77),
    "a column before it": (df) => void df.drop({ columns: ["sepal_length"], inplace: true }),
    "filling it": (df) => void df.fillNa([1], { columns: ["sepal_length"], inplace: true }),
    "replacing in it": (df) => void df.replace(2, 5, { columns: ["petal_width"], inplace: true }),
    sorting: (df) => void df.sortValues("petal_width", { inplace: true }),
    "sorting the values that were read": (df) => void df.petal_width.values.sort(),
    "shortening the values that were read": (df) => void df.petal_width.values.pop(),
    "an index that was read": (df) => void (df.petal_width.index[0] = 5),
  };

  test.each(Object.keys(CHANGES))("shows %s", (name) => {
    const read = toDataFrame(iris) as Any;
    const unread = toDataFrame(iris) as Any;
    for (const column of iris.names) expect(read[column].values).toHaveLength(3);
    CHANGES[name]!(read);
    CHANGES[name]!(unread);
    for (const column of read.columns as string[]) {
      expect(read[column]).toEqual(unread[column]);
      expect(read[column].values).toEqual(
        read.values.map((row: unknown[]) => row[read.columns.indexOf(column)]),
      );
      expect(read[column].index).toEqual(read.index);
    }
    expect(frameOf(read)!.toRecords()).toEqual(frameOf(unread)!.toRecords());
  });

  test("is what its rows are, after any changes of cells", () => {
    const cell = fc.oneof(fc.constantFrom(0, -0, NaN, 1), fc.double());
    const change = fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 1 }), cell);
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
        const df = toDataFrame(iris.select(["sepal_length", "petal_width"])) as Any;
        for (const [row, column, value] of changes) {
          df.values[row][column] = value;
          for (const at of [0, 1]) {
            const now = df[df.columns[at]].values as unknown[];
            expect(now.every((each, i) => Object.is(each, df.values[i][at]))).toBe(true);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  test("takes its cells from the first time while nothing has changed", () => {
    const frame = Frame.of({ a: { kind: "float64", values: Float64Array.of(1, 2, 3) } });
    const df = toDataFrame(frame) as Any;
    const first = df.a.values;
    expect(df.a.values).toBe(first);
    df.setIndex({ index: ["x", "y", "z"], inplace: true });
    df.values[0][0] = 9;
    expect(df.a.values).toEqual([9, 2, 3]);
    expect(df.a.values).not.toBe(first);
  });
});
