import { build, transformSync } from "esbuild";
import { Socket } from "node:net";
import type { BindingQuestion, Classification } from "../../../sdk/slicing/classify.js";
import { findDrift } from "../../../sdk/slicing/find-drift.js";
import type { BindingId } from "../../../sdk/slicing/notebook.js";
import { type NotebookSlice, sliceNotebook } from "../../../sdk/slicing/slice-notebook.js";
import type { Kernel } from "./kernel.js";

/** Slices a kernel's notebook, with answers about its live values as the product gives them. */
export function slice(kernel: Kernel, service: string): NotebookSlice {
  const execution = kernel.owners.get(service)!;
  return sliceNotebook({
    cells: kernel.cells,
    owners: kernel.owners,
    entry: { execution, name: service },
    classify: (question) => classify(kernel, question),
    same: (binding) => Object.is(readLocal(kernel, binding), kernel.read(binding.name)),
  });
}

function classify(kernel: Kernel, question: BindingQuestion): Classification {
  let value: unknown;
  try {
    value = readLocal(kernel, question);
  } catch {
    return { kind: "refused", reason: "it was never given a value" };
  }
  if (typeof value === "function") return { kind: "source" };
  if (value instanceof Socket) return { kind: "refused", reason: "it holds an open socket" };
  if (isModel(value)) return { kind: "model" };
  if (isMadeAgain(value) || question.declared === "enum") return { kind: "source" };
  const parts = partsOf(value);
  if (!parts.some((part) => typeof part === "function" || isMadeAgain(part))) {
    return { kind: "value", classes: classesOf(kernel, parts) };
  }
  const { node } = question.initializer;
  if (node === undefined) return { kind: "source" };
  const read = (name: string): unknown => {
    const binding = question.references.get(name);
    if (binding !== undefined) return readLocal(kernel, binding);
    return (globalThis as Record<string, unknown>)[name];
  };
  const reason = findDrift(node, value, { read, isMadeAgain });
  return reason === undefined ? { kind: "source" } : { kind: "refused", reason };
}

function readLocal(kernel: Kernel, { execution, name }: BindingId): unknown {
  const record = kernel.cells.find(({ id }) => id === execution)!;
  const read = record.bindings.get(name);
  return read === undefined ? kernel.read(name) : read();
}

function isModel(value: unknown): boolean {
  return typeof value === "object" && value !== null && "trainedModel" in value;
}

function isMadeAgain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return "_zod" in value || "handlers" in value;
}

function classesOf(kernel: Kernel, parts: readonly unknown[]): BindingId[] {
  const made = new Set(parts.map((part) => (part as object | null)?.constructor));
  return kernel.cells.flatMap(({ id: execution, bindings }) =>
    [...bindings.keys()]
      .filter((name) => {
        try {
          return made.has(bindings.get(name)!() as never);
        } catch {
          return false;
        }
      })
      .map((name) => ({ execution, name })),
  );
}

/** A value and all that it holds. */
function partsOf(value: unknown, found: Set<unknown> = new Set()): unknown[] {
  if (found.has(value)) return [...found];
  found.add(value);
  if (value !== null && typeof value === "object") {
    const inner =
      value instanceof Map || value instanceof Set ? [...value].flat() : Object.values(value);
    for (const one of inner) partsOf(one, found);
  }
  return [...found];
}

/** What the companion module of a program answers: copies of the captured values. */
function createRevive(kernel: Kernel, { values, classes }: NotebookSlice) {
  const held = values.map(({ key, name, execution, from, kind }) => {
    const value = from === "local" ? readLocal(kernel, { execution, name }) : kernel.read(name);
    return [key, kind === "model" ? { savedModel: name } : value] as const;
  });
  const copies = new Map<unknown, unknown>();
  const prototypes = new Map<object, object>();
  // Values are copied as they are when the program is made, so that later calls in the notebook do
  // not reach them.
  const copied = held.map(([key, value]) => [key, copy(value, prototypes, copies)] as const);
  return (given: Record<string, { prototype: object }>): Record<string, unknown> => {
    for (const one of classes) {
      const { prototype } = readLocal(kernel, one) as { prototype: object };
      prototypes.set(prototype, given[one.key]!.prototype);
    }
    for (const made of copies.values()) {
      const found = prototypes.get(Object.getPrototypeOf(made) as object);
      if (found !== undefined) Object.setPrototypeOf(made, found);
    }
    return Object.fromEntries(copied);
  };
}

/** Bundles a sliced program with its local imports and runs it as a module. */
export async function load(
  kernel: Kernel,
  sliced: NotebookSlice,
  { directory, alias }: { directory: string; alias: Record<string, string> },
): Promise<unknown> {
  const id = `values${counter++}`;
  (globalThis as Record<string, unknown>)[id] = createRevive(kernel, sliced);
  const { outputFiles } = await build({
    stdin: {
      contents: sliced.program.code,
      loader: "ts",
      resolveDir: directory,
      sourcefile: "service.ts",
    },
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
    // Bundlers rename what clashes, and code may read the name of a class.
    keepNames: true,
    alias,
    plugins: [
      {
        name: "values",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^\.\/values\.js$/ }, () => ({
            path: "values",
            namespace: "values",
          }));
          onLoad({ filter: /.*/, namespace: "values" }, () => ({
            contents: `export const reviveValues = globalThis[${JSON.stringify(id)}];`,
          }));
        },
      },
    ],
  });
  const url = `data:text/javascript;base64,${Buffer.from(outputFiles[0]!.text).toString("base64")}`;
  const made = (await import(/* @vite-ignore */ url)) as { default: unknown };
  return made.default;
}

/** Runs a sliced program that has no top-level `await`, without building a bundle. */
export function evaluate(
  kernel: Kernel,
  sliced: NotebookSlice,
  modules: Readonly<Record<string, unknown>>,
): unknown {
  const { code } = transformSync(sliced.program.code, { loader: "ts", format: "cjs" });
  const all: Record<string, unknown> = {
    ...modules,
    "./values.js": { reviveValues: createRevive(kernel, sliced) },
  };
  const module = { exports: {} as { default?: unknown } };
  // oxlint-disable-next-line no-implied-eval
  new Function("module", "require", code)(module, (specifier: string) => all[specifier]);
  return module.exports.default;
}

let counter = 0;

function copy(
  value: unknown,
  prototypes: Map<object, object>,
  done: Map<unknown, unknown>,
): unknown {
  if (value === null || typeof value !== "object") return value;
  const known = done.get(value);
  if (known !== undefined) return known;
  if (ArrayBuffer.isView(value) || value instanceof Date) return structuredClone(value);
  const inner = (one: unknown): unknown => copy(one, prototypes, done);
  if (value instanceof Map) {
    const made = new Map();
    done.set(value, made);
    for (const [key, one] of value) made.set(inner(key), inner(one));
    return made;
  }
  if (value instanceof Set) return new Set([...value].map(inner));
  const prototype = Object.getPrototypeOf(value) as object;
  const made: Record<string, unknown> = Array.isArray(value)
    ? ([] as unknown as Record<string, unknown>)
    : (Object.create(prototypes.get(prototype) ?? prototype) as Record<string, unknown>);
  done.set(value, made);
  for (const [key, one] of Object.entries(value)) made[key] = inner(one);
  return made;
}
