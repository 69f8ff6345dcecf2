import { describe, expect, test } from "vitest";
import { findReferences, type Reference } from "../../sdk/slicing/find-references.js";
import { parseCell } from "../../sdk/slicing/parse-cell.js";
import { unitsAtOnce, unitsRunBy } from "../../sdk/slicing/unit.js";

function read(source: string) {
  return findReferences(parseCell(source)!.program);
}

function namesIn(source: string, keep: (reference: Reference) => boolean = () => true): string {
  return read(source)
    .references.filter(keep)
    .map(({ name }) => name)
    .join(" ");
}

const values = (source: string) => namesIn(source, ({ space }) => space === "value");
const types = (source: string) => namesIn(source, ({ space }) => space === "type");
const typeofs = (source: string) => namesIn(source, ({ space }) => space === "typeof");

describe("names that a cell may take from the notebook", () => {
  test.each([
    [
      "parameters hide",
      "function f(a, { b, c: [d] }, ...e) { return a + b + c + d + e + g; }",
      "c g",
    ],
    ["defaults see parameters, not the body", "(a, b = a + c) => { var c; return b; }", "c"],
    ["a default runs outside of the body", "function f(x = y) { const y = 1; return x; }", "y"],
    [
      "var belongs to the function",
      "() => { if (q) { var v = 1; } for (var w in o); return v + w; }",
      "q o",
    ],
    ["let belongs to the block", "() => { { let v = 1; v; } return v; }", "v"],
    ["functions are hoisted", "() => { g(); function g() {} }", ""],
    [
      "catch parameters",
      "try { a } catch ({ message }) { message } finally { message }",
      "a message",
    ],
    ["catch without a parameter", "try {} catch { error }", "error"],
    ["a function expression knows its name", "(function f() { f(); })(); f", "f"],
    ["a class expression knows its name", "(class C { m() { return C; } }); C", "C"],
    ["labels are no names", "a: for (;;) { continue a; break a; }", ""],
    ["keys are no names", "({ a: b, c, [d]: 1, e() {}, get f() { return g; } })", "b c d g"],
    ["members are no names", "a.b.c; a[b]; a?.d; a.#p", "a a b a a"],
    ["class members are no names", "(class { a = b; static c = d; [e]() {} #f = 1 })", "b d e"],
    ["arguments is the function's", "(function () { return arguments; })", ""],
    ["this and import.meta are no names", "this; import.meta.url; new.target", ""],
    [
      "loops have scopes",
      "for (let i = a; i < b; i++) c; for (const x of x0) x; i; x",
      "a b c x0 i x",
    ],
    ["switch has one scope", "switch (a) { case b: let c; default: c }", "a b"],
    [
      "patterns that assign",
      "({ a, b: c.d, e = f, ...g } = h); [i, j = k] = l",
      "a c e f g h i j k l",
    ],
    ["tags and templates", "t`${a} ${(b) => b}`", "t a"],
    ["static blocks", "(class { static { var a = 1; a; b; } })", "b"],
    ["decorators", "@dec(a) class C { @inner m() {} }", "dec a inner"],
    ["enum members see each other", "enum E { A = 1, 'B' = A | x, C = B }", "x"],
    ["namespaces have scopes", "namespace N { export const a = 1; a + b; } N", "b N"],
    [
      "what is only declared does nothing",
      "declare const a: number; declare function f(x: any): void; a",
      "a",
    ],
    ["dynamic import", "await import(a)", "a"],
    ["assertions", "(a as B) satisfies C; <D>e; f!; g<H>", "a e f g"],
    ["parameter properties", "class C { constructor(private a = b) { a; } }", "b"],
    [
      "yield and await",
      "async function* f() { yield a; await b; for await (const c of d) c; }",
      "a b d",
    ],
  ])("%s", (_, source, expected) => {
    expect(values(source)).toBe(expected);
  });

  test("types are told from values, and their own parameters hide", () => {
    expect(types("type A<T extends B = C> = T | D<E>[] | { [K in F]: K } | keyof G")).toBe(
      "B C D E F G",
    );
    expect(types("type A = B extends infer U ? U : U")).toBe("B U");
    expect(types("interface A<T> extends B<T>, N.C { m<U>(x: U): D; [key: string]: E }")).toBe(
      "B N D E",
    );
    expect(types("class A<T> extends B<T, C> implements D { x: T; y?: E }")).toBe("C D E");
    expect(types("function f<T>(x: T, y: A): x is B { type C = 1; let z: C; }")).toBe("A B");
    expect(types("type A = (x: B) => asserts x is C; type D = new (...x: E[]) => F")).toBe(
      "B C E F",
    );
    expect(types("type A = [first: B, second?: C, ...rest: D]; let x: `a${E}`")).toBe("B C D E");
    expect(values("let a: B = c as D; function f(this: E) {}")).toBe("c");
  });

  test("typeof in a type asks for the name of a value", () => {
    expect(typeofs("type A = typeof b; let c: typeof d.e; type F = (x: 1) => typeof x")).toBe(
      "b d",
    );
    expect(typeofs("type A = { [key in typeof b]: 1 }; interface C { [d]: 1 }")).toBe("b d");
    expect(values("type A = typeof b")).toBe("");
  });

  test("offsets count UTF-16 units", () => {
    const source = "const 弁 = '🎈'; /* 🚉 */ 駅(弁)";
    for (const { name, start } of read(source).references) {
      expect(source.slice(start, start + name.length)).toBe(name);
    }
    expect(values(source)).toBe("駅 弁");
  });
});

