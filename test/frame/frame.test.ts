import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify, parse } from "devalue";
import { readCell, type Column } from "../../sdk/frame/column.js";
import { createColumn } from "../../sdk/frame/frame-from-data-frame.js";
import { Frame } from "../../sdk/frame/frame.js";
import { columnsOf, frames, sample } from "./frames.js";

test("records are the values as they were put in, null and not sent told apart", () => {
  expect(sample.toRecords()).toEqual([
    { n: 1.5, i: 1, big: 2n ** 62n, flag: true, text: "a", day: new Date(0), any: { deep: [1] } },
    { n: null, i: 2, big: null, flag: null, text: null, day: null, any: null },
    { n: -0, i: 2 ** 53, big: -1n, flag: false, text: "ü", day: new Date(1e12) },
  ]);
  expect(Object.is(sample.toRecords()[2]!["n"], -0)).toBe(true);
});

test("slices are views of the same memory", () => {
  const part = sample.slice(1, 3);
  expect(part.rowCount).toBe(2);
  expect(part.column("n")!.values).toHaveProperty(
    "buffer",
    (sample.column("n")!.values as Float64Array).buffer,
  );
  expect(part.toRecords()).toEqual(sample.toRecords().slice(1, 3));
});

test("a slice of everything is the frame itself, and bounds outside are brought inside", () => {
  expect(sample.slice(0)).toBe(sample);
  expect(sample.slice(-5, 99)).toBe(sample);
  expect(sample.slice(2, 1).rowCount).toBe(0);
  expect(sample.slice(7).toRecords()).toEqual([]);
});

test("columns are found by name, selected in any order, and missed aloud", () => {
  expect(sample.select(["text", "n"]).names).toEqual(["text", "n"]);
  expect(sample.select([]).rowCount).toBe(3);
  expect(sample.column("toString")).toBeUndefined();
  expect(sample.has("n")).toBe(true);
  expect(() => sample.select(["none"])).toThrow('There is no column "none".');
});

test("columns of different lengths, or of one name, are no frame", () => {
  const one: Column = { kind: "string", values: ["a"] };
  const two: Column = { kind: "string", values: ["a", "b"] };
  expect(() => Frame.of({ one, two })).toThrow('Column "two" has 2 rows, the frame has 1.');
  expect(() => new Frame(["a", "a"], [one, one]).column("a")).toThrow("same name");
  expect(() => new Frame(["a"], [])).toThrow("one name a column");
});

test("a name that every object inherits is a key of a record like any other", () => {
  const frame = new Frame(
    ["__proto__", "constructor"],
    [
      { kind: "json", values: [{ polluted: 1 }] },
      { kind: "string", values: ["c"] },
    ],
  );
  const [record] = frame.toRecords();
  expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
  expect(Object.keys(record!)).toEqual(["__proto__", "constructor"]);
});

describe("for any frame", () => {
  test("a frame is the same after it was printed and read", () => {
    // devalue refuses objects with this key, which JSON allows.
    const printable = frames.filter(
      ({ columns }) => !JSON.stringify(columns, noBigInt).includes('"__proto__"'),
    );
    fc.assert(
      fc.property(printable, (frame) => {
        const plain = parse(stringify(frame.toPlain())) as ReturnType<Frame["toPlain"]>;
        const again = Frame.fromPlain(plain);
        expect(again.toPlain()).toEqual(frame.toPlain());
        expect(again.toRecords()).toEqual(frame.toRecords());
      }),
    );
  });

  test("each cell is the cell of the record", () => {
    fc.assert(
      fc.property(frames, (frame) => {
        frame.toRecords().forEach((record, row) => {
          frame.names.forEach((name, at) => {
            const own = Object.hasOwn(record, name) ? record[name] : undefined;
            expect(readCell(frame.columns[at]!, row)).toEqual(own);
          });
        });
      }),
    );
  });
});

describe("the column that values make", () => {
  test.each<[string, unknown[], string]>([
    ["numbers", [1, 2.5, null], "float64"],
    ["truth values", [true, null], "boolean"],
    ["texts", ["a", undefined], "string"],
    ["bigints", [1n, -1n], "bigint"],
    ["bigints of more than 64 bits", [2n ** 64n], "json"],
    ["dates", [new Date(0), NaN], "date"],
    ["dates that are none", [new Date(NaN)], "json"],
    ["values of two kinds", [1, "a"], "json"],
    ["objects", [{ a: 1 }], "json"],
    ["nothing", [null, NaN], "json"],
  ])("%s", (_name, cells, kind) => {
    const column = createColumn(cells);
    expect(column.kind).toBe(kind);
    expect(column.values).toHaveLength(cells.length);
  });

  test("a missing value is null", () => {
    expect(columnsOf(createColumn([1, NaN, undefined, null]))).toEqual([1, null, null, null]);
    expect(columnsOf(createColumn([false, null]))).toEqual([false, null]);
  });
});

function noBigInt(_key: string, value: unknown): unknown {
  return typeof value === "bigint" || ArrayBuffer.isView(value) ? null : value;
}
