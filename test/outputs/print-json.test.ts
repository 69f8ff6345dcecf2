import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printJson } from "../../sdk/outputs/print-json.js";

describe("printJson", () => {
  it("prints what JSON.stringify prints wherever that has a word for it", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => printJson(value) === JSON.stringify(value)));
  });

  it.each([
    [Number.NaN, "null"],
    [{ a: Infinity, b: -Infinity }, '{"a":null,"b":null}'],
    [undefined, "null"],
    [{ a: undefined, b: 1 }, '{"b":1}'],
    [[undefined], "[null]"],
    [10n, "10"],
    [2n ** 60n, '"1152921504606846976"'],
    [Float32Array.of(0.5, 1), "[0.5,1]"],
    [{ big: BigInt64Array.of(1n, 2n ** 62n) }, '{"big":[1,"4611686018427387904"]}'],
    [
      new Map<unknown, unknown>([
        ["a", 1n],
        [2, new Set([1])],
      ]),
      '{"2":[1],"a":1}',
    ],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ at: new Date(0), n: 1n }, '{"at":"1970-01-01T00:00:00.000Z","n":1}'],
    [Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    [Uint8Array.of(1, 2).buffer, "[1,2]"],
    [new DataView(Uint8Array.of(1, 2, 3).buffer, 1), "[2,3]"],
    [{ toJSON: () => ({ n: 1n, map: new Map([["a", Number.NaN]]) }) }, '{"n":1,"map":{"a":null}}'],
  ])("prints %o as %s", (value, text) => {
    expect(printJson(value)).toBe(text);
    expect(() => JSON.parse(printJson(value))).not.toThrow();
  });

  it("refuses what refers to itself, and what its own toJSON refuses", () => {
    const cyclic: unknown[] = [1n];
    cyclic.push({ cyclic });
    const failing = {
      toJSON() {
        throw new Error("not now");
      },
    };
    expect(() => printJson(cyclic)).toThrow(/refers to itself/);
    expect(() => printJson({ a: failing })).toThrow(/not now/);
    for (const value of [cyclic, failing]) {
      expect(() => printJson(value)).toThrow(expect.objectContaining({ code: "OUTPUT_INVALID" }));
    }
  });
});