describe("how names are used", () => {
  test("assignments in every form are writes", () => {
    const source =
      "a = 1; b += 1; c++; --d; [e, f.x] = g; ({ h, i: j = 1, ...k } = l); for (m of n); for ([o] in p); (q as any) = 1";
    expect(namesIn(source, ({ write }) => write)).toBe("a b c d e h j k m o q");
  });

  test("changes to what a name holds are told from writes", () => {
    const source = "a.b = 1; c[0]++; delete d.e.f; Object.assign(g, h); [i.j] = k; l.m().n = 1";
    expect(namesIn(source, ({ assignsMember }) => assignsMember)).toBe("a c d g i");
    expect(namesIn("a.push(1); b.c.set(1); d.map(1)", ({ mutates }) => mutates)).toBe("a b");
  });

  test("shorthand properties are marked, in literals and in patterns", () => {
    expect(namesIn("({ a, b: c }); ({ d, e: f, g = 1 } = h)", ({ shorthand }) => shorthand)).toBe(
      "a d g",
    );
  });

  test("calls are told by how they call", () => {
    const calls = (kind: string) =>
      namesIn(
        "a(b); new c(); d.e(f); g`x`; h.map(i); j.call(1); new Promise(k)",
        ({ called }) => called === kind,
      );
    expect(calls("directly")).toBe("a c g i j Promise k");
    expect(calls("by member")).toBe("d h");
  });
});

describe("when code runs", () => {
  const at = (source: string, find: "once" | "run") => {
    const { references, top } = read(source);
    const units = find === "once" ? unitsAtOnce(top) : unitsRunBy(top);
    return references
      .filter(({ unit }) => units.has(unit))
      .map(({ name }) => name)
      .join(" ");
  };

  test("functions wait, and what stands around them does not", () => {
    expect(
      at(
        "const f = () => a; class B extends C { static d = e; [g] = h; m() { i } static { j } }",
        "once",
      ),
    ).toBe("C e g j");
    expect(at("function f(x = a) { b } c", "once")).toBe("c");
  });

  test("a function that is called where it stands runs at once", () => {
    expect(at("(() => { a; return () => b; })(); (function () { c })()", "once")).toBe("a c");
  });

  test("functions given to array methods, and local functions that are called, run too", () => {
    const source =
      "list.map((x) => a + x); keep((x) => b); (() => { const f = () => c; const g = () => d; f(); })()";
    expect(at(source, "once")).toBe("list keep");
    expect(at(source, "run")).toBe("list a keep c");
  });
});
