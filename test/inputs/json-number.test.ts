import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readNumber } from "../../sdk/inputs/json-number.js";

/** The number at the start of a text, and how much of the text it takes. */
function read(text: string): { value: number; length: number } | undefined {
  const cells = new Float64Array(3);
  const place = readNumber(Buffer.from(` ${text}`), 1, cells, 1);
  expect([cells[0], cells[2]]).toEqual([0, 0]);
  return place === -1 ? undefined : { value: cells[1]!, length: place - 1 };
}

/** Object.is, since 0 and -0 are different cells. */
function expectSame(text: string): void {
  const expected = JSON.parse(text) as number;
  const found = read(text);
  if (!Number.isFinite(expected)) expect(found).toBeUndefined();
  else if (!Object.is(found?.value, expected) || found?.length !== text.length) {
    expect.fail(`${text} was read as ${JSON.stringify(found)}`);
  }
}

const digits = (least: number, most: number) =>
  fc.string({
    unit: fc.constantFrom(..."0123456789"),
    minLength: least,
    maxLength: most,
  });

const integers = fc
  .tuple(fc.constantFrom(..."123456789"), digits(0, 25))
  .map(([first, more]) => first + more);

const numbers = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.oneof(integers, fc.constant("0")),
    fc.option(digits(1, 30), { nil: "" }),
    fc.option(fc.tuple(fc.constantFrom("e", "E", "e-", "E+", "e+"), digits(1, 3)), { nil: [] }),
  )
  .map(
    ([sign, whole, fraction, exponent]) =>
      `${sign}${whole}${fraction === "" ? "" : `.${fraction}`}${exponent.join("")}`,
  );

test("any number that JSON can write is the double that JSON.parse makes of it", () => {
  fc.assert(fc.property(numbers, expectSame), { numRuns: 20_000 });
});

test("any double is read back from its shortest text and from exponents of it", () => {
  const doubles = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ noNaN: true, min: -10, max: 10 }),
  );
  fc.assert(
    fc.property(doubles, (value) => {
      expectSame(JSON.stringify(value));
      expectSame(value.toExponential());
      expectSame(value.toPrecision(17));
      expectSame(value.toFixed(20));
    }),
    { numRuns: 10_000 },
  );
});

test("numbers half way between two doubles, and one digit beside that, are rounded as JSON.parse does", () => {
  const odd = fc.bigInt({ min: 2n ** 53n, max: 2n ** 54n - 1n }).map((value) => value * 2n + 1n);
  fc.assert(
    fc.property(odd, fc.nat({ max: 12 }), fc.constantFrom(-1n, 0n, 1n), (middle, power, beside) => {
      // The middle divided by 2^power, written out: middle * 5^power / 10^power.
      const text = (middle * 5n ** BigInt(power) * 10n + beside).toString();
      expectSame(`${text.slice(0, -power - 1)}.${text.slice(-power - 1)}`);
      expectSame(text);
    }),
    { numRuns: 5000 },
  );
});

test.each([
  "0",
  "-0",
  "-0.0",
  "0e5",
  "1e308",
  "-1.7976931348623157e308",
  "5e-324",
  "2.5e-324",
  "1e-400",
  "0.1",
  "1E22",
  "1e23",
  "1.5e-22",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "0.30000000000000004",
  "123456789012345.678901",
  "1e00000000000000001",
  `1${"0".repeat(30)}e-30`,
  `0.${"0".repeat(400)}1`,
  "1e400",
  "-1e999",
  `1${"0".repeat(400)}`,
])("%s is read as JSON.parse reads it, or not at all when it is no finite number", expectSame);

test.each([
  "",
  "-",
  "+1",
  ".5",
  "-.5",
  "1.",
  "1.e5",
  "00",
  "01",
  "-01",
  "1e",
  "1e+",
  "1.5E-",
  "NaN",
])("%j is no number", (text) => {
  expect(read(text)).toBeUndefined();
  expect(read(`${text},1`)).toBeUndefined();
});

test("what follows a number is left alone", () => {
  expect(read("12.5,7")).toEqual({ value: 12.5, length: 4 });
  expect(read("1e5}")).toEqual({ value: 100_000, length: 3 });
  expect(read("1-2")).toEqual({ value: 1, length: 1 });
});
