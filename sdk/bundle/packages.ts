import { existsSync, readFileSync, realpathSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, sep } from "node:path";

/** A package as it is installed. */
export interface InstalledPackage {
  /** The name under which it is imported; an alias when it was installed as one. */
  readonly name: string;
  readonly directory: string;
  readonly version: string;
  /** Linked source, as in a workspace, instead of an installed copy. */
  readonly linked: boolean;
}

/** The package of `@scope/name/sub/path` and the like; `undefined` for paths and builtins. */
export function packageOf(specifier: string): string | undefined {
  if (/^[./#]/.test(specifier) || /^[a-zA-Z][a-zA-Z+.-]*:/.test(specifier)) return undefined;
  if (isBuiltin(specifier) || specifier === "") return undefined;
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0];
}

/**
 * Finds a package as an import in `from` would: the nearest `node_modules` that has it, upwards.
 * It looks for the folder, because an `exports` map may hide `package.json` from `require`.
 */
export function findPackage(name: string, from: string): InstalledPackage | undefined {
  for (let at = from; ; at = dirname(at)) {
    const directory = join(at, "node_modules", name);
    const found = readPackage(name, directory);
    if (found !== undefined) return found;
    if (dirname(at) === at) return undefined;
  }
}

/** The package in exactly this folder. */
export function readPackage(name: string, directory: string): InstalledPackage | undefined {
  const file = join(directory, "package.json");
  if (!existsSync(file)) return undefined;
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { version?: string };
  const linked = !realpathSync(directory).split(sep).includes("node_modules");
  return { name, directory, version: version ?? "0.0.0", linked };
}
