import { expect, test } from "vitest";
import { z } from "zod";
import type { EkibenError, Issue } from "../../sdk/core/errors.js";
import { danfojsWasUsed, frameOf } from "../../sdk/frame/lazy-data-frame.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import type { RequestBody } from "../../sdk/inputs/input.js";
import { describeInput } from "../contracts/input.js";
import { parseNow, readFixture, schemaOf } from "./tables.js";

const Customer = z.object({
  age: z.number().nullable(),
  plan: z.enum(["basic", "pro"]),
  since: z.date().optional(),
  id: z.bigint().nullable(),
  tags: z.array(z.string()).optional(),
});

function body(text: string | Uint8Array, mediaType = "application/json"): RequestBody {
  return { bytes: Buffer.from(text as string), mediaType, parameters: {} };
}

function refuse(text: string, input = dataframe(Customer)): EkibenError {
  try {
    parseNow(input, body(text));
  } catch (error) {
    return error as EkibenError;
  }
  throw new Error("It was accepted.");
}

function recordsOf(argument: unknown): unknown[] {
  return frameOf(argument)!.toRecords();
}

describeInput("dataframe", () => ({
  input: dataframe(Customer),
  samples: [
    [],
    [{ age: 1, plan: "basic", id: 1n }],
    [
      { age: null, plan: "pro", id: null, tags: [] },
      { plan: "pro", id: 2n ** 62n, age: -0.5, since: new Date(0), tags: ["ü", "👩‍🚀"] },
      { age: 1e308, plan: "basic", id: 0n },
    ],
    Array.from({ length: 20 }, (_, i) => ({ age: i, plan: "basic", id: BigInt(i) })),
  ],
  itemsOf: recordsOf,
  broken: [
    body(""),
    body("{"),
    body("null"),
    body('{"age": 1}'),
    body("[1]"),
    body('[{"age": "1"}]'),
    body(Buffer.from([0xff, 0xfe, 0x5b, 0x00])),
    body(Buffer.from([0x22, 0xc3, 0x28, 0x22])),
    body("a,b\n1,2", "text/csv"),
    body("", "text/csv"),
    body("a\n1", "application/vnd.apache.arrow.stream"),
    body("PAR1", "application/vnd.apache.parquet"),
    body('{"a":1}\n{', "application/x-ndjson"),
    { ...body("[]"), parameters: { charset: "latin1" } },
  ],
}));

test("the columns of a frame stand in the order of the schema, whatever the order of the keys", () => {
  const input = dataframe(z.object({ a: z.number(), b: z.string() }));
  const payload = parseNow(input, body('[{"b":"x","a":1},{"a":2,"b":"y"}]'));
  const frame = frameOf(input.toArgument(payload))!;
  expect(frame.names).toEqual(["a", "b"]);
  expect(frame.column("a")!.values).toEqual(Float64Array.of(1, 2));
  expect(frame.column("b")!.values).toEqual(["x", "y"]);
});

test.each(["churn_200.ndjson", "breast_cancer_100.ndjson", "iris.ndjson", "wine.ndjson"])(
  "the rows of %s come back as they were sent, as JSON and as NDJSON",
  (file) => {
    const rows = readFixture(file);
    const input = dataframe(schemaOf(rows));
    const lines = rows.map((row) => JSON.stringify(row)).join("\r\n");
    for (const payload of [
      parseNow(input, body(JSON.stringify(rows))),
      parseNow(input, body(lines, "application/x-ndjson")),
      parseNow(input, body(`﻿${JSON.stringify(rows)}`, "application/vnd.table+json")),
    ]) {
      expect(payload.items).toBe(rows.length);
      expect(recordsOf(input.toArgument(payload))).toEqual(rows);
    }
  },
);

test("reading and merging tables needs no danfojs", () => {
  const input = dataframe(Customer);
  const payload = parseNow(input, body('[{"age":1,"plan":"pro","id":1}]'));
  expect(input.merge([payload, payload]).shape).toEqual([2, 5]);
  expect(danfojsWasUsed()).toBe(false);
});

test("a caller may send a DataFrame or a frame", () => {
  const input = dataframe(z.object({ a: z.number() }));
  const df = input.toArgument(parseNow(input, body('[{"a":1},{"a":2}]')));
  expect(Buffer.from(input.encode(df as never).bytes).toString()).toBe('[{"a":1},{"a":2}]');
});

test("a table without rows is valid and has its columns", () => {
  const input = dataframe(Customer);
  const payload = parseNow(input, body("[]"));
  expect(payload.items).toBe(0);
  expect(input.toArgument(payload).shape).toEqual([0, 5]);
});

test("an error names rows, columns, what was expected and what came", () => {
  const error = refuse(
    `[{"age": 1, "plan": "basic", "id": 1},
      {"age": "x", "plan": "gold", "id": null},
      {"age": 2, "plan": "pro", "id": 1.5, "tags": ["a", 7]}]`,
  );
  expect(error.code).toBe("INPUT_INVALID");
  expect(error.message).toBe(
    '2 of 3 rows are not valid; first: row 1, column "age": expected number, received string "x".',
  );
  expect(error.facts.issueCount).toBe(4);
  expect(error.facts.issues).toEqual<Issue[]>([
    {
      row: 1,
      column: "age",
      message: 'expected number, received string "x"',
      expected: "number",
      received: 'string "x"',
    },
    {
      row: 1,
      column: "plan",
      message: 'expected one of "basic"|"pro", received string "gold"',
      expected: '"basic" | "pro"',
      received: 'string "gold"',
    },
    {
      row: 2,
      column: "id",
      message: "expected bigint, received number 1.5",
      expected: "bigint",
      received: "number 1.5",
    },
    {
      row: 2,
      column: "tags",
      path: "[1]",
      message: "expected string, received number 7",
      expected: "string",
      received: "number 7",
    },
  ]);
});

