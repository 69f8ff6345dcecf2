import fc from "fast-check";
import { expect, test } from "vitest";
import { findDifference } from "../../sdk/bundle/find-difference.js";

test("a value does not differ from itself, whatever the order of its keys", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const reversed = JSON.parse(JSON.stringify(value), (_key, inner: unknown) =>
        inner !== null && typeof inner === "object" && !Array.isArray(inner)
          ? Object.fromEntries(Object.entries(inner).reverse())
          : inner,
      ) as unknown;
      expect(findDifference(JSON.parse(JSON.stringify(value)), reversed, 0)).toBeUndefined();
    }),
  );
});

test.each([
  [[{ churn: 0.5 }], [{ churn: 0.6 }], "[0].churn", 0.5, 0.6],
  [{ a: 1 }, { a: "1" }, ".a", 1, "1"],
  [{ a: 1 }, {}, ".a", 1, undefined],
  [{}, { "b c": null }, '["b c"]', undefined, null],
  [[1, 2], [1], ".length", 2, 1],
  [null, {}, "", null, {}],
  [[], {}, "", [], {}],
  [true, 1, "", true, 1],
])("%j and %j differ at %s", (recorded, now, path, was, is) => {
  expect(findDifference(recorded, now)).toEqual({ path, recorded: was, now: is });
});

test("numbers may differ by the tolerance and not by more", () => {
  expect(findDifference(1000, 1000.0009)).toBeUndefined();
  expect(findDifference(1000, 1000.002)).toBeDefined();
  expect(findDifference(0, 5e-10)).toBeUndefined();
  expect(findDifference(0, 1e-6)).toBeDefined();
  expect(findDifference(1, 1.05, 0.1)).toBeUndefined();
  expect(findDifference(1, 1 + Number.EPSILON, 0)).toBeDefined();
});
