import { basename, join, relative } from "node:path";
import type { Converter, ConvertResult, Diagnostic } from "tslab/dist/converter.js";
import type { ConverterSet } from "tslab/dist/executor.js";
import { findCellNames } from "./cell-names.js";
import type { EmitMaps, EmittedModule } from "./emit-maps.js";
import type { Tslab, TypeScript } from "./load-tslab.js";
import type { StackTraces } from "./stack-traces.js";

/** The global object that tslab makes for the code of its cells. */
export const TSLAB = "__tslab__";

/** The property of it through which a cell hands over its getters. */
export const ENTER = "enter";

/** The file under which tslab shows a cell to the compiler. */
const CELL_OUTPUT = `${TSLAB}.js`;

/** The compiler of a kernel's cells. */
export interface CellCompiler extends ConverterSet {
  /** Says what the code that is compiled next is called. */
  name(id: number, executionCount: number): void;
  /** What was wrong with the cell compiled last. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * What a cell runs first. It is put before the module while imports are still imports, so that the
 * compiler itself turns each name into what the name stands for.
 */
export function toEnterCall(typescript: TypeScript, module: string, file?: string): string {
  if (file === undefined || basename(file) !== CELL_OUTPUT) return "";
  const { declared, imported } = findCellNames(typescript, module);
  const toGetters = (names: readonly string[]) =>
    `{ ${names.map((name) => `${JSON.stringify(name)}: () => ${name}`).join(", ")} }`;
  return `${TSLAB}.${ENTER}(${toGetters(declared)}, ${toGetters(imported)});`;
}

export function createCellCompiler(
  tslab: Tslab,
  maps: EmitMaps,
  traces: StackTraces,
  directory: string,
): CellCompiler {
  const virtual = new Set<string>();
  let cell = { id: 0, executionCount: 0 };
  let diagnostics: readonly Diagnostic[] = [];
  let node: Converter | undefined;
  let browser: Converter | undefined;

  const traceModule = (path: string, emitted: EmittedModule) => {
    // tslab puts a line before the text of a module that was written in a cell.
    const added = virtual.has(path) ? 1 : 0;
    traces.add(path, {
      label: relative(directory, path).replace(/\.js$/u, ".ts"),
      toSource: (position) => shift(emitted.toSource(position), -added),
    });
  };

  const finish = (result: ConvertResult): ConvertResult => {
    for (const side of result.sideOutputs ?? []) {
      const emitted = maps.find(side.data);
      if (emitted !== undefined) traceModule(side.path, emitted);
    }
    const emitted = result.output === undefined ? undefined : maps.find(result.output);
    if (emitted === undefined) return result;
    const name = `ekiben-cell-${cell.id}.ts`;
    traces.add(name, {
      label: `cell [${cell.executionCount}]`,
      toSource: ({ line, column }) => shift(emitted.toSource({ line: line - 1, column }), -1),
    });
    // tslab puts the head of a function before the code: what follows starts on a line of its own.
    // As an async function, so that what it throws comes to the executor untouched by `vm`.
    return {
      ...result,
      output: `\n${result.output}\n//# sourceURL=${name}`,
      hasToplevelAwait: true,
    };
  };

  return {
    name(id, executionCount) {
      cell = { id, executionCount };
      diagnostics = [];
    },
    get diagnostics() {
      return diagnostics;
    },
    get node() {
      if (node === undefined) {
        const inner = tslab.converter.createConverter({ isJS: false, isBrowser: false });
        node = {
          ...inner,
          convert(declarations, source) {
            maps.clear();
            const result = inner.convert(declarations, source);
            diagnostics = result.diagnostics;
            return finish(result);
          },
          addModule(name, content, meta) {
            virtual.add(join(directory, `${name}.js`).replaceAll("\\", "/"));
            return inner.addModule(name, content, meta);
          },
        };
      }
      return node;
    },
    get browser() {
      browser ??= tslab.converter.createConverter({ isJS: false, isBrowser: true });
      return browser;
    },
    close() {
      node?.close();
      browser?.close();
    },
  };
}

function shift<P extends { line: number; column: number }>(position: P | undefined, lines: number) {
  return position && { line: position.line + lines, column: position.column };
}
