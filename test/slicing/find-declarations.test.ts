import { expect, test } from "vitest";
import { findDeclarations } from "../../sdk/slicing/find-declarations.js";
import { findDirective, parseCell } from "../../sdk/slicing/parse-cell.js";

function list(source: string): string[] {
  return findDeclarations(parseCell(source)!.program).map(
    ({ kind, names, typeOnly, nested }) =>
      `${kind} ${names.map(({ name }) => name).join(",")}${typeOnly ? " type" : ""}${nested ? " nested" : ""}`,
  );
}

test("declarations are found one by one, in order", () => {
  expect(
    list(`
      import d, { a as b, type T1 } from "x"; import * as n from "y"; import type { T2 } from "z"; import "w";
      const c = 1, { e, f: [g = 1, ...h], ...i } = j;
      let k; var l = 2;
      function m() { var no; } class N {} enum O {} const enum P {} namespace Q.R {} abstract class S {}
      type U = 1; interface V {}
      export const w = 1;
      for (var x = 0; ; ) { var y; let no2; } if (1) { function no3() {} } { const no4 = 1; }
      try {} catch { var z; }
      declare const no5: 1; declare function no6(): void; no7 = 1;
    `),
  ).toEqual([
    "import d",
    "import b",
    "import T1 type",
    "import n",
    "import T2 type",
    "const c",
    "const e,g,h,i",
    "let k",
    "var l",
    "function m",
    "class N",
    "enum O",
    "enum P",
    "namespace Q",
    "class S",
    "type U type",
    "interface V type",
    "const w",
    "var x nested",
    "var y nested",
    "var z nested",
  ]);
});

test("overloads are declarations of their function", () => {
  expect(list("function f(x: 1): 1; function f(x: 2): 2; function f(x) { return x; }")).toEqual([
    "function f",
    "function f",
    "function f",
  ]);
});

test("directives of the kernel stand in doc comments before the first statement", () => {
  const find = (source: string) => findDirective(parseCell(source)!);
  expect(find("/** @module lib/helpers */\nexport const a = 1;")).toEqual({
    kind: "module",
    name: "lib/helpers",
  });
  expect(find("// x\n/**\n * @browser\n */\n1;")).toEqual({ kind: "browser" });
  expect(find("/* @module a */ 1;")).toBeUndefined();
  expect(find("1; /** @module a */")).toBeUndefined();
});

test("what is not TypeScript has no syntax", () => {
  expect(parseCell("const broken = (x: number => x;")).toBeUndefined();
});
