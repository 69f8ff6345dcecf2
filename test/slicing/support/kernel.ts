import { transformSync } from "esbuild";
import { createRequire } from "node:module";
import { parseSync } from "oxc-parser";
import type { CellRecord } from "../../../sdk/core/cell-record.js";
import { declaresValue, findDeclarations } from "../../../sdk/slicing/find-declarations.js";

type Import = (specifier: string) => Promise<Record<string, unknown>>;

/**
 * A notebook that executes cells by the rules of tslab: a cell has its own variables, publishes
 * them in slots that all cells share, and sees every other name through its slot.
 */
export function createKernel(importModule: Import = importInstalled) {
  const cells: CellRecord[] = [];
  const owners = new Map<string, number>();
  const slots: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const live = new Proxy(slots, { has: (target, key) => typeof key === "string" && key in target });

  async function run(source: string): Promise<CellRecord> {
    const bindings = new Map<string, () => unknown>();
    const id = cells.length + 1;
    const record = {
      id,
      executionCount: id,
      source,
      status: "running" as CellRecord["status"],
      bindings,
      ownersBefore: new Map(owners),
    };
    cells.push(record);
    const compiled = compile(source);
    if (compiled === undefined) return Object.assign(record, { status: "rejected" });

    const begin = (locals: Record<string, () => unknown>): void => {
      for (const [name, read] of Object.entries(locals)) {
        owners.set(name, id);
        if (!compiled.imported.includes(name)) bindings.set(name, read);
        publish(name, read);
      }
    };
    // Sloppy code may use `with`: it is what makes every other name a live read of its slot.
    const code = `with (slots) { return (async function () { ${compiled.body}\n })() }`;
    try {
      // oxlint-disable-next-line no-implied-eval
      await new Function("slots", "__begin", "__import", code)(live, begin, importModule);
      record.status = "ok";
    } catch (error) {
      record.status = "failed";
      Object.assign(record, { error });
    }
    return record;
  }

  function publish(name: string, read: () => unknown): void {
    Object.defineProperty(slots, name, {
      configurable: true,
      enumerable: true,
      get() {
        try {
          return read();
        } catch {
          return undefined;
        }
      },
      set(value: unknown) {
        const slot = { value, writable: true, configurable: true, enumerable: true };
        Object.defineProperty(slots, name, slot);
      },
    });
  }

  return { cells, owners, run, read: (name: string) => slots[name] };
}

export type Kernel = ReturnType<typeof createKernel>;

function compile(source: string): { body: string; imported: string[] } | undefined {
  const parsed = parseSync("cell.ts", source, { lang: "ts", sourceType: "module" });
  if (parsed.errors.length > 0) return undefined;
  let rest = source;
  const imported: string[] = [];
  const lines: string[] = [];
  for (const one of parsed.module.staticImports) {
    rest = rest.slice(0, one.start) + " ".repeat(one.end - one.start) + rest.slice(one.end);
    const from = `(await __import(${JSON.stringify(one.moduleRequest.value)}))`;
    if (one.entries.length === 0) lines.push(`${from};`);
    for (const { importName, localName, isType } of one.entries) {
      if (isType) continue;
      imported.push(localName.value);
      const member =
        importName.kind === "NamespaceObject"
          ? ""
          : importName.kind === "Default"
            ? ".default"
            : `[${JSON.stringify(importName.name)}]`;
      lines.push(`const ${localName.value} = ${from}${member};`);
    }
  }
  const declared = findDeclarations(parsed.program)
    .filter((one) => declaresValue(one) && one.kind !== "import")
    .flatMap(({ names }) => names.map(({ name }) => name));
  const locals = [...new Set([...declared, ...imported])];
  const begin = `__begin({ ${locals.map((name) => `${name}: () => ${name}`).join(", ")} });`;
  const body = transformSync(rest, {
    loader: "ts",
    target: "es2022",
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, experimentalDecorators: true } },
  }).code;
  return { body: `${begin}\n${lines.join("\n")}\n${body}`, imported };
}

const require = createRequire(import.meta.url);

async function importInstalled(specifier: string): Promise<Record<string, unknown>> {
  return (await import(/* @vite-ignore */ require.resolve(specifier))) as Record<string, unknown>;
}
