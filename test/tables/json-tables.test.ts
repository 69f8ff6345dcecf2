import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EkibenError } from "../../sdk/core/errors.js";
import { writeNdjson } from "../../sdk/tables/ndjson.js";
import { ORIENTS, writeOrient, type Orient } from "../../sdk/tables/orients.js";
import { toTableColumns, type TableColumns } from "../../sdk/tables/table-columns.js";

const print = (value: unknown): string => JSON.stringify(value);

const table: TableColumns = {
  rowCount: 2,
  names: ["a", 'b"c'],
  columns: [Float64Array.of(1, Number.NaN), ["x", undefined]],
};

describe("writeOrient", () => {
  it.each<[Orient, string]>([
    ["records", '[{"a":1,"b\\"c":"x"},{"a":null,"b\\"c":null}]'],
    ["columns", '{"a":{"0":1,"1":null},"b\\"c":{"0":"x","1":null}}'],
    ["values", '[[1,"x"],[null,null]]'],
    ["split", '{"columns":["a","b\\"c"],"index":[0,1],"data":[[1,"x"],[null,null]]}'],
    ["index", '{"0":{"a":1,"b\\"c":"x"},"1":{"a":null,"b\\"c":null}}'],
  ])("writes %s as pandas does", (orient, text) => {
    expect(writeOrient(table, orient, print)).toBe(text);
  });

  it("writes tables without rows and without columns", () => {
    const none = { rowCount: 0, names: ["a"], columns: [[]] };
    const texts = ["[]", '{"a":{}}', "[]", '{"columns":["a"],"index":[],"data":[]}', "{}"];
    expect(ORIENTS.map((orient) => writeOrient(none, orient, print))).toEqual(texts);
    const bare = { rowCount: 1, names: [], columns: [] };
    const bareTexts = ["[{}]", "{}", "[[]]", '{"columns":[],"index":[0],"data":[[]]}', '{"0":{}}'];
    expect(ORIENTS.map((orient) => writeOrient(bare, orient, print))).toEqual(bareTexts);
  });

  it("asks for the text of everything but numbers", () => {
    const asked: unknown[] = [];
    const columns = [[1, 2n, null, undefined, true, new Date(0)]];
    const text = writeOrient({ rowCount: 6, names: ["a"], columns }, "values", (value) => {
      asked.push(value);
      return "0";
    });
    expect(text).toBe("[[1],[0],[0],[0],[0],[0]]");
    expect(asked).toEqual([2n, null, null, true, new Date(0)]);
  });

  it("writes the same cells in every orient", () => {
    const cell = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
    );
    const names = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 4 });
    const tables = fc.tuple(names, fc.nat(5)).chain(([names, rowCount]) =>
      fc
        .array(fc.array(cell, { minLength: rowCount, maxLength: rowCount }), {
          minLength: names.length,
          maxLength: names.length,
        })
        .map((columns) => ({ names, rowCount, columns })),
    );
    fc.assert(
      fc.property(tables, (random) => {
        const read = (orient: Orient): unknown => JSON.parse(writeOrient(random, orient, print));
        const { names, rowCount, columns } = random;
        // JSON has no -0.
        const cells = JSON.parse(JSON.stringify(columns)) as unknown[][];
        const rows = Array.from({ length: rowCount }, (_, row) =>
          cells.map((column) => column[row]),
        );
        const records = rows.map((row) =>
          Object.fromEntries(row.map((value, i) => [names[i]!, value])),
        );
        expect(read("values")).toEqual(rows);
        expect(read("records")).toEqual(records);
        expect(read("index")).toEqual({ ...records });
        expect(read("columns")).toEqual(
          Object.fromEntries(cells.map((column, i) => [names[i]!, { ...column }])),
        );
        expect(read("split")).toEqual({ columns: names, index: [...rows.keys()], data: rows });
      }),
    );
  });
});

describe("writeNdjson", () => {
  it("writes one object a line, each ended", () => {
    expect(writeNdjson(table, print)).toBe('{"a":1,"b\\"c":"x"}\n{"a":null,"b\\"c":null}\n');
    expect(writeNdjson({ rowCount: 0, names: ["a"], columns: [[]] }, print)).toBe("");
  });

  it("keeps line breaks of values within their line", () => {
    const text = writeNdjson({ rowCount: 1, names: ["a\n"], columns: [["x\ny"]] }, print);
    expect(text.split("\n")).toHaveLength(2);
    expect(JSON.parse(text)).toEqual({ "a\n": "x\ny" });
  });
});

describe("toTableColumns", () => {
  it("makes a column of every key, in the order in which they appear", () => {
    const rows = [{ b: 1, a: 2 }, { a: 3, c: null }, { b: 4 }];
    expect(toTableColumns(rows)).toEqual({
      rowCount: 3,
      names: ["b", "a", "c"],
      columns: [
        [1, undefined, 4],
        [2, 3, undefined],
        [undefined, null, undefined],
      ],
    });
    expect(toTableColumns([])).toEqual({ rowCount: 0, names: [], columns: [] });
  });

  it("takes keys that objects have already", () => {
    const rows = [JSON.parse('{"__proto__":1,"constructor":2}') as object];
    expect(toTableColumns(rows)).toMatchObject({
      names: ["__proto__", "constructor"],
      columns: [[1], [2]],
    });
  });

  it("takes rows of classes and without a prototype", () => {
    class Row {
      score = 1;
    }
    const bare = Object.assign(Object.create(null) as object, { score: 2 });
    expect(toTableColumns([new Row(), bare]).columns).toEqual([[1, 2]]);
  });

  it.each([
    [1, "a number"],
    ["x", "a string"],
    [null, "null"],
    [undefined, "undefined"],
    [[1], "an Array"],
    [new Date(0), "a Date"],
    [Float64Array.of(1), "a Float64Array"],
    [new Map(), "a Map"],
  ])("refuses %j as a row", (row, received) => {
    const error = (() => {
      try {
        toTableColumns([{ a: 1 }, row]);
      } catch (thrown) {
        return thrown as EkibenError;
      }
      throw new Error("The row was taken.");
    })();
    expect(error.code).toBe("OUTPUT_INVALID");
    expect(error.message).toContain(`Output 1 is ${received}`);
    expect(error.facts.issues).toEqual([{ message: "no row of a table", row: 1, received }]);
  });
});
