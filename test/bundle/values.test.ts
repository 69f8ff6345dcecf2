import { createRequire } from "node:module";
import type * as danfojs from "danfojs-node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printValues, reviveValues } from "../../sdk/bundle/values.js";
import { createTensorArray } from "../../sdk/tensor/tensor-array.js";

const require = createRequire(import.meta.url);
const again = (values: Record<string, unknown>, classes: Map<unknown, string> = new Map()) => {
  const printed = printValues(values, classes);
  const byName = Object.fromEntries(Array.from(classes, ([made, name]) => [name, made as never]));
  return reviveValues(printed.text, byName);
};

class Scaler {
  mean = 0;
  constructor(public parts: number[]) {}
  get sum(): number {
    return this.parts.reduce((a, b) => a + b, 0);
  }
}

describe("captured values", () => {
  it("are equal after they were printed and read", () => {
    const leaf = fc.oneof(
      fc.double(),
      fc.string(),
      fc.boolean(),
      fc.bigInt(),
      fc.date({ noInvalidDate: true }),
      fc.constantFrom(null, undefined, -0, /a+/gi, new URL("https://example.org/a?b=c")),
      fc.float32Array(),
      fc.float64Array(),
      fc.bigInt64Array(),
      fc.uint8Array(),
    );
    const key = fc.string().filter((name) => name !== "__proto__");
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, leaf, tie("array"), tie("map"), tie("set"), tie("object")),
      array: fc.array(tie("value"), { maxLength: 4 }),
      map: fc.array(fc.tuple(leaf, tie("value")), { maxLength: 3 }).map((all) => new Map(all)),
      set: fc.array(leaf, { maxLength: 3 }).map((all) => new Set(all)),
      object: fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    }));
    fc.assert(
      fc.property(fc.dictionary(key, value, { noNullPrototype: true }), (values) => {
        expect(again(values)).toStrictEqual(values);
      }),
      { numRuns: 300 },
    );
  });

  it("print alike when they are alike", () => {
    const make = () => ({ a: new Map([["x", Float32Array.of(1, 2)]]), b: [1, { c: 2n }] });
    expect(printValues(make())).toEqual(printValues(make()));
  });

  it("stay one object where two variables hold one, and stay a circle", () => {
    const shared = new Map([["a", 1]]);
    const circle: { self?: unknown; shared: unknown } = { shared };
    circle.self = circle;
    const read = again({ shared, circle }) as { shared: unknown; circle: typeof circle };
    expect(read.circle.shared).toBe(read.shared);
    expect(read.circle.self).toBe(read.circle);
  });

  it("are instances of their classes again, with what they hold now", () => {
    const scaler = new Scaler([1, 2]);
    scaler.mean = 7;
    const values = { scaler, list: [scaler, new Scaler([5])] };
    const classes = new Map<unknown, string>([[Scaler, "Scaler"]]);
    expect(printValues(values, classes).classes).toEqual(["Scaler"]);
    const read = again(values, classes) as { scaler: Scaler; list: Scaler[] };
    expect(read.scaler).toBeInstanceOf(Scaler);
    expect([read.scaler.mean, read.scaler.sum, read.list[1]!.sum]).toEqual([7, 3, 5]);
    expect(read.list[0]).toBe(read.scaler);
  });

  it("are tensors again, with their dimensions", () => {
    const whole = createTensorArray(Float32Array.of(1, 2, 3, 4), [2, 2]);
    const part = createTensorArray(whole.subarray(2) as Float32Array, [1, 2]);
    const words = createTensorArray(["a", "b"], [2, 1]);
    const read = again({ whole, part, words, same: whole }) as Record<string, typeof whole>;
    expect(read["whole"]!.row(1)).toEqual(Float32Array.of(3, 4));
    expect([read["part"]!.dims, [...read["part"]!]]).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(read["part"]!.buffer.byteLength).toBe(8);
    expect([read["words"]!.dims, [...read["words"]!.row(1)]]).toEqual([[2, 1], ["b"]]);
    expect(read["same"]).toBe(read["whole"]);
  });

  it("are DataFrames again, types and missing values included", () => {
    const dfd = require("danfojs-node") as typeof danfojs;
    const frame = new dfd.DataFrame({
      n: [1, 2.5, NaN],
      s: ["a", "b", ""],
      b: [true, false, true],
    });
    const read = again({ frame })["frame"] as typeof frame;
    expect(read).toBeInstanceOf(dfd.DataFrame);
    expect(read.columns).toEqual(frame.columns);
    expect(read.dtypes).toEqual(frame.dtypes);
    expect(read.values).toEqual(frame.values);
  });

  it("do not take along the rest of a buffer", () => {
    const table = Float64Array.of(1, 2, 3, 1234.5);
    const { text } = printValues({ head: table.subarray(0, 2) });
    expect(reviveValues(text)["head"]).toEqual(Float64Array.of(1, 2));
    expect(text.length).toBeLessThan(printValues({ table }).text.length);
  });

  it.each([
    ["a function", { encode: () => 1 }, /encode.*function/],
    [
      "a function deep inside",
      { config: { list: [{ f() {} }] } },
      /config\.list\[0\]\.f.*function/,
    ],
    ["a promise", { rows: Promise.resolve(1) }, /rows.*promise/],
    ["a symbol", { key: Symbol("a") }, /key/],
    ["an instance of a class that is not known", { scaler: new Scaler([1]) }, /scaler.*Scaler/],
    ["a WeakMap", { cache: new WeakMap() }, /cache.*WeakMap/],
  ])("refuse %s and say where it is", (_, values, message) => {
    expect(() => printValues(values)).toThrow(
      expect.objectContaining({ code: "CAPTURE_FAILED", message: expect.stringMatching(message) }),
    );
  });
});
