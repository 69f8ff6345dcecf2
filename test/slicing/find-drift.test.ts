import type { Expression } from "oxc-parser";
import { describe, expect, test } from "vitest";
import { findDrift } from "../../sdk/slicing/find-drift.js";
import { parseCell } from "../../sdk/slicing/parse-cell.js";

const shared = { x: 1 };
const read = (name: string): unknown => {
  const known: Record<string, unknown> = { shared, Math, seven: 7 };
  if (!(name in known)) throw new ReferenceError(name);
  return known[name];
};

function drift(source: string, value: unknown): string | undefined {
  const [statement] = parseCell(`(${source})`)!.program.body;
  const { expression } = statement as unknown as { expression: Expression };
  return findDrift(expression, value, { read, isMadeAgain: (held) => held instanceof Date });
}

const plan = (x: number): number => x;

describe("a literal still says what its value is", () => {
  test.each<[string, unknown]>([
    ["{ plan: (x) => x, scale: 2 }", { plan, scale: 2 }],
    ["{ plan(x) { return x; }, 'a b': -1, 3: 'x' }", { plan, "a b": -1, 3: "x" }],
    [
      "{ plan: function plan(x) {}, list: [1, [true, null]], t: `t` }",
      { plan, list: [1, [true, null]], t: "t" },
    ],
    [
      "{ shared, inner: shared, by: seven, pi: Math.PI }",
      { shared, inner: shared, by: 7, pi: Math.PI },
    ],
    ["{ none: undefined, re: /a/g } as const", { none: undefined, re: /a/g }],
    ["{ made: create() }", { made: new Date() }],
    [
      "{ get a() { return 1; } }",
      {
        get a() {
          return 1;
        },
      },
    ],
    [
      "(x, y = 1, ...z) => x",
      Object.defineProperty((x: number, _y = 1) => x, "name", { value: "" }),
    ],
  ])("%s", (source, value) => {
    expect(drift(source, value)).toBeUndefined();
  });
});

describe("a difference is named", () => {
  test.each<[string, unknown, RegExp]>([
    ["{ plan: (x) => x, scale: 2 }", { plan, scale: 3 }, /^its scale is not/],
    ["{ plan: (x) => x }", { plan, extra: 1 }, /^its extra was added/],
    ["{ plan: (x) => x, scale: 2 }", { plan }, /^its scale is gone/],
    ["{ plan: (x, y) => x }", { plan }, /^its plan is not/],
    ["{ other: (x) => x }", { other: plan }, /^its other is not/],
    ["{ plan: (x) => x }", { plan: Object.assign((x: number) => x, { count: 1 }) }, /its plan/],
    ["{ a: { b: [1, 2] } }", { a: { b: [1, 3] } }, /^its a\.b\[1\] is not/],
    ["{ a: [1] }", { a: [1, 2] }, /^its a has another length/],
    ["{ shared }", { shared: { x: 1 } }, /^its shared is not/],
    ["{ ...shared }", { x: 1 }, /computed/],
    ["{ made: create() }", { made: new Map() }, /^its made .*computed/],
    ["{ a: missing }", { a: 1 }, /^its a .*computed/],
    ["{ a: 1 + 1 }", { a: 2 }, /^its a .*computed/],
    ["{ a: 1 }", new Map(), /^it is not/],
    ["{ a: 0 }", { a: -0 }, /^its a is not/],
    ["{ get a() { return 1; } }", { a: 1 }, /^its a is not/],
  ])("%s", (source, value, reason) => {
    expect(drift(source, value)).toMatch(reason);
  });
});
