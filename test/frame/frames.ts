import * as fc from "fast-check";
import { readCell, type Column } from "../../sdk/frame/column.js";
import { Frame } from "../../sdk/frame/frame.js";

/** One column of every kind; the second row is missing, and `any` of the third was not sent. */
export const sample = Frame.of({
  n: { kind: "float64", values: Float64Array.of(1.5, NaN, -0), missing: Uint8Array.of(0, 1, 0) },
  i: { kind: "int", values: Float64Array.of(1, 2, 2 ** 53) },
  big: {
    kind: "bigint",
    values: BigInt64Array.of(2n ** 62n, 0n, -1n),
    missing: Uint8Array.of(0, 1, 0),
  },
  flag: { kind: "boolean", values: Uint8Array.of(1, 0, 0), missing: Uint8Array.of(0, 1, 0) },
  text: { kind: "string", values: ["a", null, "ü"] },
  day: { kind: "date", values: Float64Array.of(0, NaN, 1e12), missing: Uint8Array.of(0, 1, 0) },
  any: { kind: "json", values: [{ deep: [1] }, null, undefined] },
});

export function columnsOf(column: Column): unknown[] {
  return Array.from({ length: column.values.length }, (_, row) => readCell(column, row));
}

const number = fc.oneof(
  fc.double({ noNaN: true }),
  fc.constantFrom(-0, 1e308, 5e-324, 2 ** 53, -(2 ** 31)),
);

function columnOf(rows: number): fc.Arbitrary<Column> {
  const list = <Value>(values: fc.Arbitrary<Value>): fc.Arbitrary<Value[]> =>
    fc.array(values, { minLength: rows, maxLength: rows });
  const masks = fc.option(
    list(fc.constantFrom(0, 0, 1, 2)).map((bytes) => Uint8Array.from(bytes)),
    { nil: undefined },
  );
  const numbers = (kind: "float64" | "int" | "date", values: fc.Arbitrary<number>) =>
    fc.tuple(list(values), masks).map(([cells, missing]): Column => {
      const values = Float64Array.from(cells, (cell, row) => (missing?.[row] ? NaN : cell));
      return { kind, values, ...(missing === undefined ? {} : { missing }) };
    });
  return fc.oneof(
    numbers("float64", number),
    numbers("int", fc.maxSafeInteger()),
    numbers("date", fc.integer({ min: 0, max: 4e12 })),
    fc
      .tuple(list(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), masks)
      .map(([cells, missing]): Column => ({
        kind: "bigint",
        values: BigInt64Array.from(cells, (cell, row) => (missing?.[row] ? 0n : cell)),
        ...(missing === undefined ? {} : { missing }),
      })),
    fc.tuple(list(fc.boolean()), masks).map(([cells, missing]): Column => ({
      kind: "boolean",
      values: Uint8Array.from(cells, (cell, row) => (cell && !missing?.[row] ? 1 : 0)),
      ...(missing === undefined ? {} : { missing }),
    })),
    list(fc.option(fc.string({ unit: "binary" }))).map((values): Column => ({
      kind: "string",
      values,
    })),
    list(fc.option(fc.jsonValue(), { nil: undefined })).map((values): Column => ({
      kind: "json",
      values,
    })),
  );
}

/** Frames of any columns, some without rows, some without columns. */
export const frames: fc.Arbitrary<Frame> = fc.nat({ max: 12 }).chain((rows) =>
  fc
    .uniqueArray(fc.tuple(fc.string(), columnOf(rows)), {
      maxLength: 5,
      selector: ([name]) => name,
    })
    .map(
      (columns) =>
        new Frame(
          columns.map(([name]) => name),
          columns.map(([, column]) => column),
          rows,
        ),
    ),
);
