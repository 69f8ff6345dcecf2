import type * as TypeScript from "@tslab/typescript-for-tslab";
import { createRequire } from "node:module";
import { parseSync } from "oxc-parser";
import type { CellRecord } from "../../../sdk/core/cell-record.js";
import { declaresValue, findDeclarations } from "../../../sdk/slicing/find-declarations.js";

const require = createRequire(import.meta.url);
/** The compiler inside tslab. */
const typescript = createRequire(require.resolve("tslab"))(
  "@tslab/typescript-for-tslab",
) as typeof TypeScript;

type Getters = Record<string, () => unknown>;

/**
 * A notebook that executes cells by the rules of tslab, without checking types: each cell becomes a
 * CommonJS module, all share one `exports` object, and a name that a cell does not declare is a
 * live read of that object. Ownership is recorded as the kernel of the product records it.
 */
export function createKernel(modules: Readonly<Record<string, unknown>> = {}) {
  const cells: CellRecord[] = [];
  const owners = new Map<string, number>();
  const slots: Record<string, unknown> = {};
  const exported = new Proxy(slots, {
    defineProperty(_target, key, { get, value }) {
      if (key !== "__esModule")
        slots[key as string] = get === undefined ? value : (get() as unknown);
      return true;
    },
  });
  const load = (specifier: string): unknown => modules[specifier] ?? require(specifier);

  async function run(source: string): Promise<CellRecord> {
    const id = cells.length + 1;
    const record = {
      id,
      executionCount: id,
      source,
      status: "running" as CellRecord["status"],
      bindings: new Map<string, () => unknown>(),
      ownersBefore: new Map(owners),
    };
    cells.push(record);
    const code = compile(source);
    if (code === undefined) return Object.assign(record, { status: "rejected" });
    let getters: Getters = {};
    const enter = (declared: Getters, imported: Getters): void => {
      record.bindings = new Map(Object.entries(declared));
      getters = { ...declared, ...imported };
    };
    // Sloppy code may use `with`, which makes every other name a live read. Whether a name is a
    // global is decided when a cell is compiled.
    const others = new Proxy(slots, {
      has: (target, key) =>
        typeof key === "string" &&
        key in target &&
        (record.ownersBefore.has(key) || !(key in globalThis)),
    });
    try {
      // oxlint-disable-next-line no-implied-eval
      await new Function("others", "exports", "require", "__enter", code)(
        others,
        exported,
        load,
        enter,
      );
      record.status = "ok";
    } catch (error) {
      Object.assign(record, { status: "failed", error });
    }
    for (const [name, read] of Object.entries(getters)) {
      try {
        if (Object.is(read(), slots[name])) owners.set(name, id);
      } catch {
        // It was never initialised.
      }
    }
    return record;
  }

  return { cells, owners, run, read: (name: string) => slots[name] };
}

export type Kernel = ReturnType<typeof createKernel>;

function compile(source: string): string | undefined {
  const parsed = parseSync("cell.ts", source, { lang: "ts", sourceType: "module" });
  if (parsed.errors.length > 0) return undefined;
  const values = findDeclarations(parsed.program).filter(declaresValue);
  const namesOf = (imports: boolean): string[] =>
    values
      .filter(({ kind }) => (kind === "import") === imports)
      .flatMap(({ names }) => names.map(({ name }) => name));
  const toGetters = (names: string[]): string =>
    `{ ${names.map((name) => `${name}: () => ${name}`).join(", ")} }`;
  const declared = [...new Set(namesOf(false))];
  const imported = namesOf(true);
  const { outputText } = typescript.transpileModule(
    [
      `__enter(${toGetters(declared)}, ${toGetters(imported)});`,
      source,
      `export { ${[...declared, ...imported].join(", ")} };`,
    ].join("\n"),
    {
      compilerOptions: {
        module: typescript.ModuleKind.CommonJS,
        target: typescript.ScriptTarget.ES2022,
        esModuleInterop: true,
        experimentalDecorators: true,
        noImplicitUseStrict: true,
      },
    },
  );
  return `with (others) { return (async function () { ${outputText}\n })() }`;
}
