import * as fc from "fast-check";
import { expect, test } from "vitest";
import { findJsonFault } from "../../sdk/inputs/json-fault.js";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test("finds a fault in exactly the texts that JSON.parse refuses", () => {
  const texts = fc.oneof(
    fc.json(),
    fc
      .json()
      .chain((text) =>
        fc
          .tuple(fc.nat({ max: text.length }), fc.constantFrom(..."{}[]\",:0.-eE+ntf \\u\n'/", ""))
          .map(([at, put]) => text.slice(0, at) + put + text.slice(at + 1)),
      ),
    fc.string({ unit: fc.constantFrom(...'{}[]",:01.-eE+ntrufalse \\\n') }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      expect(findJsonFault(text) === undefined).toBe(isJson(text));
    }),
    { numRuns: 1500 },
  );
});

test.each([
  ["[1,]", 3, "expected a value"],
  ['{"a": 1,}', 8, "a name in double quotes"],
  ["{'a': 1}", 1, "a name in double quotes"],
  ['{"a" 1}', 5, '":"'],
  ["[1 2]", 3, '"," or "]"'],
  ['{"a": 1', 7, 'the text ends where "," or "}" was expected'],
  ["[NaN]", 1, "JSON has no NaN"],
  ["[-Infinity]", 1, "JSON has no -Infinity"],
  ["[None]", 1, "JSON has no None"],
  ["['a']", 1, "double quotes"],
  ["[01]", 2, "a number is written wrongly"],
  ['["a\nb"]', 3, "control character"],
  ['["a\\x"]', 3, "escape"],
  ['["abc', 5, "ends inside a string"],
  ["[] []", 3, "after the end"],
  ["", 0, "the text ends where a value was expected"],
])("says where and why: %s", (text, offset, problem) => {
  const fault = findJsonFault(text);
  expect(fault?.offset).toBe(offset);
  expect(fault?.problem).toContain(problem);
});

test("does not recurse: a text nested 200,000 deep is read", () => {
  expect(findJsonFault("[".repeat(200_000))?.offset).toBe(200_000);
});
