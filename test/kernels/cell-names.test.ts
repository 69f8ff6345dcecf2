import * as fc from "fast-check";
import { expect, test } from "vitest";
import { findCellNames } from "../../kernels/tslab/cell-names.js";
import { findTslab, loadTslab } from "../../kernels/tslab/load-tslab.js";

const installation = findTslab(process.cwd());
if (installation === undefined) throw new Error("tslab is not installed.");
const { typescript } = loadTslab(installation, () => ({}));

function find(module: string) {
  return findCellNames(typescript, module);
}

test("names are those that are exported and declared", () => {
  const names = find(
    `import def, { named as alias } from "x"; import * as all from "y";
    const a = 1; function f() { var inner; } class C {}
    try { var b = 2; let hidden; } catch { var c; }
    export const tsLastExpr = f();
    export { def, alias, all, a, f, C, b, c, ghost, hidden, inner };`,
  );
  expect(names.imported).toEqual(["def", "alias", "all"]);
  expect(names.declared).toEqual(["a", "f", "C", "b", "c"]);
});

test("a module without exports has no names", () => {
  expect(find("console.log(1); export {};")).toEqual({ declared: [], imported: [] });
});

test("patterns declare exactly their targets, however deep", () => {
  // A pattern, and the names that it declares.
  type Pattern = [text: string, names: string[]];
  const { pattern } = fc.letrec<{ pattern: Pattern }>((tie) => ({
    pattern: fc.oneof(
      { maxDepth: 4 },
      fc.constant<Pattern>(["NAME", ["NAME"]]),
      fc.array(tie("pattern"), { maxLength: 3 }).map((items): Pattern => {
        return [
          `[${items.map(([text]) => text).join(", , ")}]`,
          items.flatMap(([, names]) => names),
        ];
      }),
      fc.array(tie("pattern"), { maxLength: 3 }).map((items): Pattern => {
        const parts = items.map(([text], i) => `key${i}: ${text} = key`);
        return [`{ ${parts.join(", ")} }`, items.flatMap(([, names]) => names)];
      }),
    ),
  }));
  fc.assert(
    fc.property(pattern, fc.constantFrom("const", "let", "var"), ([text, places], keyword) => {
      let count = 0;
      const source = text.replaceAll("NAME", () => `n${count++}`);
      const declaration = text === "NAME" ? "n0" : source;
      const expected = places.map((_, i) => `n${i}`);
      const module = `${keyword} ${declaration} = value;\nexport { ${[...expected, "key"].join(", ")} };`;
      expect(find(module).declared).toEqual(expected);
    }),
  );
});
