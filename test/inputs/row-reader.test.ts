import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { EkibenError } from "../../sdk/core/errors.js";
import { createRowReader } from "../../sdk/inputs/row-reader.js";
import { isInherited } from "../../sdk/inputs/row-schema.js";
import { toWireSchema } from "../../sdk/inputs/wire-schema.js";
import { readFixture, schemaOf, tables, throughJson, type Table } from "./tables.js";

/** What zod makes of each row; the names that objects inherit taken as absent. */
function zodRows({ schema, sent }: Table): unknown[] | undefined {
  const wire = toWireSchema(schema);
  const results = throughJson(sent).map((row) =>
    wire.safeParse(Object.assign(Object.create(null) as object, row)),
  );
  return results.every((result) => result.success) ? results.map(({ data }) => data) : undefined;
}

function read(table: Table, generate: boolean): Record<string, unknown>[] | undefined {
  const reader = createRowReader(table.schema, generate);
  try {
    return reader.toFrame(reader.read(throughJson(table.sent))).toRecords();
  } catch (error) {
    expect((error as EkibenError).code).toBe("INPUT_INVALID");
    return undefined;
  }
}

/** A frame does not tell a property that is `undefined` from one that is not there. */
function withoutUndefined(rows: unknown[] | undefined): unknown {
  return rows?.map((row) =>
    Object.fromEntries(Object.entries(row as object).filter(([, value]) => value !== undefined)),
  );
}

