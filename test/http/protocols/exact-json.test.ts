import fc from "fast-check";
import { expect, test } from "vitest";
import { mayHoldLargeIntegers, parseExactJson } from "../../../sdk/http/protocols/exact-json.js";

test("integers beyond 2^53 come as their text, all else as JSON.parse reads it", () => {
  const text =
    '{"a":9007199254740993,"b":[-9223372036854775808,9007199254740991,1e30,0.1234567890123456],"c":"18446744073709551615","d":"\\"9007199254740993"}';
  expect(parseExactJson(text)).toEqual({
    a: "9007199254740993",
    b: ["-9223372036854775808", 9007199254740991, 1e30, 0.1234567890123456],
    c: "18446744073709551615",
    d: '"9007199254740993',
  });
});

test("a text without large integers is read as JSON.parse reads it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const plain = JSON.parse(text) as unknown;
      const large = /(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/.test(
        text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""'),
      );
      fc.pre(!large);
      expect(parseExactJson(text)).toEqual(plain);
    }),
  );
});

test("every integer of 64 bits survives", () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })), (integers) => {
      const read = parseExactJson(`{"data":[${integers.join(", ")}]}`) as { data: unknown[] };
      expect(read.data.map((one) => BigInt(one as string))).toEqual(integers);
      if (integers.some((one) => one > 2n ** 53n)) {
        expect(mayHoldLargeIntegers(`[${integers.join(",")}]`)).toBe(true);
      }
    }),
  );
});
