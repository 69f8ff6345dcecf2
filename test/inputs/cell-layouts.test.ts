import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { EkibenError } from "../../sdk/core/errors.js";
import type { CellTable } from "../../sdk/inputs/cell-table.js";
import { parseJson, readText } from "../../sdk/inputs/json-text.js";
import { readOrient } from "../../sdk/inputs/read-orient.js";
import { readSource } from "../../sdk/inputs/read-source.js";
import { createRowReader, type RowReader, type Table } from "../../sdk/inputs/row-reader.js";
import { readCsv } from "../../sdk/tables/csv.js";
import { ORIENT_WRITERS, toBody, type Rows } from "./table-formats.js";
import { printJson } from "./tables.js";

/** The two ways to read a body: from its bytes, and the one that also explains. */
interface Layout {
  write(rows: Rows, names: readonly string[]): string;
  fast(reader: RowReader, bytes: Uint8Array): CellTable | undefined;
  slow(reader: RowReader, bytes: Uint8Array): Table;
}

function readSlowly(reader: RowReader, bytes: Uint8Array): Table {
  const names = reader.schema.sent.map(({ name }) => name);
  const table = readOrient(parseJson(readText(toBody(bytes))), { names }, bytes);
  return "rows" in table ? reader.read(table.rows) : reader.readColumns(table);
}

const LAYOUTS: Readonly<Record<string, Layout>> = {
  values: {
    write: ORIENT_WRITERS.values,
    fast: (reader, bytes) => reader.readBytes(bytes),
    slow: readSlowly,
  },
  split: {
    write: (rows, names) => ORIENT_WRITERS.split(rows, names),
    fast: (reader, bytes) => reader.readBytes(bytes),
    slow: readSlowly,
  },
  CSV: {
    write: (rows, names) =>
      [names, ...rows.map((row) => names.map((name) => row[name]))]
        .map((line) => line.map(printField).join(","))
        .join("\n"),
    fast: (reader, bytes) => reader.readCsvBytes(bytes),
    slow: (reader, bytes) => reader.readColumns(readSource(reader.schema, readCsv(bytes))),
  },
};

