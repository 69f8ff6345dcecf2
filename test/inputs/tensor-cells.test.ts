import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TensorRule } from "../../sdk/inputs/tensor-body.js";
import { readTensorCells } from "../../sdk/inputs/tensor-cells.js";
import { fromNested } from "../../sdk/tensor/nested.js";
import { toNestedJson } from "../../sdk/tensor/print-nested.js";
import type { Tensor, TensorType } from "../../sdk/tensor/tensor.js";
import { TENSOR_TYPES, tensorOf } from "../tensor/arbitrary.js";

const NUMBERS = TENSOR_TYPES.filter((type) => !/64$|bool|string/.test(type) || type === "float64");

/** A tensor, and a shape that leaves some of its sizes open. */
const cases = fc
  .tuple(
    fc.constantFrom(...NUMBERS),
    fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
  )
  .chain(([type, dims]) =>
    fc.tuple(
      tensorOf(type, { dims }),
      fc.tuple(...dims.map((size) => fc.constantFrom(size, null))),
    ),
  );

function readSlowly(text: string, { type, shape }: TensorRule): Tensor | undefined {
  try {
    return fromNested(JSON.parse(text), type, { shape });
  } catch {
    return undefined;
  }
}

function ruleOf(type: TensorType, shape: readonly (number | null)[]): TensorRule {
  return { type, shape, nonFinite: false };
}

describe("numbers straight from the bytes", () => {
  it("are the tensor that JSON.parse gives", () => {
    fc.assert(
      fc.property(cases, fc.constantFrom(0, 1, 3), ([made, shape], indent) => {
        const value: unknown = JSON.parse(toNestedJson(made));
        // -0 is lost by JSON.stringify, blanks are not.
        const text = indent === 0 ? toNestedJson(made) : JSON.stringify(value, undefined, indent);
        const rule = ruleOf(made.type, shape);
        const found = readTensorCells(Buffer.from(text), rule);
        expect(found).toBeDefined();
        expect(found).toEqual(readSlowly(text, rule));
      }),
      { numRuns: 300 },
    );
  });

  it("are never another tensor than JSON.parse gives, whatever the text", () => {
    const pieces = [
      "[",
      "]",
      ",",
      " ",
      "1",
      "-0.5",
      "1e3",
      "300",
      "1e39",
      "0.1",
      "-",
      "\n",
      "null",
      "]]",
      "],[",
    ];
    const texts = fc
      .array(fc.constantFrom(...pieces), { maxLength: 12 })
      .map((list) => `[${list.join("")}`);
    const shapes = fc.array(fc.constantFrom(null, 1, 2), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.constantFrom(...NUMBERS), shapes, texts, (type, shape, text) => {
        const rule = ruleOf(type, shape);
        const found = readTensorCells(Buffer.from(text), rule);
        if (found !== undefined) expect(found).toEqual(readSlowly(text, rule));
      }),
      { numRuns: 5000 },
    );
  });

  it.each<[string, TensorType, (number | null)[]]>([
    ["[1, 2", "float32", [2]],
    ["[1, 2]]", "float32", [2]],
    ["[1, 2,]", "float32", [2]],
    ["[,1]", "float32", [null]],
    ["[]", "float32", [null]],
    ["[[1], [2, 3]]", "float32", [null, null]],
    ["[1, 2, 3]", "float32", [2]],
    ["[[1, 2]]", "float32", [2]],
    ["[1e39]", "float32", [1]],
    ["[1e999]", "float64", [1]],
    ["[0.5]", "int32", [1]],
    ["[256]", "uint8", [1]],
    ["[01]", "float32", [1]],
    ['["1"]', "float32", [1]],
    ["[1]", "int64", [1]],
    ["[true]", "bool", [1]],
    ["1", "float32", []],
    ['{"b64": ""}', "float32", [0]],
    ["", "float32", [1]],
    ["\ufeff[1]", "float32", [1]],
  ])("leave %s as %s %j to JSON.parse", (text, type, shape) => {
    expect(readTensorCells(Buffer.from(text), ruleOf(type, shape))).toBeUndefined();
  });

  it("need no memory for what a shape says and a text does not hold", () => {
    const rule = ruleOf("float32", [1_000_000, 1_000_000]);
    const row = `[${Array.from({ length: 1000 }, () => 1).join()}]`;
    expect(readTensorCells(Buffer.from(`[${row}]`), rule)).toBeUndefined();
  });
});
