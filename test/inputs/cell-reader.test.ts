import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { EkibenError } from "../../sdk/core/errors.js";
import type { Frame } from "../../sdk/frame/frame.js";
import { frameOf } from "../../sdk/frame/lazy-data-frame.js";
import { CellTable } from "../../sdk/inputs/cell-table.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { parseJson, readText } from "../../sdk/inputs/json-text.js";
import { createRowReader, type RowReader, type Table } from "../../sdk/inputs/row-reader.js";
import { COLUMNS, OPTIONAL, parseNow, printJson, readFixture, schemaOf } from "./tables.js";

/** A frame with its numbers as the bytes that they are. */
function bitsOf({ names, columns, rowCount }: Frame): unknown {
  const bits = columns.map(({ kind, values, missing }) => ({
    kind,
    type: values.constructor.name,
    values: ArrayBuffer.isView(values)
      ? Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex")
      : values,
    missing: missing === undefined ? "no mask" : [...missing],
  }));
  return { names, rowCount, bits };
}

function toBody(bytes: Uint8Array | string, mediaType = "application/json") {
  return { bytes: Buffer.from(bytes as string), mediaType, parameters: {} };
}

/** The way by JSON.parse; `undefined` when it refuses. */
function readByParse(reader: RowReader, bytes: Uint8Array): Table | undefined {
  try {
    const rows = parseJson(readText(toBody(bytes)));
    return Array.isArray(rows) ? reader.read(rows) : undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(EkibenError);
    return undefined;
  }
}

/** Whether the bytes were read as cells, which then have to be what JSON.parse and the check make. */
function readsCells(schema: z.ZodType, text: string | Uint8Array, generate = true): boolean {
  const bytes = Buffer.from(text as string);
  const reader = createRowReader(schema, generate);
  const cells = reader.readBytes(bytes);
  if (cells === undefined) return false;
  const rows = readByParse(reader, bytes);
  if (rows === undefined) expect.fail(`Only the cell reader takes ${bytes.toString()}`);
  expect(cells).toHaveLength(rows.length);
  expect(bitsOf(reader.mergeToFrame([cells]))).toEqual(bitsOf(reader.mergeToFrame([rows])));
  return true;
}

const choice = z.enum(["a", "b", "ab", "Ü", 'say "x"', ""]);
/** The columns that are read as cells, and some that are not. */
const CELL_COLUMNS = [
  ...COLUMNS.slice(0, 5),
  ...COLUMNS.slice(11, 15),
  { schema: choice, values: fc.constantFrom(...choice.options) },
  { schema: choice.nullish(), values: fc.option(fc.constantFrom(...choice.options)) },
  { schema: z.literal(true).nullable(), values: fc.option(fc.constant(true)) },
  { schema: z.number().gt(0).lte(1e6).optional(), values: fc.integer({ min: 1, max: 1e6 }) },
  OPTIONAL[0]!,
  OPTIONAL[2]!,
];
const columnKinds = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(...CELL_COLUMNS) },
  { weight: 1, arbitrary: fc.constantFrom(...COLUMNS, ...OPTIONAL) },
);

const names = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
  fc.constantFrom("a", "mean radius", "Größe", "日本", "toString", "__proto__", 'q"\\', "\ud800"),
);

interface Written {
  schema: z.ZodObject;
  text: string;
}

