import * as arrow from "apache-arrow";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { EkibenError } from "../../sdk/core/errors.js";
import { frameOf } from "../../sdk/frame/lazy-data-frame.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import type { Input, Payload, RequestBody } from "../../sdk/inputs/input.js";
import { readRowSchema } from "../../sdk/inputs/row-schema.js";
import { describeInput } from "../contracts/input.js";
import {
  ORIENT_WRITERS,
  toBody,
  writeArrow,
  writeCsvText,
  writeParquet,
  type ColumnFormat,
  type Rows,
} from "./table-formats.js";
import { tables, throughJson } from "./tables.js";

type Orient = keyof typeof ORIENT_WRITERS;
const ORIENTS = Object.keys(ORIENT_WRITERS) as Orient[];

function frameIn(input: Input, payloads: readonly Payload[]): unknown {
  return frameOf(input.merge(payloads))!.toPlain();
}

async function refusal(input: Input, body: RequestBody): Promise<EkibenError | undefined> {
  try {
    await input.parse(body);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(EkibenError);
    return error as EkibenError;
  }
}

/** Rows as formats that cannot leave a cell out say them: missing is `null` where that is allowed. */
function withNulls(schema: z.ZodObject, rows: Rows): Rows {
  const nullable = readRowSchema(schema).sent.filter((cell) => cell.nullable);
  return rows.map((row) => ({
    ...Object.fromEntries(nullable.map(({ name }) => [name, null])),
    ...row,
  }));
}

function many(rows: Rows, times: number): Rows {
  return Array.from({ length: times }, () => rows).flat();
}

/** Frames of tables of few rows are made by rows, of many by columns. */
const repeats = fc.constantFrom(1, 1, 3);

