import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromUbjson, UbjsonFault } from "../../sdk/models/ubjson.js";
import { parseLooseJson } from "../../sdk/models/loose-json.js";
import { toUbjson } from "./ubjson-printer.js";

const typed = fc.oneof(
  fc.int8Array(),
  fc.uint8Array(),
  fc.int16Array(),
  fc.int32Array(),
  fc.float32Array(),
  fc.float64Array(),
);

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, false),
    fc.integer({ min: -(2 ** 53), max: 2 ** 53 }),
    fc.double(),
    fc.string({ unit: "grapheme" }),
    typed,
    fc.array(tie("value")),
    fc.dictionary(fc.string(), tie("value")),
  ),
}));

/** Objects have no prototype in what is read. */
function toPlain(read: unknown): unknown {
  if (Array.isArray(read)) return read.map(toPlain);
  if (read === null || typeof read !== "object" || ArrayBuffer.isView(read)) return read;
  return Object.fromEntries(Object.entries(read).map(([key, item]) => [key, toPlain(item)]));
}

describe("fromUbjson", () => {
  it("reads what was printed", () => {
    fc.assert(
      fc.property(value, fc.boolean(), (printed, counted) => {
        expect(toPlain(fromUbjson(toUbjson(printed, { counted })))).toEqual(printed);
      }),
    );
  });

  it("refuses every part of a file", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), fc.nat(), (printed, cut) => {
        const bytes = toUbjson(printed);
        expect(() => fromUbjson(bytes.subarray(0, cut % bytes.length))).toThrow(UbjsonFault);
      }),
    );
  });

  it("answers or refuses any bytes, and nothing else", () => {
    fc.assert(
      fc.property(value, fc.array(fc.tuple(fc.nat(), fc.nat(255))), (printed, changes) => {
        const bytes = toUbjson(printed, { counted: true });
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        try {
          fromUbjson(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(UbjsonFault);
        }
      }),
    );
  });

  it.each([
    ["numbers", "[$d#l\x7f\xff\xff\xff"],
    ["elements", "[#l\x7f\xff\xff\xff"],
    ["elements that take no bytes", "[$Z#l\x7f\xff\xff\xff"],
    ["letters", "Sl\x7f\xff\xff\xff"],
  ])("allocates nothing for a length that the bytes do not hold: %s", (_, text) => {
    expect(() => fromUbjson(Buffer.from(text, "latin1"))).toThrow(UbjsonFault);
  });

  it("refuses values that are nested without end", () => {
    expect(() => fromUbjson(Buffer.from("[".repeat(100_000)))).toThrow(/nested/);
  });

  it("takes no key for a prototype", () => {
    const read = fromUbjson(toUbjson(JSON.parse('{"__proto__": {"polluted": 1}}'))) as object;
    expect(Object.keys(read)).toEqual(["__proto__"]);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe("parseLooseJson", () => {
  it("reads JSON as JSON.parse does", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseLooseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it("reads NaN as null, and the infinities", () => {
    expect(parseLooseJson("[NaN, Infinity, -Infinity, nan, 1]")).toEqual([
      null,
      Infinity,
      -Infinity,
      null,
      1,
    ]);
  });

  it("leaves texts as they are", () => {
    expect(parseLooseJson(String.raw`{"NaN": "-Infinity \" NaN", "x": NaN}`)).toEqual({
      NaN: '-Infinity " NaN',
      x: null,
    });
  });

  it("refuses what is neither", () => {
    expect(() => parseLooseJson("[NaN")).toThrow(SyntaxError);
    expect(() => parseLooseJson("[1, 2")).toThrow(SyntaxError);
  });
});