function printField(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") return printJson(value);
  return /[",;\t\r\n]|^$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/** Whether the bytes were read as cells, which then have to be what the other way makes. */
function readsCells(
  layout: Layout,
  schema: z.ZodType,
  text: string | Uint8Array,
  generate = true,
): boolean {
  const bytes = Buffer.from(text as string);
  const reader = createRowReader(schema, generate);
  const cells = layout.fast(reader, bytes);
  if (cells === undefined) return false;
  let rows: Table;
  try {
    rows = layout.slow(reader, bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(EkibenError);
    expect.fail(`Only the cell reader takes ${bytes.toString()}`);
  }
  expect(cells).toHaveLength(rows.length);
  const plain = (table: Table): unknown => reader.mergeToFrame([table]).toPlain();
  expect(plain(cells)).toEqual(plain(rows));
  return true;
}

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 0, 1e308, 5e-324, 0.1, 2 ** 53, 123456.789),
);
const choice = z.enum(["a", "b", "ab", "Ü", "1", 'say "x"', "x,y"]);
const COLUMNS: readonly { schema: z.ZodType; values: fc.Arbitrary<unknown> }[] = [
  { schema: z.number(), values: number },
  { schema: z.number().nullable(), values: fc.option(number) },
  { schema: z.number().nullish(), values: fc.option(number) },
  { schema: z.number().optional(), values: number },
  { schema: z.int(), values: fc.integer() },
  { schema: z.int().min(-5).max(5).nullable(), values: fc.option(fc.integer({ min: -5, max: 5 })) },
  { schema: z.boolean(), values: fc.boolean() },
  { schema: z.boolean().nullable(), values: fc.option(fc.boolean()) },
  { schema: choice, values: fc.constantFrom(...choice.options) },
  { schema: choice.nullable(), values: fc.option(fc.constantFrom(...choice.options)) },
  { schema: z.enum(["", "true"]), values: fc.constantFrom("", "true") },
];

const written = fc
  .uniqueArray(
    fc.tuple(
      fc.oneof(
        fc.string({ minLength: 1, maxLength: 8 }),
        fc.constantFrom("a", "Größe", "data", "index", "__proto__", "toString"),
      ),
      fc.constantFrom(...COLUMNS),
    ),
    { minLength: 1, maxLength: 5, selector: ([name]) => name },
  )
  .chain((columns) => {
    const schema = z.object(
      Object.fromEntries(columns.map(([name, { schema: cell }]) => [name, cell])),
    );
    const cells = columns.map(([name, { values }]) =>
      values.map((value): [string, unknown] => [name, value]),
    );
    const row = fc.tuple(...cells).map((entries) => Object.fromEntries(entries));
    const names = fc.shuffledSubarray(
      columns.map(([name]) => name),
      { minLength: columns.length },
    );
    return fc.record({
      schema: fc.constant(schema),
      names,
      rows: fc.array(row, { maxLength: 6 }),
      end: fc.constantFrom("", "", "\n", "\r\n", " "),
      spaced: fc.boolean(),
    });
  });

describe.each(Object.keys(LAYOUTS))("a table in %s", (name) => {
  const layout = LAYOUTS[name]!;

  test("is the same table from its bytes as in the other way", () => {
    let read = 0;
    fc.assert(
      fc.property(written, fc.boolean(), ({ schema, names, rows, end, spaced }, generate) => {
        const order = name === "values" ? Object.keys(schema.shape) : names;
        const text = layout.write(rows, order) + end;
        const styled =
          spaced && name !== "CSV" ? text.replaceAll(/([,:])(?=[[{"\d-])/g, "$1 ") : text;
        if (readsCells(layout, schema, styled, generate)) read++;
      }),
      { numRuns: 500 },
    );
    expect(read).toBeGreaterThan(100);
  });

  test("of which some bytes were exchanged is refused by both ways or neither", () => {
    const byte = fc.oneof(
      fc
        .constantFrom(...'[]{},:;" \t\r\n0123456789.-+eEtfnu\\ax')
        .map((sign) => sign.charCodeAt(0)),
      fc.nat({ max: 255 }),
    );
    const change = fc.record({
      at: fc.nat(),
      take: fc.nat({ max: 2 }),
      put: fc.array(byte, { maxLength: 2 }),
    });
    fc.assert(
      fc.property(
        written,
        fc.array(change, { minLength: 1, maxLength: 3 }),
        ({ schema, names, rows, end }, changes) => {
          const order = name === "values" ? Object.keys(schema.shape) : names;
          const bytes = [...Buffer.from(layout.write(rows, order) + end)];
          for (const { at, take, put } of changes) bytes.splice(at % bytes.length, take, ...put);
          readsCells(layout, schema, Uint8Array.from(bytes));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("with any one byte exchanged, and in every cut", () => {
    const schema = z.object({ a: z.number().nullable(), b: z.boolean(), c: z.enum(["x", "xy"]) });
    const rows = [
      { a: -1.5e3, b: true, c: "xy" },
      { a: null, b: false, c: "x" },
      { a: 7, b: false, c: "x" },
    ];
    const bytes = Buffer.from(`${layout.write(rows, ["a", "b", "c"])}\n`);
    expect(readsCells(layout, schema, bytes)).toBe(true);
    for (let at = 0; at < bytes.length; at++) {
      readsCells(layout, schema, bytes.subarray(0, at));
      for (const other of Buffer.from(' "{}[],;:.-0915eExtfn\\\r\n\u0000\u00ff')) {
        const changed = Buffer.from(bytes);
        changed[at] = other;
        readsCells(layout, schema, changed);
      }
    }
  });

  test("with many rows and columns is read from the bytes", () => {
    const wide = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`c${i}`, i / 7]));
    const schema = z.object(
      Object.fromEntries(Object.keys(wide).map((column) => [column, z.number()])),
    );
    const text = layout.write(Array(200).fill(wide), Object.keys(wide));
    expect(readsCells(layout, schema, text)).toBe(true);
  });
});

const schema = z.object({
  n: z.number(),
  i: z.int().min(0).nullable(),
  b: z.boolean().optional(),
  e: z.enum(["red", "grün"]).nullish(),
});

test.each([
  ["values", '[[1.5,2,true,"red"],[-0,null,false,null]]'],
  ["split", '{"columns":["n","i"],"index":[0,1],"data":[[1,2],[3,null]]}'],
  ["split", '{"index": ["x", "y"], "columns": ["i", "n"], "data": [[1, 2], [null, 3]]}\n'],
  ["split", '{"columns":["e","n","i"],"data":[["grün",1,2]]}'],
  ["CSV", "n,i,b,e\n1.5,2,true,red\n-0,,False,\n"],
  ["CSV", "\ufeffn;i\r\n1;2\r\n3;"],
  ["CSV", "i\tn\n1\t2\n"],
  ["CSV", "e,n,i\ngrün,1,2"],
] as const)("%s is read from the bytes: %s", (layout, text) => {
  expect(readsCells(LAYOUTS[layout]!, schema, text)).toBe(true);
});

test.each([
  ["values", "[[1,2,true]]"],
  ["values", '[[1,2,null,"red"]]'],
  ["values", '[[1,-2,true,"red"]]'],
  ["values", "[[]]"],
  ["split", '{"columns":["n","i"],"index":[0],"data":[[1,2],[3,4]]}'],
  ["split", '{"columns":["n","i","n"],"data":[[1,2,3]]}'],
  ["split", '{"columns":["n","i","x"],"data":[[1,2,3]]}'],
  ["split", '{"columns":["n"],"data":[[1]]}'],
  ["split", '{"columns":["n","i"],"more":[],"data":[[1,2]]}'],
  ["split", '{"columns":["n","i"],"data":[[1,2]],"index":[0]}'],
  ["split", '{"columns":["n","i"],"data":[[1,2]]}}'],
  ["split", '{"columns":["n","i"],"index":"data":[[1,2]]}'],
  ["CSV", "n,i\n1,2\n\n"],
  ["CSV", 'n,i\n"1",2\n'],
  ["CSV", "n,i\n1,2,3\n"],
  ["CSV", "n,i\n1\n"],
  ["CSV", "n,i\r1,2\r"],
  ["CSV", "n,i,x\n1,2,3\n"],
  ["CSV", "n,i\n,2\n"],
  ["CSV", "n,i\n01,2\n"],
  ["CSV", "n,i\n1.,2\n"],
  ["CSV", ""],
] as const)("%s is left to the other way: %s", (layout, text) => {
  expect(readsCells(LAYOUTS[layout]!, schema, text)).toBe(false);
});

test("a table that could be in two orients is not read from the bytes", () => {
  const both = z.object({ columns: z.number(), data: z.number() });
  const reader = createRowReader(both);
  const text = '{"columns":["columns","data"],"data":[[1,2]]}';
  expect(reader.readBytes(Buffer.from(text))).toBeUndefined();
});