describe("generated code, code without generation and zod agree", () => {
  test("on rows that are valid", () => {
    fc.assert(
      fc.property(tables, (table) => {
        const expected = withoutUndefined(zodRows(table));
        expect(expected).toBeDefined();
        expect(read(table, true)).toEqual(expected);
        expect(read(table, false)).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  test("on rows of which one cell is something else", () => {
    const other = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(1.5, -1, 1e300, "", "x", true, null, [], {}, "2020-01-01", "12", 2 ** 60),
      fc.constant(undefined),
    );
    fc.assert(
      fc.property(tables, fc.nat(), fc.nat(), other, (table, row, column, value) => {
        fc.pre(table.sent.length > 0);
        const names = Object.keys(table.schema.shape);
        const spoiled = table.sent[row % table.sent.length]!;
        const name = names[column % names.length]!;
        if (value === undefined) delete spoiled[name];
        else spoiled[name] = value;
        const expected = withoutUndefined(zodRows(table));
        expect(read(table, true)).toEqual(expected);
        expect(read(table, false)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test.each(["churn_200.ndjson", "breast_cancer_100.ndjson", "iris.ndjson", "wine.ndjson"])(
    "on every row of %s, and on each with one cell taken away or exchanged",
    (file) => {
      const rows = readFixture(file);
      const schema = schemaOf(rows);
      expect(read({ schema, sent: rows }, true)).toEqual(rows);
      expect(read({ schema, sent: rows }, false)).toEqual(rows);
      const names = Object.keys(rows[0]!);
      names.forEach((name, at) => {
        const row = rows[at * 3]!;
        const { [name]: _, ...rest } = row;
        for (const sent of [[rest], [{ ...row, [name]: null }], [{ ...row, [name]: ["x"] }]]) {
          const expected = withoutUndefined(zodRows({ schema, sent }));
          expect(read({ schema, sent }, true)).toEqual(expected);
          expect(read({ schema, sent }, false)).toEqual(expected);
        }
      });
    },
  );

  test("on columns with the names that every object inherits", () => {
    expect(isInherited("toString")).toBe(true);
    const schema = z.object({ toString: z.number(), constructor: z.string().optional() });
    for (const sent of [[{}], [{ toString: 1 }], [{ toString: 2, constructor: "c" }]]) {
      const expected = withoutUndefined(zodRows({ schema, sent }));
      expect(read({ schema, sent }, true)).toEqual(expected);
      expect(read({ schema, sent }, false)).toEqual(expected);
    }
  });
});

test("columns are checked alike with generated code, without it and as rows", () => {
  const other = fc.oneof(fc.jsonValue(), fc.constantFrom(1.5, "", "x", true, null, "12", 2 ** 60));
  const times = fc.constantFrom(1, 3);
  fc.assert(
    fc.property(
      tables,
      times,
      fc.option(fc.tuple(fc.nat(), fc.nat(), other)),
      ({ schema, sent }, count, bad) => {
        const names = Object.keys(schema.shape);
        const rows = Array.from({ length: count }, () => throughJson(sent)).flat();
        const columns = new Map(names.map((name) => [name, rows.map((row) => row[name] ?? null)]));
        if (bad !== null && rows.length > 0) {
          columns.get(names[bad[1] % names.length]!)![bad[0] % rows.length] = bad[2] as never;
        }
        const results = [true, false].map((generate) => {
          const reader = createRowReader(schema, generate);
          try {
            const table = reader.readColumns({ rowCount: rows.length, columns });
            return reader.mergeToFrame([table, table]).toPlain();
          } catch (error) {
            expect((error as EkibenError).code).toBe("INPUT_INVALID");
            return (error as EkibenError).facts;
          }
        });
        expect(results[0]).toEqual(results[1]);
      },
    ),
    { numRuns: 200 },
  );
});

test("frames of the same columns do not depend on where the rows are cut", () => {
  fc.assert(
    fc.property(
      tables,
      fc.array(fc.nat({ max: 12 }), { maxLength: 4 }),
      ({ schema, sent }, cuts) => {
        const reader = createRowReader(schema);
        const whole = reader.toFrame(reader.read(throughJson(sent)));
        const at = [0, ...cuts.sort((a, b) => a - b), sent.length];
        const parts = at.slice(1).map((end, i) => reader.read(throughJson(sent.slice(at[i], end))));
        const merged = reader.toFrame(parts.flat().slice(0, sent.length));
        expect(merged.toPlain()).toEqual(whole.toPlain());
        expect(merged.columns.map(({ kind }) => kind)).toEqual(
          whole.columns.map(({ kind }) => kind),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test("the kind of each column follows from its schema alone", () => {
  const reader = createRowReader(
    z.object({
      float: z.number(),
      int: z.int().nullable(),
      big: z.bigint(),
      flag: z.boolean().optional(),
      text: z.email(),
      day: z.date().nullable(),
      coerced: z.coerce.number(),
      even: z.int().multipleOf(2),
      choice: z.union([z.literal("a"), z.literal("b"), z.null()]),
      piped: z.string().transform(Number).pipe(z.number()),
      made: z.string().transform((value) => value.split(",")),
      list: z.array(z.number()),
      mixed: z.union([z.string(), z.number()]),
    }),
  );
  const frame = reader.toFrame([]);
  expect(frame.columns.map(({ kind }) => kind)).toEqual([
    "float64",
    "int",
    "bigint",
    "boolean",
    "string",
    "date",
    "float64",
    "int",
    "string",
    "float64",
    "json",
    "json",
    "json",
  ]);
  const masks = frame.names.filter((_, at) => frame.columns[at]!.missing !== undefined);
  expect(masks).toEqual(["int", "flag", "day"]);
});

test("a value that is missing is null or not sent, and stays what it was", () => {
  const reader = createRowReader(z.object({ a: z.number().nullish(), b: z.string().nullish() }));
  const rows = [{ a: null }, {}, { a: 1, b: null }, { b: "x" }];
  const frame = reader.toFrame(reader.read(structuredClone(rows)));
  expect(frame.toRecords()).toEqual(rows);
  expect([...frame.column("a")!.missing!]).toEqual([1, 2, 0, 2]);
  expect(frame.column("a")!.values).toEqual(Float64Array.of(NaN, NaN, 1, NaN));
  expect(frame.column("b")!.values).toEqual([null, null, null, "x"]);
});

describe("columns that the schema does not name", () => {
  const shape = { a: z.number() };
  const sent = [{ a: 1, more: "x" }, { a: 2 }, { a: 3, other: [1] }];

  test("are dropped by z.object", () => {
    expect(read({ schema: z.object(shape), sent }, true)).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
  });

  test("are refused by z.strictObject, by name", () => {
    const reader = createRowReader(z.strictObject(shape));
    expect(() => reader.read(structuredClone(sent))).toThrow(
      '2 of 3 rows are not valid; first: row 0, column "more": the schema has no such column.',
    );
    expect(read({ schema: z.strictObject(shape), sent: [{ a: 1 }] }, true)).toEqual([{ a: 1 }]);
  });

  test("are kept by z.looseObject and checked by catchall", () => {
    expect(read({ schema: z.looseObject(shape) as never, sent }, true)).toEqual(sent);
    const numbers = z.object(shape).catchall(z.string()) as never;
    expect(read({ schema: numbers, sent: [{ a: 1, b: "x" }] }, true)).toEqual([{ a: 1, b: "x" }]);
    expect(read({ schema: numbers, sent: [{ a: 1, b: 2 }] }, true)).toBeUndefined();
  });

  test("are kept up to a number that bounds the memory they take", () => {
    const reader = createRowReader(z.looseObject(shape));
    const rows = Array.from({ length: 300 }, (_, i) => ({ a: i, [`c${i}`]: i }));
    expect(() => reader.read(rows)).toThrow("300 columns that the schema does not name");
  });
});

describe("a schema of the whole row", () => {
  test("may refine it", () => {
    const schema = z
      .object({ from: z.number(), to: z.number() })
      .refine((row) => row.from < row.to, {
        message: "from must be less than to",
      });
    expect(read({ schema, sent: [{ from: 1, to: 2 }] }, true)).toEqual([{ from: 1, to: 2 }]);
    const reader = createRowReader(schema);
    expect(() =>
      reader.read([
        { from: 1, to: 2 },
        { from: 3, to: 2 },
      ]),
    ).toThrow(
      "1 of 2 rows are not valid; first: row 1: from must be less than to, received object.",
    );
    expect(reader.toFrame([]).names).toEqual(["from", "to"]);
  });

  test("may transform it into other columns", () => {
    const reader = createRowReader(
      z
        .object({ a: z.number(), b: z.number() })
        .transform(({ a, b }) => ({ sum: a + b, name: `${a}` })),
    );
    const frame = reader.toFrame(
      reader.read([
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ]),
    );
    expect(frame.toRecords()).toEqual([
      { sum: 3, name: "1" },
      { sum: 7, name: "3" },
    ]);
    expect(frame.columns.map(({ kind }) => kind)).toEqual(["float64", "string"]);
  });

  test("must be an object", () => {
    for (const schema of [z.string(), z.array(z.object({})), z.record(z.string(), z.number())]) {
      expect(() => createRowReader(schema)).toThrow(
        expect.objectContaining({ code: "SCHEMA_UNSUPPORTED" }),
      );
    }
    expect(() => createRowReader({} as never)).toThrow("needs a zod schema");
  });

  test("must not have to wait", () => {
    const waits = async () => true;
    for (const schema of [
      z.object({ a: z.string().refine(waits) }),
      z.object({ a: z.string() }).refine(waits),
      z.object({ a: z.string().transform(async (value) => value) }),
    ]) {
      expect(() => createRowReader(schema)).toThrow("asynchronous");
    }
    // Not seen before it runs: a plain function that answers with a promise.
    const hidden = createRowReader(z.object({ a: z.string().refine(() => Promise.resolve(true)) }));
    expect(() => hidden.read([{ a: "x" }])).toThrow("asynchronous");
  });
});

describe("dates and bigints", () => {
  const reader = createRowReader(z.object({ at: z.date().nullable(), id: z.bigint() }));
  const row = (at: unknown, id: unknown) =>
    reader.toFrame(reader.read([{ at, id }])).toRecords()[0];

  test("come as ISO 8601 text and as integers or decimal text", () => {
    expect(row("2018-05-07", 5)).toEqual({ at: new Date(Date.UTC(2018, 4, 7)), id: 5n });
    expect(row("2024-05-14T20:58:22+02:00", "-9223372036854775808")).toEqual({
      at: new Date("2024-05-14T18:58:22Z"),
      id: -(2n ** 63n),
    });
    expect(row(null, "9007199254740993")).toEqual({ at: null, id: 9007199254740993n });
  });

  test.each([
    ["2024-05-14T20:58:22", 1, "expected date"],
    ["2024-02-31x", 1, "expected date"],
    ["yesterday", 1, "expected date"],
    [0, 1, "expected date"],
    ["2024-05-14", 2 ** 53, "expected bigint"],
    ["2024-05-14", 1.5, "expected bigint"],
    ["2024-05-14", "1e3", "expected bigint"],
    ["2024-05-14", "9223372036854775808", "64 bits"],
  ])("are refused when they would mean something else: %s, %s", (at, id, message) => {
    expect(() => row(at, id)).toThrow(message);
  });
});

test("no row can reach the prototype of objects", () => {
  const text =
    '[{"a": 1, "__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}]';
  for (const schema of [z.object({ a: z.number() }), z.looseObject({ a: z.number() })]) {
    const reader = createRowReader(schema);
    const frame = reader.toFrame(reader.read(JSON.parse(text) as unknown[]));
    expect(frame.has("__proto__")).toBe(false);
    expect(frame.toRecords()[0]).toHaveProperty("a", 1);
    expect(Object.getPrototypeOf(frame.toRecords()[0])).toBe(Object.prototype);
  }
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  expect(() =>
    createRowReader(z.object({ a: z.number() })).read(
      JSON.parse('[{"__proto__": {"a": 1}}]') as unknown[],
    ),
  ).toThrow('column "a" is missing');
});