test("a column that one row lacks is missing in that row", () => {
  const error = refuse('[{"age":1,"plan":"pro","id":1},{"plan":"pro","id":2}]');
  expect(error.message).toContain('row 1, column "age": the column is missing in row 1');
});

test("a column that every row lacks is said once, with the name that was probably meant", () => {
  const rows = Array.from({ length: 50 }, () => ({ Age: 1, plan: "pro", id: 1 }));
  const error = refuse(JSON.stringify(rows));
  expect(error.facts.issueCount).toBe(1);
  expect(error.facts.issues).toEqual([
    {
      column: "age",
      message: 'column "age" is missing in all 50 rows; did you mean "Age", which was sent',
      expected: "number",
      received: "nothing",
    },
  ]);
  expect(refuse('[{"xyzzy":1,"plan":"pro","id":1}]').message).not.toContain("did you mean");
});

test("other findings stay beside a missing column", () => {
  const error = refuse('[{"plan":"gold","id":1},{"plan":"pro","id":1}]');
  expect(error.facts.issues!.map(({ column }) => column)).toEqual(["age", "plan"]);
  expect(error.facts.issueCount).toBe(2);
});

test("many findings are counted up to a bound, and the first twenty are shown", () => {
  const rows = Array.from({ length: 5000 }, () => ({ age: "x", plan: "gold", id: 1 }));
  const error = refuse(JSON.stringify(rows));
  expect(error.facts.issues).toHaveLength(20);
  expect(error.facts.issueCount).toBe(1000);
  expect(error.message).toContain("5000 of 5000 rows are not valid");
  expect(error.message).toContain("At least 1000 findings; no more were looked for.");
});

test.each([
  ['{"age": 1}', "Expected an array of rows, got an object. When this is one row, put it in [ ]."],
  ["3", "Expected an array of rows, got number 3."],
  ['"text"', 'Expected an array of rows, got string "text".'],
  ["null", "Expected an array of rows, got null."],
  ['[{"age":1,"plan":"pro","id":1}, [1, 2]]', "row 1: expected object, received array of 2"],
])("what is not an array of rows is refused with the way to write it: %s", (text, message) => {
  const error = refuse(text);
  expect(error.code).toBe("INPUT_INVALID");
  expect(error.message).toContain(message);
});

test("text that is not JSON is refused with line and column", () => {
  const error = refuse('[{"age": 1},\n {"age": NaN}]');
  expect(error.code).toBe("BODY_MALFORMED");
  expect(error.message).toContain(
    "JSON has no NaN: send null for a missing number at line 2, column 10",
  );
  const line = () =>
    dataframe(Customer).parse(
      body('{"age":1,"plan":"pro","id":1}\n\n{"age":', "application/x-ndjson"),
    );
  expect(line).toThrow("at line 3, column 8");
});

test("numbers that are too big for a double are not numbers", () => {
  const error = refuse('[{"age":1e999,"plan":"pro","id":1}]');
  expect(error.message).toContain("expected number, received number Infinity");
});

test("a row that is nested deeper than the stack is refused or read, never a crash", () => {
  type Tree = { kids?: Tree[] | undefined };
  const Tree: z.ZodType<Tree> = z.object({
    get kids() {
      return z.array(Tree).optional();
    },
  });
  const input = dataframe(z.object({ tree: Tree }));
  const deep = `${'{"kids":['.repeat(100_000)}{}${"]}".repeat(100_000)}`;
  const error = refuse(`[{"tree":${deep}}]`, input as never);
  expect(error.code).toBe("INPUT_INVALID");
  expect(error.message).toContain("nested too deeply");
  const any = dataframe(z.object({ tree: z.unknown() }));
  expect(parseNow(any, body(`[{"tree":${deep}}]`)).items).toBe(1);
});

test("100,000 rows are read, and one bad row among them is found", () => {
  const input = dataframe(z.object({ a: z.number(), b: z.string().nullable() }));
  const rows = Array.from({ length: 100_000 }, (_, i) => ({ a: i, b: i % 2 === 0 ? null : "x" }));
  const payload = parseNow(input, body(JSON.stringify(rows)));
  expect(payload.items).toBe(100_000);
  const frame = frameOf(input.toArgument(payload))!;
  expect(frame.column("a")!.values[99_999]).toBe(99_999);
  rows[77_777]!.a = "x" as never;
  expect(() => parseNow(input, body(JSON.stringify(rows)))).toThrow(
    '1 of 100000 rows are not valid; first: row 77777, column "a"',
  );
});

test("the schema that OpenAPI shows is an array of rows", () => {
  const content = dataframe(Customer).content();
  expect(Object.keys(content)).toEqual(dataframe(Customer).mediaTypes);
  expect(content["application/json"]!.schema).toMatchObject({
    type: "array",
    items: {
      type: "object",
      required: ["age", "plan", "id"],
      properties: { plan: { enum: ["basic", "pro"] }, since: { type: "string" } },
    },
  });
  expect(dataframe(Customer).itemSchema()).toMatchObject({ type: "object" });
});
