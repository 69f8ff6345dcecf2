import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { z } from "zod";
import type { Input, Payload, RequestBody } from "../../sdk/inputs/input.js";

/** The payload of a body that an input reads at once. */
export function parseNow(input: Input, body: RequestBody): Payload {
  const payload = input.parse(body);
  if (payload instanceof Promise) throw new Error("The input answered with a promise.");
  return payload;
}

/** The rows of a fixture. */
export function readFixture(name: string): Record<string, unknown>[] {
  const file = new URL(`../fixtures/data/${name}`, import.meta.url);
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A schema of the rows of a fixture: the kinds that its values have. */
export function schemaOf(rows: readonly Record<string, unknown>[]): z.ZodObject {
  const names = Object.keys(rows[0]!);
  const shape = names.map((name) => {
    const values = rows.map((row) => row[name]);
    const present = values.find((value) => value !== null);
    const base =
      typeof present === "number"
        ? z.number()
        : typeof present === "boolean"
          ? z.boolean()
          : z.string();
    return [name, values.includes(null) ? base.nullable() : base] as const;
  });
  return z.object(Object.fromEntries(shape));
}

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 0, 1e308, -1e308, 5e-324, 0.1, 2 ** 53),
);
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "0", "null", "NaN", "Köln", "日本", "👩‍🚀", "__proto__"),
);
const integer = fc.integer();

/** The ways to write a column: its schema, and the values that the schema takes. */
export const COLUMNS: readonly { schema: z.ZodType; values: fc.Arbitrary<unknown> }[] = [
  { schema: z.number(), values: number },
  { schema: z.number().nullable(), values: fc.option(number) },
  { schema: z.number().min(-5).lt(5), values: fc.double({ min: -5, max: 4.5, noNaN: true }) },
  { schema: z.int(), values: integer },
  { schema: z.int32().nullish(), values: fc.option(integer) },
  { schema: z.number().int().multipleOf(5), values: integer.map((value) => (value % 1000) * 5) },
  { schema: z.uint32(), values: fc.nat() },
  { schema: z.string(), values: text },
  { schema: z.string().nullable(), values: fc.option(text) },
  { schema: z.string().min(2).max(20), values: fc.string({ minLength: 2, maxLength: 20 }) },
  { schema: z.string().trim().toLowerCase(), values: text },
  { schema: z.boolean(), values: fc.boolean() },
  { schema: z.boolean().nullable(), values: fc.option(fc.boolean()) },
  { schema: z.enum(["a", "b", "Ü"]), values: fc.constantFrom("a", "b", "Ü") },
  { schema: z.literal([1, 2]), values: fc.constantFrom(1, 2) },
  { schema: z.literal(["x", null]), values: fc.constantFrom("x", null) },
  { schema: z.bigint(), values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { schema: z.bigint().positive().nullable(), values: fc.option(fc.bigInt({ min: 1n, max: 99n })) },
  { schema: z.date(), values: fc.date({ noInvalidDate: true, min: new Date(0) }) },
  { schema: z.coerce.date().nullable(), values: fc.option(fc.constantFrom("2020-05-06", 12)) },
  { schema: z.iso.date(), values: fc.constantFrom("2020-01-31", "1999-12-01") },
  { schema: z.coerce.number(), values: fc.constantFrom("1.5", 2, true) },
  { schema: z.union([z.number(), z.null()]), values: fc.option(number) },
  { schema: z.union([z.number(), z.string()]), values: fc.oneof(number, text) },
  { schema: z.array(z.number()), values: fc.array(number, { maxLength: 3 }) },
  { schema: z.object({ deep: z.array(z.string()) }), values: fc.record({ deep: fc.array(text) }) },
  { schema: z.unknown(), values: fc.jsonValue() },
  { schema: z.string().transform((value) => value.length), values: text },
  { schema: z.stringbool(), values: fc.constantFrom("yes", "no", "true") },
  { schema: z.number().readonly(), values: number },
];

/** Columns that a row may leave out. */
export const OPTIONAL: typeof COLUMNS = [
  { schema: z.number().optional(), values: number },
  { schema: z.string().nullish(), values: fc.option(text) },
  { schema: z.boolean().optional().nullable(), values: fc.option(fc.boolean()) },
  { schema: z.number().default(7), values: number },
  { schema: z.array(z.string()).default(() => ["made"]), values: fc.array(text, { maxLength: 2 }) },
  { schema: z.bigint().optional(), values: fc.bigInt({ min: 0n, max: 9n }) },
  { schema: z.date().optional(), values: fc.constant(new Date(1e12)) },
  { schema: z.number().catch(-1), values: fc.oneof(number, text) },
];

export interface Table {
  schema: z.ZodObject;
  /** The rows as JSON brings them, with their keys in any order. */
  sent: Record<string, unknown>[];
}

/** Tables of any columns, whose rows the schema takes. */
export const tables: fc.Arbitrary<Table> = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.string(),
        fc.constantFrom("a", "mean radius", "toString", "constructor", "$data"),
      ),
      fc.oneof(
        fc.constantFrom(...COLUMNS).map((column) => ({ ...column, optional: false })),
        fc.constantFrom(...OPTIONAL).map((column) => ({ ...column, optional: true })),
      ),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((columns) => [...new Map(columns.filter(([name]) => name !== "__proto__"))])
  .filter((columns) => columns.length > 0)
  .chain((columns) => {
    const schema = z.object(
      Object.fromEntries(columns.map(([name, { schema }]) => [name, schema])),
    );
    const cells = columns.map(([name, { values, optional }]) =>
      fc
        .tuple(optional ? fc.boolean() : fc.constant(true), values)
        .map(([sent, value]): [string, unknown][] => (sent ? [[name, value]] : [])),
    );
    const row = fc
      .tuple(...cells)
      .chain((found) => fc.shuffledSubarray(found.flat(), { minLength: found.flat().length }))
      .map((entries) => Object.fromEntries(entries));
    return fc.record({ schema: fc.constant(schema), sent: fc.array(row, { maxLength: 12 }) });
  })
  .map(({ schema, sent }) => ({ schema, sent: throughJson(sent) }));

/** What arrives when a value is sent: bigints as decimal text, dates as ISO 8601, -0 as it is. */
export function throughJson<Value>(value: Value): Value {
  return JSON.parse(printJson(value)) as Value;
}

/** JSON.stringify, but for the sign of zero, which JSON can say and JSON.stringify does not. */
export function printJson(value: unknown): string {
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "bigint") return `"${value}"`;
  if (Array.isArray(value)) return `[${value.map((each) => printJson(each)).join(",")}]`;
  if (typeof value !== "object" || value === null || value instanceof Date) {
    return JSON.stringify(value) ?? "null";
  }
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${printJson(each)}`).join(",")}}`;
}
