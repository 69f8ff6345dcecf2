import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type * as ts from "@tslab/typescript-for-tslab";
import type * as converter from "tslab/dist/converter.js";
import type * as executor from "tslab/dist/executor.js";
import type * as jupyter from "tslab/dist/jupyter.js";

export type TypeScript = typeof ts;
export type ConverterModule = typeof converter;
export type ExecutorModule = typeof executor;
export type JupyterModule = typeof jupyter;

/** tslab as it is installed somewhere. */
export interface TslabInstallation {
  /** The folder of the package. */
  readonly folder: string;
  readonly version: string;
}

/** The parts of tslab that the kernel is made of. */
export interface Tslab extends TslabInstallation {
  readonly typescript: TypeScript;
  readonly converter: ConverterModule;
  readonly executor: ExecutorModule;
  readonly jupyter: JupyterModule;
}

/** tslab of the folder in which the notebook runs, otherwise the one beside this package. */
export function findTslab(directory: string): TslabInstallation | undefined {
  for (const from of [join(directory, "notebook.js"), import.meta.url]) {
    try {
      const file = createRequire(from).resolve("tslab/package.json");
      const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
      if (isSupported(version)) return { folder: dirname(file), version };
    } catch {
      // Not installed as seen from here.
    }
  }
  return undefined;
}

/** What the kernel builds upon came with 1.0.22. */
function isSupported(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/u).map(Number);
  return major === 1 && (minor > 0 || patch >= 22);
}

/**
 * Loads tslab with `adapt` applied to the compiler that it uses. The exports of the compiler cannot
 * be assigned to, so tslab is handed a copy of the module object in their place.
 */
export function loadTslab(
  installation: TslabInstallation,
  adapt: (typescript: TypeScript) => Partial<TypeScript>,
): Tslab {
  const require = createRequire(join(installation.folder, "package.json"));
  const path = require.resolve("@tslab/typescript-for-tslab");
  const original = require(path) as TypeScript;
  const typescript = { ...original, ...adapt(original) };
  const cached = require.cache[path];
  if (cached !== undefined) cached.exports = typescript;
  return {
    ...installation,
    typescript,
    converter: require("./dist/converter.js") as ConverterModule,
    executor: require("./dist/executor.js") as ExecutorModule,
    jupyter: require("./dist/jupyter.js") as JupyterModule,
  };
}