describe("a table is the same frame", () => {
  test.each(ORIENTS)("in the orient %s as in records", async (orient) => {
    await fc.assert(
      fc.asyncProperty(tables, repeats, async ({ schema, sent }, times) => {
        const names = Object.keys(schema.shape);
        const rows = many(withNulls(schema, sent), times);
        const input = dataframe(schema);
        const records = await input.parse(toBody(ORIENT_WRITERS.records(rows, names)));
        const text = ORIENT_WRITERS[orient](rows, names);
        const expected = frameIn(input, [records]);
        const kind = orient === "lists" ? "columns" : orient;
        const fixed = dataframe(schema, { orient: kind });
        const payloads = [await fixed.parse(toBody(text))];
        // Names that could be either are another test's.
        const found = await refusal(input, toBody(text));
        if (found === undefined) payloads.push(await input.parse(toBody(text)));
        else expect(found.message).toMatch(/could be a table in the orient|Neither the keys/);
        payloads.push(await fixed.parseJson!(JSON.parse(text)));
        for (const payload of payloads) {
          expect(payload.items).toBe(rows.length);
          expect(frameIn(input, [payload])).toEqual(expected);
          expect(frameIn(input, [payload, records, payload])).toEqual(
            frameIn(input, [records, records, records]),
          );
          for (const size of [1, 5, 11]) {
            expect(frameIn(input, input.split!(payload, size))).toEqual(expected);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("with a refinement, a transform or unknown columns of the row as well", async () => {
    const shape = { a: z.number(), b: z.string().nullable() };
    const rows = Array.from({ length: 12 }, (_, i) => ({
      a: i,
      b: i % 2 === 0 ? null : "x",
      c: [i],
    }));
    const names = ["a", "b", "c"];
    for (const schema of [
      z.object(shape).refine(({ a }) => a < 50),
      z.object(shape).transform(({ a, b }) => ({ sum: a + 1, b })),
      z.looseObject(shape),
      z.preprocess((row) => row, z.object(shape)),
    ]) {
      const input = dataframe(schema as never);
      const expected = frameIn(input, [await input.parse(toBody(JSON.stringify(rows)))]);
      for (const orient of ["columns", "lists", "split", "index"] as const) {
        const payload = await input.parse(toBody(ORIENT_WRITERS[orient](rows, names)));
        expect(frameIn(input, [payload])).toEqual(expected);
      }
    }
  });
});

describe("a cell that is not valid gets the same answer", () => {
  const other = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(1.5, -1, 1e300, "", "x", true, [], {}, "2020-01-01", "12", 2 ** 60),
  );

  test.each(ORIENTS)("in the orient %s as in records", async (orient) => {
    await fc.assert(
      fc.asyncProperty(
        tables,
        repeats,
        fc.nat(),
        fc.nat(),
        other,
        async ({ schema, sent }, times, row, column, value) => {
          fc.pre(sent.length > 0);
          const names = Object.keys(schema.shape);
          const rows = many(withNulls(schema, sent), times).map((each) => ({ ...each }));
          (rows[row % rows.length] as Record<string, unknown>)[names[column % names.length]!] =
            value;
          const input = dataframe(schema, { orient: orient === "lists" ? "columns" : orient });
          const text = ORIENT_WRITERS[orient](throughJson(rows), names);
          // A null that an optional column does not take is a cell that was not sent.
          const { sent: cells } = readRowSchema(schema);
          const absent = new Set(
            orient === "index" || orient === "records"
              ? []
              : cells.filter((cell) => cell.optional && !cell.nullable).map(({ name }) => name),
          );
          const records = rows.map((each) =>
            Object.fromEntries(
              Object.entries(each).filter(([name, cell]) => cell !== null || !absent.has(name)),
            ),
          );
          const expected = await refusal(
            dataframe(schema),
            toBody(ORIENT_WRITERS.records(records, names)),
          );
          const error = await refusal(input, toBody(text));
          expect(error?.facts).toEqual(expected?.facts);
        },
      ),
      { numRuns: 60 },
    );
  });
});

const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", "0", "007", "NA", "null", " x ", 'a\tb\n"c"', "Köln", "👩‍🚀"),
);
const number = fc.double({ noNaN: true, noDefaultInfinity: true });
const int = fc.integer();
const big = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const date = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) });

interface TypedColumn extends ColumnFormat {
  schema: z.ZodType;
  values: fc.Arbitrary<unknown>;
  tensor: "float64" | "int64" | "bool" | "string";
}

const FLOAT = { arrow: () => new arrow.Float64(), parquet: "DOUBLE", tensor: "float64" } as const;
const INT = { arrow: () => new arrow.Int32(), parquet: "INT32", tensor: "int64" } as const;
const BIG = {
  arrow: () => new arrow.Int64(),
  parquet: "INT64",
  tensor: "int64",
  native: (value: unknown) => BigInt(value as string | number),
} as const;
const TEXT = { arrow: () => new arrow.Utf8(), parquet: "STRING", tensor: "string" } as const;
const BOOL = { arrow: () => new arrow.Bool(), parquet: "BOOLEAN", tensor: "bool" } as const;
const DATE = {
  arrow: () => new arrow.TimestampMillisecond(),
  parquet: "TIMESTAMP",
  tensor: "string",
  native: (value: unknown) => new Date(value as string),
} as const;

/** Every type of column, as every format can hold it. */
const TYPED: readonly TypedColumn[] = [
  { schema: z.number(), values: number, ...FLOAT },
  {
    schema: z.number().min(-5).max(5),
    values: fc.double({ min: -5, max: 5, noNaN: true }),
    ...FLOAT,
  },
  { schema: z.number().nullable(), values: fc.option(number), ...FLOAT },
  { schema: z.number().optional(), values: fc.option(number, { nil: undefined }), ...FLOAT },
  { schema: z.number().nullish(), values: fc.option(number), ...FLOAT },
  { schema: z.number().default(7), values: fc.option(number, { nil: undefined }), ...FLOAT },
  { schema: z.int(), values: int, ...INT },
  { schema: z.int(), values: int, ...BIG },
  { schema: z.int().nullable(), values: fc.option(int), ...BIG },
  { schema: z.int32().optional(), values: fc.option(int, { nil: undefined }), ...INT },
  { schema: z.bigint(), values: big, ...BIG },
  { schema: z.bigint().nullable(), values: fc.option(big), ...BIG },
  { schema: z.bigint().optional(), values: fc.option(big, { nil: undefined }), ...BIG },
  { schema: z.string(), values: text, ...TEXT },
  { schema: z.string().nullable(), values: fc.option(text), ...TEXT },
  { schema: z.string().optional(), values: fc.option(text, { nil: undefined }), ...TEXT },
  { schema: z.string().default("none"), values: fc.option(text, { nil: undefined }), ...TEXT },
  { schema: z.string().min(1).nullable(), values: fc.option(fc.string({ minLength: 1 })), ...TEXT },
  { schema: z.enum(["a", "b ", "NA"]), values: fc.constantFrom("a", "b ", "NA"), ...TEXT },
  { schema: z.enum(["a", ""]).nullable(), values: fc.option(fc.constantFrom("a", "")), ...TEXT },
  { schema: z.boolean(), values: fc.boolean(), ...BOOL },
  { schema: z.boolean().nullable(), values: fc.option(fc.boolean()), ...BOOL },
  { schema: z.boolean().optional(), values: fc.option(fc.boolean(), { nil: undefined }), ...BOOL },
  { schema: z.date(), values: date, ...DATE },
  { schema: z.date().nullable(), values: fc.option(date), ...DATE },
  {
    schema: z.date().default(() => new Date(5)),
    values: fc.option(date, { nil: undefined }),
    ...DATE,
  },
];

interface TypedTable {
  schema: z.ZodObject;
  formats: Record<string, TypedColumn>;
  rows: Rows;
}

const typedTables: fc.Arbitrary<TypedTable> = fc
  .array(
    fc.tuple(
      fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom("a", "mean radius", "toString", "Ü;,")),
      fc.constantFrom(...TYPED),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((columns) => [...new Map(columns.filter(([name]) => name !== "__proto__"))])
  .filter((columns) => columns.length > 0)
  .chain((columns) => {
    const formats = Object.fromEntries(columns);
    const schema = z.object(
      Object.fromEntries(columns.map(([name, column]) => [name, column.schema])),
    );
    const row = fc.record(Object.fromEntries(columns.map(([name, { values }]) => [name, values])));
    return fc
      .array(row, { minLength: 1, maxLength: 24 })
      .map((rows) => ({ schema, formats, rows: withNulls(schema, throughJson(rows)) }));
  });

const WRITERS: Readonly<Record<string, (table: TypedTable) => RequestBody>> = {
  NDJSON: ({ rows }) =>
    toBody(
      rows.map((row) => ORIENT_WRITERS.records([row]).slice(1, -1)).join("\n"),
      "application/x-ndjson",
    ),
  CSV: ({ rows, formats }) =>
    toBody(writeCsvText(rows, Object.keys(formats)), "text/csv; charset=utf-8"),
  TSV: ({ rows, formats }) =>
    toBody(writeCsvText(rows, Object.keys(formats), "\t"), "text/tab-separated-values"),
  "Arrow stream": ({ rows, formats }) =>
    toBody(writeArrow(rows, formats, "stream"), "application/vnd.apache.arrow.stream"),
  "Arrow file": ({ rows, formats }) =>
    toBody(writeArrow(rows, formats, "file"), "application/vnd.apache.arrow.file"),
  Parquet: ({ rows, formats }) =>
    toBody(writeParquet(rows, formats), "application/vnd.apache.parquet"),
};

describe.each(Object.keys(WRITERS))("a table in %s", (format) => {
  const write = WRITERS[format]!;

  test("is the same frame as in records, alone, in a batch and in parts", async () => {
    await fc.assert(
      fc.asyncProperty(typedTables, async (table) => {
        const input = dataframe(table.schema);
        const records = await input.parse(toBody(ORIENT_WRITERS.records(table.rows)));
        const payload = await input.parse(write(table));
        expect(payload.items).toBe(table.rows.length);
        const expected = frameIn(input, [records]);
        expect(frameIn(input, [payload])).toEqual(expected);
        expect(frameIn(input, [records, payload, records])).toEqual(
          frameIn(input, [records, records, records]),
        );
        expect(frameIn(input, input.split!(payload, 7))).toEqual(expected);
      }),
      { numRuns: 80 },
    );
  });

  test("gets the same answer as in records where a cell is not valid", async () => {
    const formats = { n: FLOAT, s: TEXT, e: TEXT, i: FLOAT, t: DATE };
    const schema = z.object({
      n: z.number().max(5),
      s: z.string().min(2),
      e: z.enum(["a", "b"]),
      i: z.int(),
      t: z.date().max(new Date("2030-01-01")),
    });
    const good = { n: 1, s: "xx", e: "a", i: 3, t: "2020-01-01T00:00:00.000Z" };
    for (const bad of [
      { n: 6 },
      { s: "x" },
      { e: "c" },
      { i: 1.5 },
      { t: "2031-01-01T00:00:00.000Z" },
      { n: 7, e: "", i: -0.5 },
    ]) {
      for (const count of [3, 30]) {
        const rows = Array.from({ length: count }, (_, at) =>
          at === 2 ? { ...good, ...bad } : good,
        );
        const table = { schema, formats: formats as never, rows };
        const input = dataframe(schema);
        const expected = await refusal(input, toBody(JSON.stringify(rows)));
        const error = await refusal(input, write(table));
        // A date that comes as one is shown as one.
        if (!("t" in bad)) expect(error!.message).toBe(expected!.message);
        expect(error!.facts).toMatchObject({ issueCount: expected!.facts.issueCount });
        const places = expected!.facts.issues!.map(({ row, column }) => ({ row, column }));
        expect(error!.facts.issues).toMatchObject(places);
      }
    }
  });

  test("may leave out columns that are optional, and no others", async () => {
    const schema = z.object({ a: z.number(), b: z.string().optional(), c: z.int().default(4) });
    const input = dataframe(schema);
    const rows = Array.from({ length: 10 }, (_, a) => ({ a }));
    const payload = await input.parse(write({ schema, formats: { a: FLOAT } as never, rows }));
    expect(frameIn(input, [payload])).toEqual(
      frameIn(input, [await input.parse(toBody(JSON.stringify(rows)))]),
    );
    const wrong = rows.map(({ a }) => ({ A: a }));
    const error = await refusal(
      input,
      write({ schema, formats: { A: FLOAT } as never, rows: wrong }),
    );
    expect(error!.message).toContain('column "a" is missing in all 10 rows; did you mean "A"');
  });
});

describe("tensors", () => {
  test("are columns, which make the same frame as records", async () => {
    const columns = TYPED.filter(({ schema }) => !schema.isOptional() && !schema.isNullable());
    const table = fc
      .array(fc.constantFrom(...columns), { minLength: 1, maxLength: 5 })
      .chain((found) =>
        fc
          .array(fc.tuple(...found.map(({ values }) => values)), { minLength: 1, maxLength: 20 })
          .map((rows) => ({ found, rows })),
      );
    await fc.assert(
      fc.asyncProperty(table, fc.boolean(), async ({ found, rows }, flat) => {
        const names = found.map((_, at) => `c${at}`);
        const schema = z.object(
          Object.fromEntries(found.map(({ schema: cell }, at) => [names[at]!, cell])),
        );
        const input = dataframe(schema);
        const sent = throughJson(
          rows.map((row) => Object.fromEntries(row.map((cell, at) => [names[at]!, cell]))),
        );
        const tensors = found.map(({ tensor, native }, at) => {
          const cells = sent.map((row) => row[names[at]!]);
          const data =
            tensor === "float64"
              ? Float64Array.from(cells as number[])
              : tensor === "int64"
                ? BigInt64Array.from(
                    cells.map((cell) => (native ?? BigInt)(cell as never) as bigint),
                  )
                : tensor === "bool"
                  ? Uint8Array.from(cells, Number)
                  : (cells as string[]);
          const dims = flat ? [rows.length] : [rows.length, 1];
          return { name: names[at]!, type: tensor, dims, data };
        });
        const described = input.describeTensors!();
        expect(described.map(({ name }) => name)).toEqual(names);
        expect(described.every(({ shape }) => shape.length === 1 && shape[0] === null)).toBe(true);
        const payload = await input.parseTensors!(tensors);
        const records = await input.parse(toBody(ORIENT_WRITERS.records(sent)));
        expect(frameIn(input, [payload, records])).toEqual(frameIn(input, [records, records]));
      }),
      { numRuns: 100 },
    );
  });

  const schema = z.object({ a: z.number(), b: z.int(), c: z.number().nullable() });

  test("are described by the type that holds what a column takes", () => {
    const row = z.object({
      f: z.number().nullable(),
      i: z.int().optional(),
      l: z.bigint(),
      b: z.boolean(),
      s: z.string(),
      e: z.enum(["x"]),
      d: z.date(),
      j: z.array(z.number()),
      p: z.string().transform(Number),
    });
    const dtypes = dataframe(row).describeTensors!().map(({ name, dtype }) => [name, dtype]);
    expect(Object.fromEntries(dtypes)).toEqual({
      f: "float64",
      i: "int64",
      l: "int64",
      b: "bool",
      s: "string",
      e: "string",
      d: "string",
      j: "string",
      p: "string",
    });
  });

  test("of shape [n, k] hold all columns in the order of the schema", async () => {
    const input = dataframe(schema);
    const data = Float32Array.of(1.5, 2, 3, 4.5, 5, NaN);
    const payload = await input.parseTensors!([{ name: "x", type: "float32", dims: [2, 3], data }]);
    expect(frameOf(input.toArgument(payload))!.toRecords()).toEqual([
      { a: 1.5, b: 2, c: 3 },
      { a: 4.5, b: 5, c: null },
    ]);
  });

  test("of nested values hold them as JSON text", async () => {
    const input = dataframe(z.object({ j: z.array(z.number()) }));
    const data = ["[1,2]", "[]"];
    const payload = await input.parseTensors!([{ name: "j", type: "string", dims: [2], data }]);
    expect(frameOf(input.toArgument(payload))!.toRecords()).toEqual([{ j: [1, 2] }, { j: [] }]);
  });

  test.each([
    ["no tensors", [], "has no tensors"],
    [
      "another width",
      [["x", [2, 2], 4]],
      'The tensor "x" has the shape [2, 2], and the schema 3 columns',
    ],
    [
      "three dimensions",
      [["a", [1, 1, 1], 1]],
      "Send each column as a tensor of shape [n] or [n, 1]",
    ],
    [
      "lengths that differ",
      [
        ["a", [2], 2],
        ["b", [3], 3],
      ],
      'The tensor "b" has 3 rows, and "a" 2',
    ],
    [
      "a name twice",
      [
        ["a", [1], 1],
        ["a", [1], 1],
      ],
      'The tensor "a" comes twice',
    ],
    [
      "a missing column",
      [
        ["a", [1], 1],
        ["c", [1], 1],
      ],
      'column "b" is missing',
    ],
    ["fewer elements than the shape says", [["a", [3], 2]], "has 2 elements, and its shape 3"],
  ] as const)("with %s are refused", async (_, sent, message) => {
    const tensors = sent.map(([name, dims, count]) => ({
      name,
      type: "float64" as const,
      dims,
      data: new Float64Array(count),
    }));
    const read = async () => await dataframe(schema).parseTensors!(tensors);
    await expect(read()).rejects.toThrow(message);
    await expect(read()).rejects.toMatchObject({ code: "INPUT_INVALID" });
  });
});

describeInput("dataframe with an orient", () => ({
  input: dataframe(
    z.object({ a: z.number(), b: z.string().optional(), when: z.date().nullable() }),
    {
      orient: "split",
    },
  ),
  samples: [
    [],
    [
      { a: 1, b: "x", when: new Date(0) },
      { a: 2, when: null },
    ],
    Array.from({ length: 20 }, (_, a) => ({ a, b: "é", when: null })),
  ],
  itemsOf: (argument) => frameOf(argument)!.toRecords(),
  broken: [toBody("[]"), toBody("{}"), toBody('{"columns":["a"],"data":[[1,2]]}')],
}));

test.each(["records", "columns", "values", "split", "index"] as const)(
  "a value is written in the orient %s when that is the one that is read",
  async (orient) => {
    const schema = z.object({ a: z.number(), b: z.bigint().optional(), c: z.date().nullish() });
    const input = dataframe(schema, { orient });
    const rows = [
      { a: 1, b: 2n ** 60n, c: new Date(5) },
      { a: 2, c: null },
    ];
    const { bytes, mediaType } = input.encode(rows);
    const payload = await input.parse(toBody(bytes, mediaType));
    expect(frameOf(input.toArgument(payload))!.toRecords()).toEqual(rows);
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    const described = z.fromJSONSchema(input.content()["application/json"]!.schema as never);
    expect(described.safeParse(value).error).toBeUndefined();
    const empty = await input.parse(toBody(input.encode([]).bytes));
    expect(empty.items).toBe(0);
  },
);