/** Tables as clients may write them: one order of keys or many, blanks, other spellings of numbers. */
const written: fc.Arbitrary<Written> = fc
  .uniqueArray(fc.tuple(names, columnKinds), {
    minLength: 1,
    maxLength: 5,
    selector: ([name]) => name,
  })
  .chain((columns) => {
    const schema = z.object(
      Object.fromEntries(columns.map(([name, { schema }]) => [name, schema])),
    );
    const pairs = columns.map(([name, { values }]) =>
      values.map((value): [string, unknown] => [name, value]),
    );
    const all = fc.shuffledSubarray(pairs, { minLength: pairs.length });
    const same = fc
      .oneof({ weight: 4, arbitrary: all }, fc.shuffledSubarray(pairs, { minLength: 1 }))
      .chain((sent) => fc.array(fc.tuple(...sent), { minLength: 1, maxLength: 6 }));
    const mixed = fc.array(
      fc.shuffledSubarray(pairs, { minLength: 1 }).chain((sent) => fc.tuple(...sent)),
      { maxLength: 4 },
    );
    return fc.record({
      schema: fc.constant(schema),
      rows: fc.oneof({ weight: 3, arbitrary: same }, { weight: 1, arbitrary: mixed }),
      style: fc.constantFrom<Style>(
        [",", ":"],
        [", ", ": "],
        [",", ": "],
        [" ,", " : "],
        [",\n", ":\t"],
      ),
      end: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom("", "\n", " \r\n\t") },
        { weight: 1, arbitrary: fc.constantFrom("x", "]", ",", "\0") },
      ),
      spell: fc.oneof(
        { weight: 5, arbitrary: fc.func(fc.constantFrom(...SPELLINGS)) },
        { weight: 1, arbitrary: fc.func(fc.constantFrom(...SPELLINGS, ...STRANGE_SPELLINGS)) },
      ),
    });
  })
  .map(({ schema, rows, style: [comma, colon], end, spell }) => {
    const text = rows.map((row) => {
      const cells = row.map(([name, value]) => {
        const printed = typeof value === "number" ? spell(value)(value) : printJson(value);
        return `${JSON.stringify(name)}${colon}${printed}`;
      });
      return `{${cells.join(comma)}}`;
    });
    return { schema, text: `[${text.join(comma)}]${end}` };
  });

type Style = [comma: string, colon: string];

type Spell = (value: number) => string;

const SPELLINGS: readonly Spell[] = [
  printJson,
  (value) => value.toExponential(),
  (value) => value.toPrecision(20),
  (value) => printJson(value).replace(/^(-?\d+\.\d+)$/, "$10"),
];
const STRANGE_SPELLINGS: readonly Spell[] = [
  (value) => `0${value}`,
  (value) => `+${value}`,
  (value) => `"${value}"`,
  () => "1e400",
  () => "NaN",
];

