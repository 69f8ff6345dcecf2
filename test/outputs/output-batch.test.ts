import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Frame } from "../../sdk/frame/frame.js";
import { danfojsWasUsed, toDataFrame } from "../../sdk/frame/lazy-data-frame.js";
import { jsonOutput } from "../../sdk/outputs/json-output.js";
import { toOutputBatch, toSingleOutput } from "../../sdk/outputs/output-batch.js";
import { createOutputCheck, readChecked } from "../../sdk/outputs/output-check.js";
import { dataframeOutput } from "../../sdk/outputs/dataframe-output.js";
import { createTensorArray } from "../../sdk/tensor/tensor-array.js";

describe("the outputs of a batch", () => {
  it("are printed alike from rows and from columns", () => {
    const cell = fc.oneof(fc.jsonValue(), fc.double(), fc.constant(undefined), fc.bigInt());
    const names = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 4 });
    const table = names.chain((keys) =>
      fc.array(fc.tuple(...keys.map(() => cell)), { minLength: 1, maxLength: 5 }).map((cells) => ({
        keys,
        cells,
      })),
    );
    fc.assert(
      fc.property(table, fc.nat(), fc.nat(), ({ keys, cells }, one, other) => {
        const rows = cells.map((row) => Object.fromEntries(keys.map((key, i) => [key, row[i]])));
        const columns = Object.fromEntries(keys.map((key, i) => [key, cells.map((row) => row[i])]));
        const places = [one % (rows.length + 1), other % (rows.length + 1)];
        const [start, end] = [Math.min(...places), Math.max(...places)];
        const fromRows = toOutputBatch("api", rows, rows.length).slice(start, end);
        const fromColumns = toOutputBatch("api", columns, rows.length).slice(start, end);
        // Names that are integers come first in an object, however it was made.
        expect(JSON.parse(fromColumns.printJson())).toEqual(JSON.parse(fromRows.printJson()));
        expect(fromColumns.values()).toEqual(rows.slice(start, end).map(dropMissing));
        expect(fromColumns.count).toBe(end - start);
      }),
    );
  });

  it("are rows of a tensor, also where a column is a tensor", () => {
    const matrix = createTensorArray(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]);
    const slice = toOutputBatch("api", matrix, 3).slice(1, 3);
    expect(slice.printJson()).toBe("[[3,4],[5,6]]");
    expect(slice.tensor!()).toEqual({ data: Float32Array.of(3, 4, 5, 6), dims: [2, 2] });
    const columns = toOutputBatch("api", { matrix, label: ["a", "b", "c"] }, 3);
    expect(columns.slice(2, 3).printJson()).toBe('[{"matrix":[5,6],"label":"c"}]');
    const texts = createTensorArray(["a", "b", "c", "d"], [2, 2]);
    expect(toOutputBatch("api", texts, 2).slice(0, 2).values()).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
  });

  it("take data and dims for columns only where they can be nothing else", () => {
    const columns = toOutputBatch("api", { data: [5], dims: [1] }, 1).slice(0, 1);
    expect(columns.values()).toEqual([{ data: 5, dims: 1 }]);
    expect(columns.tensor!()).toEqual({ data: [5], dims: [1] });
    const tensor = toOutputBatch("api", { data: [1, 2], dims: [1, 2] }, 1).slice(0, 1);
    expect(tensor.values()).toEqual([[1, 2]]);
    expect(tensor.columns).toBeUndefined();
  });

  it.each([
    [{ a: [1], b: [1, 2] }, "a: 1, b: 2"],
    ["text", "a string"],
    [null, "null"],
    [undefined, "nothing"],
    [{}, "no table"],
    [new DataView(new ArrayBuffer(4)), "no table"],
    [createTensorArray(Float32Array.of(1, 2, 3, 4), [4, 1]), "4 outputs"],
  ])("refuse %o for two items with both numbers", (returned, message) => {
    expect(() => toOutputBatch("api", returned, 2)).toThrow(message);
    expect(() => toOutputBatch("api", returned, 2)).toThrow(/2 items/);
  });

  it("need no danfojs for a DataFrame that nobody has touched", () => {
    const frame = Frame.of({ p: { kind: "float64", values: Float64Array.of(0.5, 1) } });
    const slice = toOutputBatch("api", toDataFrame(frame), 2).slice(0, 2);
    expect(slice.printJson()).toBe('[{"p":0.5},{"p":1}]');
    expect(slice.columns!()).toEqual({ p: Float64Array.of(0.5, 1) });
    const single = toSingleOutput("api", { table: toDataFrame(frame) }, false).slice(0, 1);
    expect(single.printJson()).toBe('[{"table":[{"p":0.5},{"p":1}]}]');
    const whole = toSingleOutput("api", toDataFrame(frame), false).slice(0, 1);
    const format = { mediaType: "text/csv", cardinality: "one" as const };
    expect(dataframeOutput().write(whole, format)).toBe("p\r\n0.5\r\n1\r\n");
    expect(danfojsWasUsed()).toBe(false);
  });

  it("keep a name that would exchange a prototype", () => {
    const row = JSON.parse('{"__proto__":1,"a":2}') as object;
    const columns = JSON.parse('{"__proto__":[1],"a":[2]}') as object;
    for (const returned of [[row], columns]) {
      const slice = toOutputBatch("api", returned, 1).slice(0, 1);
      expect(slice.printJson()).toBe('[{"__proto__":1,"a":2}]');
      expect(Object.keys(slice.values()[0] as object)).toEqual(["__proto__", "a"]);
    }
  });
});

function dropMissing(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined));
}

describe("the output check", () => {
  const schema = z.object({ p: z.number().max(1) });

  it("names the output, the place and how many are wrong", () => {
    const check = createOutputCheck("predict", schema);
    expect(() => check([{ p: 0 }, { p: 1 }])).not.toThrow();
    try {
      check([{ p: 0 }, { p: 2 }, {}]);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        code: "OUTPUT_INVALID",
        facts: {
          issueCount: 2,
          issues: [
            { row: 1, path: "p" },
            { row: 2, path: "p" },
          ],
        },
      });
      expect(String(error)).toContain('"predict"');
      expect(String(error)).toContain('output 1, "p"');
    }
  });

  it("reads the rows of an output that answers one item with a table", () => {
    const slice = toSingleOutput("api", { p: [0.5, 1] }, false).slice(0, 1);
    expect(readChecked(dataframeOutput(schema), slice, "one")).toEqual([{ p: 0.5 }, { p: 1 }]);
    expect(readChecked(jsonOutput(schema), slice, "one")).toEqual([{ p: [0.5, 1] }]);
    const many = toOutputBatch("api", [{ p: 1 }], 1).slice(0, 1);
    expect(readChecked(dataframeOutput(schema), many, "many")).toEqual([{ p: 1 }]);
  });
});
