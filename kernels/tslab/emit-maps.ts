import { SourceMap } from "node:module";
import type * as ts from "@tslab/typescript-for-tslab";
import type { TypeScript } from "./load-tslab.js";
import { writeOutShorthand } from "./shorthand-names.js";

/** Lines and columns count from 1, as stack traces have them. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** From a position in emitted code to the one in the TypeScript file, where there is one. */
export type PositionMap = (position: Position) => Position | undefined;

/** What came of a module on its way through the compiler. */
export interface EmittedModule {
  /** The module before it became CommonJS. */
  readonly module: string;
  readonly toSource: PositionMap;
}

/**
 * tslab compiles in two steps and keeps no source maps: a program emits ES modules, and each of
 * them is then transpiled to CommonJS. This makes both steps write maps and keeps them by the text
 * that went out of each.
 */
export interface EmitMaps {
  adapt(typescript: TypeScript): Pick<TypeScript, "createWatchCompilerHost" | "transpileModule">;
  /** What `output`, a text that came out of the second step, was made from. */
  find(output: string): EmittedModule | undefined;
  clear(): void;
}

export interface EmitMapsOptions {
  /** What to put before a module in the second step, on a line of its own; `file` as emitted. */
  prefix(module: string, file: string | undefined): string;
  /** Changes the options of the compiler. */
  options?(options: ts.CompilerOptions): ts.CompilerOptions;
}

export function createEmitMaps(emitOptions: EmitMapsOptions): EmitMaps {
  const programMaps = new Map<string, ProgramOutput>();
  const emitted = new Map<string, EmittedModule>();

  return {
    find: (output) => emitted.get(output),
    clear() {
      programMaps.clear();
      emitted.clear();
    },
    adapt: (typescript) => ({
      createWatchCompilerHost: ((
        files: string[],
        options: ts.CompilerOptions,
        ...rest: unknown[]
      ) => {
        const create = typescript.createWatchCompilerHost as (
          ...args: unknown[]
        ) => ts.WatchCompilerHost<ts.EmitAndSemanticDiagnosticsBuilderProgram>;
        const adapted = emitOptions.options?.(options) ?? options;
        const host = create(files, { ...adapted, sourceMap: true }, ...rest);
        let afterCreate = host.afterProgramCreate;
        // tslab puts its own function here after this call, and takes the program from it.
        Object.defineProperty(host, "afterProgramCreate", {
          get: () => (program: ts.EmitAndSemanticDiagnosticsBuilderProgram) => {
            keepMaps(program, programMaps);
            adaptEmit(typescript, program);
            afterCreate?.call(host, program);
          },
          set: (next: typeof afterCreate) => {
            afterCreate = next;
          },
        });
        return host;
      }) as TypeScript["createWatchCompilerHost"],

      transpileModule: (input, transpileOptions) => {
        const first = programMaps.get(input);
        const prefix = emitOptions.prefix(input, first?.file);
        const result = typescript.transpileModule(`${prefix}\n${input}`, {
          ...transpileOptions,
          compilerOptions: { ...transpileOptions.compilerOptions, sourceMap: true },
        });
        const output = withoutMapUrl(result.outputText);
        const second = toSourceMap(result.sourceMapText);
        emitted.set(output, {
          module: input,
          toSource(position) {
            const inModule = second && findPosition(second, position);
            if (inModule === undefined || inModule.line === 1) return undefined;
            const shifted = { line: inModule.line - 1, column: inModule.column };
            return first && findPosition(first.map, shifted);
          },
        });
        return { ...result, outputText: output };
      },
    }),
  };
}

interface ProgramOutput {
  file: string;
  map: SourceMap;
}

function keepMaps(
  program: ts.EmitAndSemanticDiagnosticsBuilderProgram,
  maps: Map<string, ProgramOutput>,
): void {
  const emit = program.emit;
  program.emit = (file, write, ...rest) => {
    // The compiler writes a map before the code it belongs to.
    let latest: SourceMap | undefined;
    const writeKeeping: ts.WriteFileCallback = (name, text, ...more) => {
      if (name.endsWith(".map")) {
        latest = toSourceMap(text);
        return;
      }
      if (!name.endsWith(".js")) {
        write?.(name, text, ...more);
        return;
      }
      const code = withoutMapUrl(text);
      if (latest !== undefined) maps.set(code, { file: name, map: latest });
      write?.(name, code, ...more);
    };
    return emit.call(program, file, write && writeKeeping, ...rest);
  };
}

/** Puts what tslab's own transformer overlooks before it. */
function adaptEmit(
  typescript: TypeScript,
  program: ts.EmitAndSemanticDiagnosticsBuilderProgram,
): void {
  const emit = program.emit;
  program.emit = (...asked) => {
    const [file, write, token, onlyTypes, transformers] = asked;
    const first = writeOutShorthand(typescript, program.getProgram().getTypeChecker());
    return emit.call(program, file, write, token, onlyTypes, {
      ...transformers,
      after: [first, ...(transformers?.after ?? [])],
    });
  };
}

function toSourceMap(text: string | undefined): SourceMap | undefined {
  return text === undefined ? undefined : new SourceMap(JSON.parse(text));
}

function withoutMapUrl(code: string): string {
  return code.replace(/\/\/# sourceMappingURL=\S*\s*$/u, "");
}

function findPosition(map: SourceMap, position: Position): Position | undefined {
  const line = position.line - 1;
  let entry = map.findEntry(line, position.column - 1);
  // What the compiler made itself has no position; the line may still have one further right.
  if (!("generatedLine" in entry) || entry.generatedLine !== line) {
    entry = map.findEntry(line, Number.MAX_SAFE_INTEGER);
  }
  if (!("originalLine" in entry) || entry.generatedLine !== line) return undefined;
  return { line: entry.originalLine + 1, column: entry.originalColumn + 1 };
}
