import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { readCsv, writeCsv, type CsvOptions } from "../../sdk/tables/csv.js";
import { readNumberText } from "../../sdk/tables/number-text.js";

const data = new URL("../fixtures/data/", import.meta.url);
const readFixture = (name: string): Uint8Array => readFileSync(new URL(name, data));

function read(text: string, options?: CsvOptions): Record<string, unknown[]> {
  return columnsOf(readCsv(Buffer.from(text), options));
}

function columnsOf({ columns }: ReturnType<typeof readCsv>): Record<string, unknown[]> {
  return Object.fromEntries(columns.map(({ name, values }) => [name, Array.from(values)]));
}

function refusal(text: string | Uint8Array, options?: CsvOptions): EkibenError {
  try {
    readCsv(typeof text === "string" ? Buffer.from(text) : text, options);
  } catch (error) {
    if (error instanceof EkibenError) return error;
    throw error;
  }
  throw new Error("The text was taken.");
}

describe("readCsv", () => {
  it("reads fields, quoted ones with delimiters, quotes and line breaks", () => {
    expect(read('a,b\n1,"x, ""y""\nz"\n2,\n')).toEqual({ a: ["1", "2"], b: ['x, "y"\nz', null] });
  });

  it("keeps an empty text apart from a missing value", () => {
    expect(read('a,b\n"",\n,""\n')).toEqual({ a: ["", null], b: [null, ""] });
  });

  it.each(["\n", "\r\n", "\r"])("reads lines that end in %j, the last one ended or not", (end) => {
    const text = ["a,b", "1,2", '3,"x"'].join(end);
    const columns = { a: ["1", "3"], b: ["2", "x"] };
    expect(read(text)).toEqual(columns);
    expect(read(text + end)).toEqual(columns);
  });

  it("keeps line breaks within quotes as they are", () => {
    expect(read('a\r\n"x\ny\r\nz\rw"\r\n')).toEqual({ a: ["x\ny\r\nz\rw"] });
  });

  it("ends at blank lines, which in one column are missing values", () => {
    expect(read("a,b\n1,2\n\n\r\n")).toEqual({ a: ["1"], b: ["2"] });
    expect(read("a\n1\n\n2\n")).toEqual({ a: ["1", null, "2"] });
    expect(read("a,b\n")).toEqual({ a: [], b: [] });
    expect(read("a,b")).toEqual({ a: [], b: [] });
  });

  it.each([
    ["a,b;c\n1,2\n", ["a", "b;c"]],
    ["a;b;c\n1;2;3\n", ["a", "b", "c"]],
    ["a\tb\n1\t2\n", ["a", "b"]],
    ['"a;b;c",d\n1,2\n', ["a;b;c", "d"]],
    ["a\n1\n", ["a"]],
  ])("finds the delimiter of %j", (text, names) => {
    expect(Object.keys(read(text))).toEqual(names);
  });

  it("takes any other delimiter when it is told", () => {
    expect(read("a|b,c\n1|2,3\n", { delimiter: "|" })).toEqual({ a: ["1"], "b,c": ["2,3"] });
    expect(read("a b\n1 2\n", { delimiter: " " })).toEqual({ a: ["1"], b: ["2"] });
    expect(read("a→b\n1→2\n", { delimiter: "→" })).toEqual({ a: ["1"], b: ["2"] });
    for (const delimiter of ["", '"', "\n", "::"]) {
      expect(refusal("a\n", { delimiter }).code).toBe("SERVICE_INVALID");
    }
  });

  it("reads marks for missing values, but not within quotes", () => {
    expect(read('a,b\nNA,"NA"\nx,N/A\n', { missing: ["NA", "N/A"] })).toEqual({
      a: [null, "x"],
      b: ["NA", null],
    });
  });

  it("takes the names from elsewhere when the first line is a row", () => {
    expect(read("1,2\n3,4\n", { names: ["a", "b"] })).toEqual({ a: ["1", "3"], b: ["2", "4"] });
  });

  it("reads the charsets that tables come in", () => {
    const latin = Buffer.from("a\nKöln\n", "latin1");
    expect(columnsOf(readCsv(latin, { charset: "ISO-8859-1" }))).toEqual({ a: ["Köln"] });
    const windows = Uint8Array.from([0x61, 0x0a, 0x80, 0x20, 0x93, 0xe4, 0x94]);
    expect(columnsOf(readCsv(windows, { charset: "windows-1252" }))).toEqual({ a: ["€ “ä”"] });
    const utf16 = Buffer.from("\ufeffa\nKöln\n", "utf16le");
    expect(columnsOf(readCsv(utf16, { charset: "utf-16" }))).toEqual({ a: ["Köln"] });
    expect(columnsOf(readCsv(utf16.swap16(), { charset: "utf-16" }))).toEqual({ a: ["Köln"] });
    expect(read("\ufeffa\nKöln\n")).toEqual({ a: ["Köln"] });
    // A byte order mark says more than a label that a client sends with everything.
    expect(read("\ufeffa\nKöln\n", { charset: "latin1" })).toEqual({ a: ["Köln"] });
    expect(refusal("a\n1\n", { charset: "ebcdic" }).code).toBe("MEDIA_TYPE_UNSUPPORTED");
    expect(refusal("a\n1\n", { charset: "constructor" }).code).toBe("MEDIA_TYPE_UNSUPPORTED");
  });

  it("says in which line bytes are no UTF-8", () => {
    const error = refusal(Buffer.from("a\nx\nKöln\n", "latin1"));
    expect(error.code).toBe("BODY_MALFORMED");
    expect(error.message).toContain("line 3");
    expect(error.message).toContain("charset");
  });

  it.each([
    ["a,b\n1,2\n3\n", "Line 3, column 1: the row has 1 field, but there are 2 columns"],
    ["a,b\n1,2,3\n", "Line 2, column 1: the row has 3 fields, but there are 2 columns"],
    ["a,b\n1,2\n\n3,4\n", "Line 3, column 1: the line is blank, but rows follow it"],
    ['a,b\n1,"x\ny', "Line 2, column 3: the quote that opens here is never closed"],
    ['a,b\n1,"x"y\n', 'Line 2, column 6: "y" follows the closing quote of a field'],
    ['a,b\n"x\r\ny",1\n1,"x" \n', 'Line 4, column 6: " " follows the closing quote of a field'],
    ['a,b\n1,5" pipe\n', "Line 2, column 4: a quote stands in a field"],
    ['a,"b"c\n', 'Line 1, column 6: "c" follows'],
    ['a,b"\n', "Line 1, column 4: a quote stands in a field"],
  ])("refuses %j with the place", (text, message) => {
    const error = refusal(text);
    expect(error.code).toBe("BODY_MALFORMED");
    expect(error.message).toContain(message);
    expect(error.facts.issues).toHaveLength(1);
  });

  it("names the row and the column of what is wrong", () => {
    expect(refusal('a,b\n1,2\n1,"x"y\n').facts.issues![0]).toMatchObject({
      row: 1,
      column: "b",
      path: "line 3, column 6",
    });
    expect(refusal("a,b\n1,2\n1\n").facts.issues![0]).toMatchObject({
      row: 1,
      column: "b",
      expected: "2 fields",
      received: "1 field",
    });
  });

  it.each([
    ["", "BODY_MALFORMED", "empty"],
    ["\ufeff", "BODY_MALFORMED", "empty"],
    ["\n1\n", "INPUT_INVALID", "Line 1 is blank"],
    [",a\n0,1\n", "INPUT_INVALID", "to_csv(index=False)"],
    ['a,""\n', "INPUT_INVALID", "no name for column 2 of 2"],
    ["a,b,a\n", "INPUT_INVALID", 'two columns "a": column 1 and column 3'],
  ])("refuses the header of %j", (text, code, message) => {
    const error = refusal(text);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  it("refuses more columns than any table has", () => {
    const names = (count: number): string =>
      Array.from({ length: count }, (_, i) => `c${i}`).join();
    expect(Object.keys(read(names(10_000)))).toHaveLength(10_000);
    expect(refusal(names(10_001)).code).toBe("INPUT_INVALID");
    expect(refusal(",".repeat(20_000)).code).toBe("INPUT_INVALID");
  });

  it("takes time that grows with the length only", () => {
    const bad = [
      '"'.repeat(2_000_001),
      `a\n${'""'.repeat(1_000_000)}x`,
      `a,b\n${"\n".repeat(1e6)}1`,
    ];
    for (const text of bad) expect(refusal(text).code).toBe("BODY_MALFORMED");
    expect(read(`a,b\n1,2\n${"\n".repeat(1_000_000)}`).a).toEqual(["1"]);
  }, 10_000);

  it("reads the same cells as csv-parse", () => {
    const cell = fc.oneof(
      fc.constantFrom("", "a", "1.5", "NA", " x ", "ä€😀", "\t", "'"),
      fc.string({ unit: fc.constantFrom('"', ",", ";", "\n", "\r", "\r\n", "a", " ") }),
      fc.string(),
    );
    const table = fc
      .integer({ min: 1, max: 5 })
      .chain((width) =>
        fc.array(fc.array(fc.tuple(cell, fc.boolean()), { minLength: width, maxLength: width })),
      );
    fc.assert(
      fc.property(
        table,
        fc.constantFrom(",", ";", "\t"),
        fc.constantFrom("\n", "\r\n"),
        fc.boolean(),
        (rows, delimiter, end, closed) => {
          const names = (rows[0] ?? [["a", false]]).map((_, i) => `c${i}`);
          const lines = rows.map((row) =>
            row
              .map(([text, quoted]) =>
                quoted || /[",;\t\r\n]/.test(text) || text === ""
                  ? `"${text.replaceAll('"', '""')}"`
                  : text,
              )
              .join(delimiter),
          );
          const text = [names.join(delimiter), ...lines].join(end) + (closed ? end : "");
          const expected = parse(text, { delimiter, record_delimiter: end }).slice(1);
          const { rowCount, columns } = readCsv(Buffer.from(text), { delimiter });
          const got = Array.from({ length: rowCount }, (_, row) =>
            columns.map(({ values }) => values[row]),
          );
          expect(got).toEqual(expected);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("takes or refuses any text, and never breaks", () => {
    const text = fc.string({
      unit: fc.constantFrom('"', '""', ",", ";", "\n", "\r", "\r\n", "a", "b", "é", " "),
      maxLength: 40,
    });
    fc.assert(
      fc.property(text, (body) => {
        try {
          const { rowCount, columns } = readCsv(Buffer.from(body));
          for (const { values } of columns) expect(values.length).toBe(rowCount);
        } catch (error) {
          expect(error).toBeInstanceOf(EkibenError);
          expect((error as EkibenError).status).toBeLessThan(500);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("the churn tables", () => {
  const records = readFixture("churn_200.ndjson")
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const names = Object.keys(records[0]!);

  /** The cell as text, to compare it with what was read. */
  function toText(value: unknown, decimal: "." | ","): string | null {
    if (value === null) return null;
    const text = String(value);
    return typeof value === "number" ? text.replace(".", decimal) : text;
  }

  function expectSame(
    got: Record<string, unknown[]>,
    decimal: "." | ",",
    skip: (name: string, value: unknown) => boolean = () => false,
  ): void {
    expect(Object.keys(got)).toEqual(names);
    for (const [row, record] of records.entries()) {
      for (const name of names) {
        if (skip(name, record[name])) continue;
        const cell = got[name]![row] as string | null;
        const expected = toText(record[name], decimal);
        if (typeof record[name] !== "number") expect(cell, `${name} ${row}`).toBe(expected);
        else expect(readNumberText(cell!, decimal), `${name} ${row}`).toBe(record[name]);
      }
    }
  }

  it("reads commas and LF, and 5,000 rows as csv-parse does", () => {
    const bytes = readFixture("churn.csv");
    const table = readCsv(bytes);
    expect(table.rowCount).toBe(5000);
    const got = columnsOf(table);
    expectSame(got, ".");
    const expected = parse(bytes) as string[][];
    for (const [index, name] of names.entries()) {
      expect(got[name]!.map((cell) => cell ?? "")).toEqual(
        expected.slice(1).map((row) => row[index]),
      );
    }
  });

  it("reads semicolons, CRLF, a byte order mark and a decimal comma", () => {
    expectSame(columnsOf(readCsv(readFixture("churn_200_semicolon_crlf_bom.csv"))), ",");
  });

  it("reads ISO 8859-1, where what it lacks was a question mark", () => {
    const got = columnsOf(readCsv(readFixture("churn_200_latin1.csv"), { charset: "latin1" }));
    expectSame(got, ".", (_, value) => typeof value === "string" && /[\u0100-\uffff]/.test(value));
  });

  it("reads tabs, where NA is Namibia or missing as one says", () => {
    const bytes = readFixture("churn_200_tab_na.tsv");
    const isNamibia = (name: string, value: unknown): boolean =>
      name === "country" && value === "NA";
    expectSame(columnsOf(readCsv(bytes, { missing: ["NA"] })), ".", isNamibia);
    const kept = columnsOf(readCsv(bytes));
    expect(kept.country!.filter((country) => country === "NA")).toHaveLength(
      records.filter(({ country }) => country === "NA").length,
    );
  });

  it("keeps zeros before postcodes, and blanks and line breaks of notes", () => {
    const got = columnsOf(readCsv(readFixture("churn.csv")));
    expect(got.postcode).toContain("02139");
    expect(got.country).toContain("NA");
    const notes = got.note!.filter((note) => note !== null) as string[];
    expect(notes.some((note) => note.includes("\n"))).toBe(true);
    expect(notes.some((note) => note !== note.trim())).toBe(true);
  });
});

describe("writeCsv", () => {
  const print = (value: unknown): string => JSON.stringify(value);

  function write(columns: Record<string, ArrayLike<unknown>>): string {
    const values = Object.values(columns);
    const rowCount = values[0]?.length ?? 0;
    return writeCsv({ rowCount, names: Object.keys(columns), columns: values }, print);
  }

  it("writes every kind of value", () => {
    const text = write({
      n: [1.5, -0.1, 1e21, Number.NaN, Infinity, null],
      b: [true, false, null, undefined, true, false],
      s: ["x", "", ' "a", b', null, "line\nbreak", "=1+2"],
      l: [2n ** 63n, -1n, 0n, null, 1n, 2n],
      d: [new Date(0), null, new Date(Number.NaN), new Date(1.7e12), null, null],
      j: [[1, "a"], { a: 1 }, null, [], "x", 1],
    });
    expect(text.split("\r\n")).toEqual([
      "n,b,s,l,d,j",
      '1.5,true,x,9223372036854775808,1970-01-01T00:00:00.000Z,"[1,""a""]"',
      '-0.1,false,"",-1,,"{""a"":1}"',
      '1e+21,," ""a"", b",0,,',
      ",,,,2023-11-14T22:13:20.000Z,[]",
      ',true,"line\nbreak",1,,x',
      ",false,=1+2,2,,1",
      "",
    ]);
  });

  it("writes typed arrays and names that need quotes", () => {
    expect(write({ "a,b": Float64Array.of(0.1, 2), " c": Int8Array.of(-1, 1) })).toBe(
      '"a,b"," c"\r\n0.1,-1\r\n2,1\r\n',
    );
  });

  it("writes what readCsv reads as the same cells", () => {
    const cell = fc.oneof(fc.constant(null), fc.constant(""), fc.string({ unit: "grapheme" }));
    const table = fc
      .uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 4 })
      .chain((names) =>
        fc.integer({ min: 0, max: 5 }).chain((rowCount) =>
          fc.record({
            names: fc.constant(names),
            rowCount: fc.constant(rowCount),
            columns: fc.array(fc.array(cell, { minLength: rowCount, maxLength: rowCount }), {
              minLength: names.length,
              maxLength: names.length,
            }),
          }),
        ),
      );
    fc.assert(
      fc.property(table, ({ names, rowCount, columns }) => {
        const bytes = Buffer.from(writeCsv({ names, rowCount, columns }, print));
        const got = readCsv(bytes, { delimiter: "," });
        expect(got.rowCount).toBe(rowCount);
        expect(got.columns.map(({ name }) => name)).toEqual(names);
        expect(got.columns.map(({ values }) => values)).toEqual(columns);
      }),
      { numRuns: 1000 },
    );
  });

  it("writes numbers that are read as the same doubles", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const cell = readCsv(Buffer.from(write({ a: [number] }))).columns[0]!.values[0];
        expect(readNumberText(cell as string)).toBe(number === 0 ? 0 : number);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("readNumberText", () => {
  it.each([
    ["1", 1],
    ["-0", -0],
    ["+3.25", 3.25],
    [".5", 0.5],
    ["5.", 5],
    [" 12 ", 12],
    ["\t7", 7],
    ["007", 7],
    ["1e3", 1000],
    ["-1.5E-7", -1.5e-7],
    ["123456789012345678901234567890", 1.2345678901234568e29],
    ["0.1000000000000000055511151231257827", 0.1],
    ["9007199254740993", 9007199254740992],
  ])("reads %j", (text, number) => {
    expect(readNumberText(text)).toBe(number);
  });

  it.each(["", " ", "-", ".", "+.", "1e", "e5", "1,5", "1.5.2", "1 2", "NaN", "inf", "Infinity"])(
    "takes %j for no number",
    (text) => expect(readNumberText(text)).toBeUndefined(),
  );

  it.each(["0x10", "1_000", "1'000", "1e999", "--1", "+-1", "1.5e1.5", "\u00a01", "١"])(
    "takes %j for no number either",
    (text) => expect(readNumberText(text)).toBeUndefined(),
  );

  it("reads a decimal comma, and then no point", () => {
    expect(readNumberText("-1,25", ",")).toBe(-1.25);
    expect(readNumberText("1,5e2", ",")).toBe(150);
    expect(readNumberText("12", ",")).toBe(12);
    expect(readNumberText("1.5", ",")).toBeUndefined();
    expect(readNumberText("1.234,5", ",")).toBeUndefined();
  });

  it("reads every decimal text as JavaScript does", () => {
    const digits = fc.string({
      unit: fc.constantFrom(..."0123456789"),
      minLength: 1,
      maxLength: 25,
    });
    fc.assert(
      fc.property(digits, digits, fc.integer({ min: -30, max: 30 }), (whole, part, power) => {
        for (const text of [whole, `${whole}.${part}`, `-${whole}.${part}e${power}`]) {
          expect(readNumberText(text)).toBe(Number(text));
        }
      }),
      { numRuns: 3000 },
    );
  });
});
