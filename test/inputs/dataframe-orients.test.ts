import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { EkibenError } from "../../sdk/core/errors.js";
import { frameOf } from "../../sdk/frame/lazy-data-frame.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import type { Input } from "../../sdk/inputs/input.js";
import { findLabels } from "../../sdk/inputs/label-order.js";
import { ORIENT_WRITERS, toBody } from "./table-formats.js";
import { parseNow } from "./tables.js";

const Row = z.object({ a: z.number(), b: z.string().optional() });

function rowsOf(input: Input, text: string): unknown[] {
  return frameOf(input.toArgument(parseNow(input, toBody(text))))!.toRecords();
}

function refuse(input: Input, text: string): EkibenError {
  try {
    parseNow(input, toBody(text));
  } catch (error) {
    expect(error).toBeInstanceOf(EkibenError);
    return error as EkibenError;
  }
  throw new Error("It was accepted.");
}

const TWO = [
  { a: 1, b: "x" },
  { a: 2, b: "y" },
];

describe("the orient of a table is found by its form", () => {
  test.each([
    ["records", '[{"a":1,"b":"x"},{"b":"y","a":2}]'],
    ["columns", '{"a":{"0":1,"1":2},"b":{"0":"x","1":"y"}}'],
    ["columns as lists", '{"b":["x","y"],"a":[1,2]}'],
    ["values", '[[1,"x"],[2,"y"]]'],
    ["split", '{"columns":["b","a"],"index":[5,7],"data":[["x",1],["y",2]]}'],
    [
      "split with the index first",
      '{"index":["r","s"],"columns":["a","b"],"data":[[1,"x"],[2,"y"]]}',
    ],
    ["split without an index", '{"data":[[1,"x"],[2,"y"]],"columns":["a","b"]}'],
    ["index", '{"7":{"a":1,"b":"x"},"8":{"a":2,"b":"y"}}'],
    ["index with labels", '{"row 1":{"a":1,"b":"x"},"row 0":{"a":2,"b":"y"}}'],
    ["MLflow's split", '{"dataframe_split":{"columns":["a","b"],"data":[[1,"x"],[2,"y"]]}}'],
    ["MLflow's records", '{"dataframe_records":[{"a":1,"b":"x"},{"a":2,"b":"y"}]}'],
    ["instances", '{"instances":[{"a":1,"b":"x"},{"a":2,"b":"y"}]}'],
    ["instances without names", '{"instances":[[1,"x"],[2,"y"]]}'],
    ["inputs", '{"inputs":{"a":[1,2],"b":["x","y"]}}'],
    [
      "another column than those of the schema",
      '{"a":{"0":1,"1":2},"c":{"0":null,"1":[]},"b":{"0":"x","1":"y"}}',
    ],
  ])("%s", (_, text) => {
    expect(rowsOf(dataframe(Row), text)).toEqual(TWO);
    expect(rowsOf(dataframe(Row), ` ${text}\n`)).toEqual(TWO);
  });

  test.each([
    ["records", "[]"],
    ["columns", '{"a":{},"b":{}}'],
    ["columns as lists", '{"a":[],"b":[]}'],
    ["split", '{"columns":["a","b"],"index":[],"data":[]}'],
    ["split without columns", '{"columns":[],"index":[],"data":[]}'],
    ["index", "{}"],
    ["MLflow's split", '{"dataframe_split":{"columns":["a"],"data":[]}}'],
  ])("%s without rows is a table without rows", (_, text) => {
    const payload = parseNow(dataframe(Row), toBody(text));
    expect(payload.items).toBe(0);
    expect(dataframe(Row).toArgument(payload).shape).toEqual([0, 2]);
  });

  test("a column of the schema comes before a key of MLflow", () => {
    const input = dataframe(z.object({ inputs: z.number() }));
    expect(rowsOf(input, '{"inputs":[1,2]}')).toEqual([{ inputs: 1 }, { inputs: 2 }]);
    expect(rowsOf(input, '{"instances":[{"inputs":3}]}')).toEqual([{ inputs: 3 }]);
  });

  test("columns with numbers for names are told from rows by the schema", () => {
    const input = dataframe(z.object({ "10": z.number(), "11": z.number() }));
    const rows = [
      { "10": 1, "11": 3 },
      { "10": 2, "11": 4 },
    ];
    expect(rowsOf(input, '{"10":{"0":1,"1":2},"11":{"0":3,"1":4}}')).toEqual(rows);
    expect(rowsOf(input, '{"0":{"10":1,"11":3},"1":{"10":2,"11":4}}')).toEqual(rows);
    expect(rowsOf(input, '{"columns":[10,11],"data":[[1,3],[2,4]]}')).toEqual(rows);
  });

  test("what could be columns or rows is refused, and read where the service says which", () => {
    const schema = z.object({ "0": z.number(), "1": z.number() });
    const text = '{"0":{"0":1,"1":2},"1":{"0":3,"1":4}}';
    const error = refuse(dataframe(schema), text);
    expect(error.code).toBe("INPUT_INVALID");
    expect(error.message).toContain("could be a table in the orient columns or index");
    expect(error.message).toContain('dataframe(row, { orient: "columns" })');
    expect(rowsOf(dataframe(schema, { orient: "columns" }), text)).toEqual([
      { "0": 1, "1": 3 },
      { "0": 2, "1": 4 },
    ]);
    expect(rowsOf(dataframe(schema, { orient: "index" }), text)).toEqual([
      { "0": 1, "1": 2 },
      { "0": 3, "1": 4 },
    ]);
  });

  test("what could be split or columns is refused, and read where the service says which", () => {
    const schema = z.object({ columns: z.unknown(), data: z.unknown() });
    const text = '{"columns":["columns","data"],"data":[[1,2],[3,4]]}';
    expect(refuse(dataframe(schema), text).message).toContain("in the orient split or columns");
    expect(rowsOf(dataframe(schema, { orient: "split" }), text)).toEqual([
      { columns: 1, data: 2 },
      { columns: 3, data: 4 },
    ]);
    expect(rowsOf(dataframe(schema, { orient: "columns" }), text)).toEqual([
      { columns: "columns", data: [1, 2] },
      { columns: "data", data: [3, 4] },
    ]);
  });

  test("the names that a transform takes are those that are sent", () => {
    const input = dataframe(Row.transform(({ a }) => ({ half: a / 2 })));
    const halves = [{ half: 0.5 }, { half: 1 }];
    expect(rowsOf(input, '[[1,"x"],[2,"y"]]')).toEqual(halves);
    expect(rowsOf(input, '{"0":{"a":1},"1":{"a":2}}')).toEqual(halves);
    expect(rowsOf(input, '{"a":{"0":1,"1":2}}')).toEqual(halves);
    expect(input.describeTensors!().map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test.each([
    ['{"a":1}', "When this is one row, put it in [ ]."],
    ['{"a":1,"b":{"0":"x"}}', "When this is one row, put it in [ ]."],
    [
      '{"c":{"d":1},"e":{"f":2}}',
      'Neither the keys ("c", "e") nor those inside ("d") are columns of the schema. The schema has "a", "b".',
    ],
    ['{"columns":["a"],"index":[0],"data":[[1],[2]]}', "The index has 1 labels, data has 2 rows."],
    ['{"columns":["a","a"],"data":[[1,2]]}', 'column "a" comes twice'],
    [
      '{"columns":[["a","b"]],"data":[[1]]}',
      "Name 0 of the columns is array of 2. Name each column with one text; a MultiIndex is not read.",
    ],
    [
      '{"columns":["a"],"data":[[1],[2,3]]}',
      "Row 1 is not valid: expected array of 1, as columns has names, received array of 2.",
    ],
    ['{"columns":["a"],"data":[{"a":1}]}', "Row 0 is not valid: expected array of 1"],
    [
      '[[1,"x"],[2]]',
      "Row 1 is not valid: expected array of 2, as the schema has columns, received array of 1.",
    ],
    [
      '[[1,"x"],{"a":2}]',
      "Row 1 is not valid: expected array of 2, as the schema has columns, received object.",
    ],
    [
      '{"a":[1,2],"b":["x"]}',
      'column "b": expected array of 2 as in column "a", received array of 1',
    ],
    ['{"a":{"0":1,"1":2},"b":{"0":"x"}}', '"1" is missing in column "b"'],
    ['{"a":{"0":1},"b":{"0":"x","1":"y"}}', '"1" is only in column "b"'],
    ['{"a":{"p":1,"q":2},"b":{"p":"x","r":"y"}}', '"q" is missing in column "b"'],
    ['{"a":{"constructor":1},"b":{"0":"x"}}', '"constructor" is missing in column "b"'],
    ['{"dataframe_split":[]}', "Expected a table in the orient split, got array of 0."],
    ['{"dataframe_records":{"a":[1]}}', "Expected an array of rows, got an object."],
    ['{"instances":{"a":[1]}}', 'Expected under "instances" an array of rows, got an object.'],
    ['{"columns":["b"],"data":[["x"]]}', 'column "a" is missing'],
    ['{"b":{"0":"x"}}', 'column "a" is missing'],
  ])("%s is refused with the way to write it", (text, message) => {
    const error = refuse(dataframe(Row), text);
    expect(error.code).toBe("INPUT_INVALID");
    expect(error.message).toContain(message);
  });

  test("rows without names are refused where a function makes the columns", () => {
    const input = dataframe(z.looseObject({}).transform((row) => row));
    expect(refuse(input, "[[1]]").message).toContain("Rows without names cannot be read here");
    expect(rowsOf(input, '[{"a":1}]')).toEqual([{ a: 1 }]);
  });
});

describe("an orient that the service fixes is the only one that is read", () => {
  const bodies = {
    records: '[{"a":1,"b":"x"},{"a":2,"b":"y"}]',
    columns: '{"a":{"0":1,"1":2},"b":{"0":"x","1":"y"}}',
    values: '[[1,"x"],[2,"y"]]',
    split: '{"columns":["a","b"],"data":[[1,"x"],[2,"y"]]}',
    index: '{"0":{"a":1,"b":"x"},"1":{"a":2,"b":"y"}}',
  };
  const orients = Object.keys(bodies) as (keyof typeof bodies)[];

  test.each(orients)("%s", (orient) => {
    const input = dataframe(Row, { orient });
    expect(rowsOf(input, bodies[orient])).toEqual(TWO);
    for (const other of orients) {
      if (other === orient) continue;
      const error = refuse(input, bodies[other]);
      expect(error.code).toBe("INPUT_INVALID");
    }
    const csv = parseNow(input, toBody("a,b\n1,x\n2,y\n", "text/csv"));
    expect(frameOf(input.toArgument(csv))!.toRecords()).toEqual(TWO);
  });

  test("of tables of numbers as well, which are read from the bytes", () => {
    const schema = z.object({ a: z.number() });
    const texts = {
      records: '[{"a":1}]',
      values: "[[1]]",
      split: '{"columns":["a"],"data":[[1]]}',
    };
    for (const orient of ["records", "values", "split"] as const) {
      for (const sent of ["records", "values", "split"] as const) {
        const input = dataframe(schema, { orient });
        if (sent === orient) expect(rowsOf(input, texts[sent])).toEqual([{ a: 1 }]);
        else expect(refuse(input, texts[sent]).code).toBe("INPUT_INVALID");
      }
    }
  });
});

describe("rows stand in the order in which they were sent", () => {
  const labels = fc.uniqueArray(
    fc.oneof(
      fc.nat({ max: 30 }).map(String),
      fc.nat().map(String),
      fc.string({ maxLength: 4 }),
      fc.constantFrom("4294967295", "4294967294", "-1", "01", "toString", '"', "\\", "ü"),
    ),
    { minLength: 1, maxLength: 20 },
  );
  const values = fc.array(fc.oneof(fc.string(), fc.constantFrom("}", '"', "\\", "{[,")), {
    minLength: 20,
    maxLength: 20,
  });

  test.each(["columns", "index"] as const)("in the orient %s, whatever their labels", (orient) => {
    fc.assert(
      fc.property(labels, values, (names, texts) => {
        fc.pre(!names.includes("__proto__"));
        const rows = names.map((_, at) => ({ a: at, b: texts[at]! }));
        const text = ORIENT_WRITERS[orient](rows, ["a", "b"], (row) => names[row]!);
        const input = dataframe(Row, { orient });
        expect(rowsOf(input, `\ufeff ${text}`)).toEqual(rows);
        if (orient === "columns" && !names.some((name) => name === "a" || name === "b")) {
          expect(rowsOf(dataframe(Row), `{"inputs": ${text}}`)).toEqual(rows);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("in columns whose rows stand in different orders, that of the first column", () => {
    const text = '{"a":{"2":0,"10":1,"1":2},"b":{"1":"z","2":"x","10":"y"}}';
    expect(rowsOf(dataframe(Row), text)).toEqual([
      { a: 0, b: "x" },
      { a: 1, b: "y" },
      { a: 2, b: "z" },
    ]);
    const words = '{"a":{"p":0,"q":1},"b":{"q":"y","p":"x"}}';
    expect(rowsOf(dataframe(Row), words)).toEqual([
      { a: 0, b: "x" },
      { a: 1, b: "y" },
    ]);
  });

  test("the keys of an object are found wherever it stands, as JSON.parse reads them", () => {
    const key = fc.oneof(fc.string({ unit: "binary" }), fc.nat({ max: 9 }).map(String));
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('"}', "\\", '\\"'));
    const object = fc.dictionary(key, value, { maxKeys: 6, noNullPrototype: true });
    fc.assert(
      fc.property(
        object,
        object,
        key,
        fc.constantFrom(0, 1, "\t"),
        (outer, inner, name, indent) => {
          const text = JSON.stringify({ ...outer, [name]: inner }, null, indent);
          const found = findLabels(Buffer.from(text), [name]);
          expect([...found].sort()).toEqual(Object.keys(inner).sort());
        },
      ),
      { numRuns: 300 },
    );
    expect(findLabels(Buffer.from('{"a":{"2":1,"1":[{"x":1}],"2":3}}'), ["a"])).toEqual(["2", "1"]);
    expect(findLabels(Buffer.from('{"a":{}}'), ["b"])).toEqual([]);
  });
});

describe("hostile tables get a clear answer in bounded time", () => {
  const input = dataframe(Row);

  test.each(["split", "columns", "lists", "index"] as const)("100,000 columns in %s", (orient) => {
    const names = ["a", ...Array.from({ length: 100_000 }, (_, i) => `c${i}`)];
    const row = Object.fromEntries(names.map((name) => [name, 1]));
    const text = ORIENT_WRITERS[orient]([row], names);
    expect(rowsOf(input, text)).toEqual([{ a: 1 }]);
    const strict = dataframe(z.strictObject({ a: z.number() }));
    const error = refuse(strict, text);
    expect(error.facts.issues).toHaveLength(20);
    const loose = refuse(dataframe(z.looseObject({ a: z.number() })), text);
    expect(loose.message).toContain("columns that the schema does not name");
  });

  test("labels and names of a megabyte", () => {
    const long = "x".repeat(1_000_000);
    expect(rowsOf(input, JSON.stringify({ [long]: { a: 1 } }))).toEqual([{ a: 1 }]);
    for (const text of [
      JSON.stringify({ a: { [long]: 1 }, b: { "0": "x" } }),
      JSON.stringify({ [long]: { [long]: 1 } }),
      JSON.stringify({ columns: [long], data: [[1, 2]] }),
    ]) {
      expect(refuse(input, text).message.length).toBeLessThan(1000);
    }
    const kept = refuse(
      dataframe(z.object({}).catchall(z.number())),
      JSON.stringify([{ [long]: "x" }]),
    );
    expect(JSON.stringify(kept.facts).length).toBeLessThan(1000);
    const twice = refuse(input, JSON.stringify({ columns: [long, long], data: [] }));
    expect(JSON.stringify(twice.facts).length).toBeLessThan(1000);
    const strict = dataframe(z.strictObject({ a: z.number() }));
    const unknown = refuse(strict, JSON.stringify([{ a: 1, [long]: 2 }]));
    expect(JSON.stringify(unknown.facts).length).toBeLessThan(1000);
    const unequal = refuse(input, JSON.stringify({ a: [1], [long]: [1, 2] }));
    expect(JSON.stringify(unequal.facts).length).toBeLessThan(1000);
  });

  test("deep nesting", () => {
    const deep = "[".repeat(200_000) + "]".repeat(200_000);
    for (const text of [
      deep,
      `{"a":${deep}}`,
      `{"columns":["a"],"data":[[${deep}]]}`,
      `{"0":{"a":${deep}}}`,
    ]) {
      expect(refuse(input, text).code).toBe("INPUT_INVALID");
    }
    const objects = '{"a":'.repeat(100_000) + "1" + "}".repeat(100_000);
    expect(refuse(input, objects).code).toBe("INPUT_INVALID");
  });

  test.each([
    '{"a":{"0":1},"__proto__":{"0":{"polluted":1}}}',
    '{"__proto__":{"0":1},"a":{"0":1}}',
    '{"a":[1],"__proto__":[{"polluted":1}]}',
    '{"columns":["a","__proto__","constructor"],"data":[[1,{"polluted":1},{"prototype":{"polluted":1}}]]}',
    '{"__proto__":{"a":1}}',
    '{"constructor":{"a":1}}',
  ])("names of the prototype: %s", (text) => {
    for (const schema of [z.object({ a: z.number() }), z.looseObject({ a: z.number() })]) {
      const [row] = rowsOf(dataframe(schema), text);
      expect(row).toHaveProperty("a", 1);
      expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
      expect(Object.hasOwn(row as object, "__proto__")).toBe(false);
    }
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("options that cannot be are refused where the service is defined", () => {
  test("by the compiler and when it runs", () => {
    // @ts-expect-error there is no such orient
    expect(() => dataframe(Row, { orient: "nope" })).toThrow(
      expect.objectContaining({ code: "SERVICE_INVALID" }),
    );
    // @ts-expect-error there is no such option
    expect(() => dataframe(Row, { orientation: "split" })).toThrow('no option "orientation"');
    // @ts-expect-error there is no such decimal sign
    expect(() => dataframe(Row, { csv: { decimal: ";" } })).toThrow("csv.decimal");
    // @ts-expect-error there is no such option
    expect(() => dataframe(Row, { csv: { separator: ";" } })).toThrow('no option "separator"');
    // @ts-expect-error a list of texts
    expect(() => dataframe(Row, { csv: { missing: "NA" } })).toThrow("csv.missing");
  });

  test.each(["", '"', "\n", "\r", ";;", "."])("the delimiter %j", (delimiter) => {
    expect(() => dataframe(Row, { csv: { delimiter } })).toThrow("csv.delimiter");
  });

  test("a delimiter that is the decimal sign", () => {
    const csv = { delimiter: ",", decimal: "," } as const;
    expect(() => dataframe(Row, { csv })).toThrow("another character than csv.decimal");
  });

  test("an orient that was almost right is named", () => {
    expect(() => dataframe(Row, { orient: "colums" as never })).toThrow('Did you mean "columns"?');
  });
});
