import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { EkibenError } from "../../sdk/core/errors.js";
import { frameOf } from "../../sdk/frame/lazy-data-frame.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import type { Input } from "../../sdk/inputs/input.js";
import { toBody } from "./table-formats.js";
import { parseNow, readFixture } from "./tables.js";

const Customer = z.object({
  customer_id: z.string(),
  signup_date: z.date(),
  last_login: z.date().nullable(),
  plan: z.enum(["basic", "standard", "premium", "enterprise"]),
  payment_method: z.string().nullable(),
  country: z.string(),
  city: z.string(),
  postcode: z.string(),
  is_business: z.boolean(),
  auto_renew: z.enum(["Yes", "No"]),
  age: z.int().nullable(),
  tenure_months: z.int(),
  monthly_charges: z.number(),
  total_charges: z.number().nullable(),
  usage_hours: z.number().nullable(),
  support_tickets: z.int(),
  satisfaction: z.int().min(1).max(5).nullable(),
  note: z.string().nullable(),
  churned: z.int(),
});

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/data/${name}`, import.meta.url));

function rowsOf(input: Input, bytes: Uint8Array | string, contentType = "text/csv"): unknown[] {
  return frameOf(input.toArgument(parseNow(input, toBody(bytes, contentType))))!.toRecords();
}

/** The rows that the files have, from the same table in JSON. */
function expectedRows(): Record<string, unknown>[] {
  const text = JSON.stringify(readFixture("churn_200.ndjson"));
  return rowsOf(dataframe(Customer), text, "application/json") as Record<string, unknown>[];
}

function refuse(input: Input, text: string, contentType = "text/csv"): EkibenError {
  try {
    parseNow(input, toBody(text, contentType));
  } catch (error) {
    expect(error).toBeInstanceOf(EkibenError);
    return error as EkibenError;
  }
  throw new Error("It was accepted.");
}

describe("a table of customers, as CSV writes it, has the rows that it has in JSON", () => {
  test("with commas, quotes, line breaks in quotes and empty fields", () => {
    const lines = fixture("churn.csv");
    const rows = rowsOf(dataframe(Customer), lines);
    expect(rows).toHaveLength(5000);
    expect(rows.slice(0, 200)).toEqual(expectedRows());
    const namibia = rows.filter((row) => (row as { country: string }).country === "NA");
    expect(namibia.length).toBeGreaterThan(0);
  });

  test("with semicolons, decimal commas, CRLF and a byte order mark", () => {
    const input = dataframe(Customer, { csv: { decimal: "," } });
    const bytes = fixture("churn_200_semicolon_crlf_bom.csv");
    const expected = expectedRows().map((row) => ({
      ...row,
      // The file has CRLF in its quoted fields, too.
      note: (row["note"] as string | null)?.replaceAll(/\r?\n/g, "\r\n") ?? null,
    }));
    const rows = rowsOf(input, bytes) as Record<string, unknown>[];
    expect(
      rows.map((row) => ({
        ...row,
        note: (row["note"] as string | null)?.replaceAll(/\r?\n/g, "\r\n") ?? null,
      })),
    ).toEqual(expected);
  });

  test("with tabs and NA for what is missing, which leaves Namibia its code", () => {
    const input = dataframe(Customer, { csv: { missing: ["NA"] } });
    const bytes = fixture("churn_200_tab_na.tsv");
    expect(rowsOf(input, bytes, "text/tab-separated-values")).toEqual(expectedRows());
    expect(rowsOf(input, bytes, "text/csv")).toEqual(expectedRows());
  });

  test("in Latin-1, when the content type says so", () => {
    const bytes = fixture("churn_200_latin1.csv");
    const expected = expectedRows().map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          name,
          typeof value === "string" ? value.replaceAll(/[^ -\u00ff\n\r\t]/gu, "?") : value,
        ]),
      ),
    );
    expect(rowsOf(dataframe(Customer), bytes, "text/csv; charset=iso-8859-1")).toEqual(expected);
    expect(rowsOf(dataframe(Customer), bytes, "text/csv; charset=windows-1252")).toEqual(expected);
    const error = (() => {
      try {
        return parseNow(dataframe(Customer), toBody(bytes, "text/csv"));
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toMatchObject({ code: "BODY_MALFORMED" });
  });
});

describe("a field is read by the type of its column", () => {
  const one = (schema: z.ZodType, field: string, options = {}): unknown => {
    const input = dataframe(z.object({ a: z.string(), v: schema }), options);
    return (rowsOf(input, `a,v\nx,${field}\n`)[0] as { v?: unknown }).v;
  };

  test.each<[string, z.ZodType, string, unknown]>([
    ["a number", z.number(), "-1.5e3", -1500],
    ["a number with blanks around it", z.number(), " 12 ", 12],
    ["a number with a sign and without a digit before the point", z.number(), "+.5", 0.5],
    ["an integer with leading zeros", z.int(), "007", 7],
    ["a text with leading zeros", z.string(), "007", "007"],
    ["a text with blanks", z.string(), "  x ", "  x "],
    ["a text that says NA", z.string().nullable(), "NA", "NA"],
    ["a quoted empty text", z.string().nullable(), '""', ""],
    ["an empty field of a text that may be null", z.string().nullable(), "", null],
    ["an empty field of a text that has to be", z.string(), "", ""],
    ["an empty field of a number that may be null", z.number().nullable(), "", null],
    ["an empty field of a number that may be left out", z.number().optional(), "", undefined],
    ["an empty field of a number with a default", z.number().default(3), "", 3],
    ["an empty field of a text with a default", z.string().default("d"), "", "d"],
    ["an empty field of an enumeration that has it", z.enum(["", "x"]), "", ""],
    ["a bigint", z.bigint(), "+9007199254740993", 9007199254740993n],
    ["a choice", z.enum(["Yes", "No"]), "Yes", "Yes"],
    ["a choice that looks like a number", z.enum(["1", "2"]), "2", "2"],
    ["a number among literals", z.literal([1, 2]), "2", 2],
    ["true", z.boolean(), "true", true],
    ["False", z.boolean(), "False", false],
    ["TRUE", z.boolean(), "TRUE", true],
    ["1 as a truth value", z.boolean(), "1", true],
    ["0 as a truth value", z.boolean().nullable(), "0", false],
    ["a truth value that is made by the schema", z.stringbool(), "yes", true],
    ["coerced false", z.coerce.boolean(), "false", false],
    ["a coerced number", z.coerce.number(), "1.5", 1.5],
    ["a date", z.date(), "2020-02-29", new Date("2020-02-29")],
    ["a date with time", z.date(), "2020-01-01T10:00:00+02:00", new Date("2020-01-01T08:00:00Z")],
    [
      "a date as pandas writes it",
      z.date(),
      "2020-01-01 10:00:00+00:00",
      new Date("2020-01-01T10:00:00Z"),
    ],
    ["an ISO date that stays text", z.iso.date(), "2020-01-01", "2020-01-01"],
    ["a list as JSON", z.array(z.number()), '"[1,2]"', [1, 2]],
    ["a number or a word", z.union([z.number(), z.literal("none")]), "none", "none"],
    ["a number or a word that is a number", z.union([z.number(), z.literal("none")]), "4", 4],
    ["a number or any text, which is text", z.union([z.number(), z.string()]), "4", "4"],
    ["what a transform takes", z.string().transform((text) => text.length), "abc", 3],
    ["what is preprocessed", z.preprocess((value) => value, z.number()), "4", 4],
    ["anything", z.unknown(), "4", "4"],
  ])("%s", (_, schema, field, value) => {
    expect(one(schema, field)).toEqual(value);
  });

  test.each<[string, z.ZodType, string, string]>([
    ["a word for a number", z.number(), "x", 'expected number, received string "x"'],
    ["NaN for a number", z.number().nullable(), "NaN", 'expected number, received string "NaN"'],
    ["a grouped number", z.number(), '"1,299.5"', 'expected number, received string "1,299.5"'],
    ["a hexadecimal number", z.number(), "0x10", 'expected number, received string "0x10"'],
    ["an infinite number", z.number(), "Infinity", 'expected number, received string "Infinity"'],
    ["a missing number", z.number(), "", "expected number, received null"],
    ["a missing choice", z.enum(["a"]), "", "received null"],
    ["a choice with a blank", z.enum(["a"]), " a", 'received string " a"'],
    ["a fraction for an integer", z.int(), "1.5", "expected int, received number 1.5"],
    ["Yes for a truth value", z.boolean(), "Yes", 'expected boolean, received string "Yes"'],
    [
      "a date with time and no zone",
      z.date(),
      "2020-01-01 10:00:00",
      "expected date, received string",
    ],
    ["a year", z.date(), "2020", 'expected date, received string "2020"'],
    ["a fraction for a bigint", z.bigint(), "1.5", 'expected bigint, received string "1.5"'],
    ["text for a list", z.array(z.number()), "1;2", 'expected array, received string "1;2"'],
  ])("but not %s", (_, schema, field, message) => {
    const input = dataframe(z.object({ a: z.string(), v: schema }));
    const error = refuse(input, `a,v\nx,${field}\n`);
    expect(error.code).toBe("INPUT_INVALID");
    expect(error.message).toContain('row 0, column "v"');
    expect(error.message).toContain(message);
  });

  test("a decimal comma where a point is expected is refused with the way to read it", () => {
    const input = dataframe(z.object({ a: z.number(), b: z.string() }));
    expect(refuse(input, "a;b\n1,5;x\n").message).toContain('csv: { decimal: "," }');
    const comma = dataframe(z.object({ a: z.number(), b: z.string() }), { csv: { decimal: "," } });
    expect(rowsOf(comma, "a;b\n1,5;x\n")).toEqual([{ a: 1.5, b: "x" }]);
    expect(refuse(comma, "a;b\n1.5;x\n").message).toContain('received string "1.5"');
  });

  test("marks for missing values count where a value may be missing, numbers among them", () => {
    const schema = z.object({ a: z.number().nullable(), b: z.number(), c: z.string().optional() });
    const input = dataframe(schema, { csv: { missing: ["-999", "n/a"] } });
    expect(rowsOf(input, "a,b,c\n-999,-999,n/a\n1,2,x\n")).toEqual([
      { a: null, b: -999 },
      { a: 1, b: 2, c: "x" },
    ]);
  });
});

describe("the header", () => {
  const schema = z.object({ a: z.number(), b: z.string() });

  test("names the columns in any order, among others", () => {
    expect(rowsOf(dataframe(schema), "id,b,a\n7,x,1\n")).toEqual([{ a: 1, b: "x" }]);
    expect(rowsOf(dataframe(schema), "id;b;a\n7;x;1\n")).toEqual([{ a: 1, b: "x" }]);
    expect(rowsOf(dataframe(schema), "id\tb\ta\n7\tx\t1\n")).toEqual([{ a: 1, b: "x" }]);
    const loose = dataframe(z.looseObject({ a: z.number() }));
    expect(rowsOf(loose, "id,a\n07,1\n")).toEqual([{ a: 1, id: "07" }]);
    expect(refuse(dataframe(z.strictObject({ a: z.number() })), "id,a\n7,1\n").message).toContain(
      'column "id": the schema has no such column',
    );
  });

  test("is not there when the content type says so", () => {
    expect(rowsOf(dataframe(schema), "1,x\n", "text/csv; header=absent")).toEqual([
      { a: 1, b: "x" },
    ]);
  });

  test("may be all that there is", () => {
    const payload = parseNow(dataframe(schema), toBody("a,b\n", "text/csv"));
    expect(payload.items).toBe(0);
  });

  test("may name columns as objects have them", () => {
    const odd = z.object({ constructor: z.number(), toString: z.string() });
    expect(rowsOf(dataframe(odd), "constructor,toString,__proto__\n1,x,2\n")).toEqual([
      { constructor: 1, toString: "x" },
    ]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("that lacks a column or has one twice is refused", () => {
    expect(refuse(dataframe(schema), "A,b\n1,x\n2,y\n").message).toContain(
      'column "a" is missing in all 2 rows; did you mean "A"',
    );
    expect(refuse(dataframe(schema), "a,b,a\n1,x,2\n").code).toBe("INPUT_INVALID");
  });
});

test("rows of the wrong length and text that is no CSV are refused with the line", () => {
  const input = dataframe(z.object({ a: z.number(), b: z.string() }));
  expect(refuse(input, "a,b\n1,x\n2\n")).toMatchObject({ code: "BODY_MALFORMED" });
  expect(refuse(input, "a,b\n1,x\n2\n").message).toContain("Line 3");
  expect(refuse(input, 'a,b\n1,"x\n').message).toContain("never closed");
});

test("another delimiter may be fixed, and then no other is read", () => {
  const input = dataframe(z.object({ a: z.number(), b: z.string() }), { csv: { delimiter: "|" } });
  expect(rowsOf(input, "a|b\n1|x,y;z\n")).toEqual([{ a: 1, b: "x,y;z" }]);
  expect(refuse(input, "a,b\n1,x\n").message).toContain('column "a" is missing');
});

test("the page gets an example that is read as it stands", () => {
  const schema = z.object({ a: z.number(), b: z.string().nullable(), c: z.date(), d: z.bigint() });
  const rows = [
    { a: 1.5, b: 'say "x",\n', c: new Date(0), d: 2n ** 60n },
    { a: -2, b: null, c: new Date(1e12), d: 0n },
  ];
  const input = dataframe(schema);
  const content = input.content(rows);
  for (const mediaType of ["text/csv", "application/x-ndjson"]) {
    expect(rowsOf(input, content[mediaType]!.example as string, mediaType)).toEqual(rows);
  }
  const example = JSON.stringify(content["application/json"]!.example);
  expect(rowsOf(input, example, "application/json")).toEqual(rows);
  expect(content["application/vnd.apache.parquet"]!.example).toBeUndefined();
  expect(input.content()["text/csv"]!.example).toBeUndefined();
  const comma = dataframe(schema, { csv: { decimal: "," } });
  expect(comma.content(rows)["text/csv"]!.example).toBeUndefined();
});