describe("what is read from the bytes is what JSON.parse and the check of rows make of them", () => {
  test("in tables as clients write them, with and without generated code", () => {
    let read = 0;
    fc.assert(
      fc.property(written, fc.boolean(), ({ schema, text }, generate) => {
        if (readsCells(schema, text, generate)) read++;
      }),
      { numRuns: 1500 },
    );
    expect(read).toBeGreaterThan(120);
  });

  test("in tables of which some bytes were changed, added, taken away or cut off", () => {
    const byte = fc.oneof(
      fc.constantFrom(...'[]{},:" \n0123456789.-+eEtfnu\\ax').map((sign) => sign.charCodeAt(0)),
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
        fc.option(fc.nat(), { freq: 5 }),
        ({ schema, text }, changes, cut) => {
          const bytes = [...Buffer.from(text)];
          for (const { at, take, put } of changes) bytes.splice(at % bytes.length, take, ...put);
          readsCells(
            schema,
            Uint8Array.from(bytes.slice(0, cut === null ? undefined : cut % (bytes.length + 1))),
          );
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("in every cut of a table, and with any one byte exchanged", () => {
    const schema = z.object({ a: z.number().nullable(), ü: z.boolean(), c: z.enum(["x", "xy"]) });
    const bytes = Buffer.from('[{"a":-1.5e3,"ü":true,"c":"xy"}, {"a": null,"ü": false,"c":"x"}]\n');
    expect(readsCells(schema, bytes)).toBe(true);
    for (let at = 0; at < bytes.length; at++) {
      readsCells(schema, bytes.subarray(0, at));
      for (const other of Buffer.from(' "{}[],:.-0915eExtfn\\\n\u0000\u00ff')) {
        const changed = Buffer.from(bytes);
        changed[at] = other;
        readsCells(schema, changed);
      }
    }
  });

  test.each(["churn_200.ndjson", "breast_cancer_100.ndjson", "iris.ndjson", "wine.ndjson"])(
    "in the rows of %s",
    (file) => {
      const rows = readFixture(file);
      const schema = schemaOf(rows);
      const hasTexts = Object.values(rows[0]!).some((value) => typeof value === "string");
      expect(readsCells(schema, JSON.stringify(rows))).toBe(!hasTexts);
      const words = Object.keys(rows[0]!).filter((name) => typeof rows[0]![name] === "string");
      const enums = words.map((name) => [name, z.enum(rows.map((row) => row[name] as string))]);
      const few = schema.extend(Object.fromEntries(enums) as z.ZodRawShape);
      readsCells(few, JSON.stringify(rows));
    },
  );
});

describe("tables are read from the bytes", () => {
  const schema = z.object({
    n: z.number(),
    i: z.int().min(0).nullable(),
    b: z.boolean().optional(),
    e: z.enum(["red", "grün"]).nullish(),
  });
  const rows = [
    { n: -0, i: 1, b: true, e: "grün" },
    { n: 0.30000000000000004, i: null, b: false, e: null },
  ];

  test("as JSON.stringify and Python write them, in one order of keys or another", () => {
    const text = rows.map((row) => printJson(row)).join(",");
    expect(readsCells(schema, `[${text}]`)).toBe(true);
    const spaced = text.replaceAll(",", ", ").replaceAll(":", ": ");
    expect(readsCells(schema, `[${spaced}]\r\n`)).toBe(true);
    const turned = rows.map((row) => Object.fromEntries(Object.entries(row).reverse()));
    expect(readsCells(schema, printJson(turned))).toBe(true);
  });

  test("when no row sends a column that may be left out", () => {
    expect(readsCells(schema, '[{"n":1,"i":2},{"n":3,"i":null}]')).toBe(true);
    expect(readsCells(schema, '[{"i":2,"e":"red","n":1}]')).toBe(true);
    expect(readsCells(z.strictObject(schema.shape), '[{"i":2,"n":1,"b":true}]')).toBe(true);
  });

  test("when they have many rows or columns", () => {
    const wide = Object.fromEntries(Array.from({ length: 700 }, (_, i) => [`c${i}`, i / 7]));
    const shape = Object.fromEntries(Object.keys(wide).map((name) => [name, z.number()]));
    expect(readsCells(z.object(shape), JSON.stringify(Array(300).fill(wide)))).toBe(true);
  });

  test("from any part of a larger memory", () => {
    const input = dataframe(schema);
    const text = Buffer.from("xxx" + printJson(rows) + "]]");
    const payload = parseNow(input, { ...toBody(""), bytes: text.subarray(3, -2) });
    expect(frameOf(input.toArgument(payload))!.toRecords()).toEqual(rows);
  });

  test("without generated code as well, unless a column has rules that need it", () => {
    const plain = z.object({ a: z.number(), b: z.boolean(), c: z.enum(["x"]).nullable() });
    expect(readsCells(plain, '[{"a":1,"b":true,"c":"x"}]', false)).toBe(true);
    expect(readsCells(z.object({ a: z.int() }), '[{"a":1}]', false)).toBe(false);
  });

  test.each([
    ["no rows", "[]"],
    ["a byte order mark", '\ufeff[{"n":1,"i":2}]'],
    ["keys written with escapes", '[{"\\u006e":1,"i":2}]'],
    ["a column that the schema does not name", '[{"n":1,"i":2,"x":3}]'],
    ["a key that comes twice", '[{"n":1,"n":5,"i":2}]'],
    ["a key of the prototype", '[{"n":1,"i":2,"__proto__":{"n":3}}]'],
    ["a row with other keys", '[{"n":1,"i":2},{"i":2,"n":1}]'],
    ["lines and indents", '[\n  {"n": 1, "i": 2}\n]'],
    ["a value that is not valid", '[{"n":1,"i":-2}]'],
    ["a missing column", '[{"n":1}]'],
    ["a number that is not finite", '[{"n":1e999,"i":2}]'],
    ["a truth value for a number", '[{"n":true,"i":2}]'],
    ["a number for a truth value", '[{"n":1,"i":2,"b":1}]'],
    ["null where it is not allowed", '[{"n":null,"i":2}]'],
  ])("but not with %s: that is left to JSON.parse", (_, text) => {
    expect(readsCells(schema, text)).toBe(false);
  });

  test("but not when rows have texts, defaults, unknown columns or rules of the whole row", () => {
    for (const [other, text] of [
      [z.object({ a: z.string() }), '[{"a":"x"}]'],
      [z.object({ a: z.number().default(1) }), '[{"a":2}]'],
      [z.looseObject({ a: z.number() }), '[{"a":2}]'],
      [z.object({ a: z.number() }).refine(() => true), '[{"a":2}]'],
      [z.object({}), "[{}]"],
    ] as const) {
      expect(readsCells(other, text)).toBe(false);
    }
  });
});

describe("payloads of cells and of rows", () => {
  const schema = z.object({
    a: z.number().nullish(),
    b: z.boolean().nullable(),
    c: z.enum(["x", "y"]).optional(),
  });
  const row = fc.record(
    {
      a: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
      b: fc.option(fc.boolean()),
      c: fc.constantFrom("x", "y"),
    },
    { requiredKeys: ["b"] },
  );
  const bodies = fc.array(fc.tuple(fc.array(row, { maxLength: 12 }), fc.boolean()), {
    minLength: 1,
    maxLength: 8,
  });

  test.each([true, false])("merge to the frame of all rows, generated code: %s", (generate) => {
    fc.assert(
      fc.property(bodies, (sent) => {
        const reader = createRowReader(schema, generate);
        const tables = sent.map(([rows, asRows]) => {
          const bytes = Buffer.from(printJson(rows));
          return (asRows ? undefined : reader.readBytes(bytes)) ?? readByParse(reader, bytes)!;
        });
        const all = readByParse(reader, Buffer.from(printJson(sent.flatMap(([rows]) => rows))))!;
        expect(bitsOf(reader.mergeToFrame(tables))).toEqual(bitsOf(reader.mergeToFrame([all])));
      }),
      { numRuns: 300 },
    );
  });

  test("are cut anywhere into parts that make the same frame", () => {
    const reader = createRowReader(schema);
    const rows = fc.array(
      fc.tuple(fc.option(fc.double({ noNaN: true })), fc.option(fc.boolean())),
      {
        minLength: 1,
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 15 }), (pairs, size) => {
        const input = dataframe(schema);
        const text = printJson(pairs.map(([a, b]) => ({ a: Number.isFinite(a) ? a : null, b })));
        expect(reader.readBytes(Buffer.from(text))).toBeInstanceOf(CellTable);
        const payload = parseNow(input, toBody(text));
        const parts = input.split!(payload, size);
        expect(parts.every(({ items }) => items > 0 && items <= size)).toBe(true);
        const whole = frameOf(input.toArgument(payload))!;
        expect(bitsOf(frameOf(input.merge(parts))!)).toEqual(bitsOf(whole));
      }),
      { numRuns: 100 },
    );
  });

  test("do not change with the bytes of the request, a later request or an argument", () => {
    const input = dataframe(schema);
    const body = toBody('[{"a":1.5,"b":true,"c":"y"},{"a":null,"b":null,"c":"x"}]');
    const payload = parseNow(input, body);
    const before = bitsOf(frameOf(input.toArgument(payload))!);
    body.bytes.fill(0);
    parseNow(input, toBody('[{"c":"x","b":false,"a":7},{"c":"x","b":false,"a":7}]'));
    for (const { values } of frameOf(input.toArgument(payload))!.columns)
      (values as number[]).fill(9);
    expect(bitsOf(frameOf(input.toArgument(payload))!)).toEqual(before);
    expect(bitsOf(frameOf(input.merge([payload]))!)).toEqual(before);
    expect(Object.isFrozen(payload) && Object.isFrozen(payload.data)).toBe(true);
  });
});

test("many tables that cannot be read from the bytes do not keep later ones from it for long", () => {
  const reader = createRowReader(z.object({ a: z.number() }));
  for (let i = 0; i < 500; i++) {
    expect(reader.readBytes(Buffer.from('[{"a":1,"more":2}]'))).toBeUndefined();
  }
  const good = Buffer.from('[{"a":1}]');
  const tries = Array.from({ length: 65 }, () => reader.readBytes(good));
  expect(tries.at(-1)).toBeInstanceOf(CellTable);
  expect(reader.readBytes(good)).toBeInstanceOf(CellTable);
});

test("a charset that is not read is refused, whichever way the table would be read", () => {
  const input = dataframe(z.object({ a: z.number() }));
  const body = { ...toBody('[{"a":1}]'), parameters: { charset: "latin1" } };
  expect(() => input.parse(body)).toThrow(
    expect.objectContaining({ code: "MEDIA_TYPE_UNSUPPORTED" }),
  );
});
