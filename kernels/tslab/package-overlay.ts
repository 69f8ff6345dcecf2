import { existsSync, readFileSync, realpathSync } from "node:fs";
import Module, { createRequire, isBuiltin } from "node:module";
import {
  basename,
  dirname,
  isAbsolute,
  join,
  relative,
  resolve as resolvePath,
  sep,
} from "node:path";
import { fileURLToPath } from "node:url";
import type * as ts from "@tslab/typescript-for-tslab";

/**
 * Lets a notebook in any folder import ekiben and what is installed beside it. What the folder
 * itself has installed comes first.
 */
export interface PackageOverlay {
  /** The compiler's view of the disk, with the missing packages in the folder's `node_modules`. */
  adaptSystem(system: ts.System): ts.System;
  /** Makes `require` in the modules of the folder find the missing packages. */
  adaptModules(): void;
  /** The file that `specifier` means in a notebook of the folder. */
  resolve(specifier: string): string;
}

const SOURCE_EXTENSIONS = [".ts", ".tsx", ".js", ".jsx", ".json"];

type ResolveFile = (
  specifier: string,
  parent: { filename?: string | null } | null | undefined,
  ...rest: unknown[]
) => string;

const RESOLVE = "_resolveFilename";

/** The part of Node's loader through which every `require` finds its file. */
const loader = Module as unknown as Record<typeof RESOLVE, ResolveFile>;

/** `home`: the folder of the package from whose surroundings missing packages are taken. */
export function createPackageOverlay(directory: string, home: string): PackageOverlay {
  const prefix = `${toSlashes(join(directory, "node_modules"))}/`;
  const ownRequire = createRequire(join(directory, "notebook.js"));
  const homeRequire = createRequire(join(home, "package.json"));
  const { name: homeName, dependencies = {} } = JSON.parse(
    readFileSync(join(home, "package.json"), "utf8"),
  ) as { name: string; dependencies?: Record<string, string> };
  const found = new Map<string, string>();
  const owned = new Set<string>();

  /** Where a package really is, when the folder lacks it and `home` does not. */
  const findMissing = (name: string): string | undefined => {
    const known = found.get(name);
    if (known !== undefined || owned.has(name)) return known;
    const own = findInstalled(directory, name);
    // A link to `home` is not followed: what is beside `home` could not be named from the folder.
    if (own !== undefined && !(name === homeName && realpathSync(own) === home)) {
      owned.add(name);
      return undefined;
    }
    const folder = name === homeName ? home : findInstalled(home, name);
    if (folder !== undefined) found.set(name, toSlashes(folder));
    return folder === undefined ? undefined : toSlashes(folder);
  };

  /** Whether the notebook and `home` find a package at the same place. */
  const isShared = (name: string): boolean => {
    if (findMissing(name) !== undefined) return true;
    const [own, beside] = [findInstalled(directory, name), findInstalled(home, name)];
    if (own === undefined || beside === undefined) return false;
    return realpathSync(own) === realpathSync(beside);
  };

  const toReal = (path: string): string => {
    if (!path.startsWith(prefix)) return path;
    const inside = path.slice(prefix.length);
    const name = toPackageName(inside);
    // Packages of types are global to a program: another folder's would change the meaning of names.
    if (name === "" || name.startsWith(".") || name.startsWith("@types")) return path;
    const folder = findMissing(name);
    if (folder === undefined) return path;
    // One package must not be seen at two places: a type of it could be named at neither.
    const nested = /^\/node_modules\/(.+)$/u.exec(inside.slice(name.length))?.[1];
    if (name === homeName && nested !== undefined && isShared(toPackageName(nested))) return path;
    return folder + inside.slice(name.length);
  };

  /** Whether a module of the notebook asks, and not one of a package. */
  const isOfNotebook = (file: string | null | undefined): boolean => {
    const path = relative(directory, file ?? "");
    if (path.startsWith("..") || isAbsolute(path) || /(?:^|[\\/])node_modules[\\/]/u.test(path)) {
      return false;
    }
    return !(file ?? "").startsWith(join(home, "dist", sep));
  };

  /**
   * A cell loads the CommonJS form of a package that has both. Of what ekiben itself uses there
   * would then be two in one process: the cell gets the one that ekiben has.
   */
  const toShared = (specifier: string, file: string): string => {
    const name = toPackageName(specifier);
    if (!(name in dependencies)) return file;
    try {
      const shared = fileURLToPath(import.meta.resolve(specifier));
      if (toPackageFolder(shared, name) !== toPackageFolder(file, name)) return file;
      const part = `${specifier.replace("@", "").replaceAll("/", "-")}.js`;
      const vendored = join(home, "dist", "vendor", part);
      return existsSync(vendored) ? vendored : shared;
    } catch {
      return file;
    }
  };

  return {
    adaptSystem: (system) =>
      Object.assign(Object.create(system) as ts.System, {
        readFile: (path: string, encoding?: string) => system.readFile(toReal(path), encoding),
        fileExists: (path: string) => system.fileExists(toReal(path)),
        directoryExists: (path: string) => system.directoryExists(toReal(path)),
        readDirectory: (path: string, ...rest: string[][]) =>
          system.readDirectory(toReal(path), ...rest),
        // Under its real path a package could not be named by the declarations of a cell.
        realpath: (path: string) =>
          toReal(path) === path ? (system.realpath?.(path) ?? path) : path,
        // Installed files do not change while a kernel runs, and there are hundreds of them.
        watchFile: ((path, ...rest) =>
          path.includes("/node_modules/")
            ? { close: () => undefined }
            : system.watchFile?.(path, ...rest)) as ts.System["watchFile"],
      }),
    adaptModules() {
      const original = loader[RESOLVE];
      let asking = false;
      loader[RESOLVE] = (specifier, parent, ...rest) => {
        const adapts = !asking && isBare(specifier) && isOfNotebook(parent?.filename);
        if (!adapts) return original.call(Module, specifier, parent, ...rest);
        asking = true;
        try {
          return toShared(specifier, original.call(Module, specifier, parent, ...rest));
        } catch (error) {
          if (!isNotFound(error)) throw error;
          try {
            return toShared(specifier, homeRequire.resolve(specifier));
          } catch (homeError) {
            // The folder of the notebook is the one that the author knows.
            throw isNotFound(homeError) ? error : homeError;
          }
        } finally {
          asking = false;
        }
      };
    },
    resolve(specifier) {
      const path = resolvePath(directory, specifier);
      // The compiler takes `./table` and `./table.js` for `table.ts` where there is one.
      const source = isBare(specifier) ? undefined : findSource(path);
      return source ?? ownRequire.resolve(specifier);
    },
  };
}

function findSource(path: string): string | undefined {
  const stem = path.replace(/\.(?:js|jsx)$/u, "");
  const candidates = [
    ...(stem === path ? [] : [`${stem}.ts`, `${stem}.tsx`, path]),
    ...SOURCE_EXTENSIONS.map((extension) => path + extension),
    ...SOURCE_EXTENSIONS.map((extension) => join(path, `index${extension}`)),
  ];
  return candidates.find((candidate) => existsSync(candidate));
}

/** The folder of a package as modules in `directory` find it. */
function findInstalled(directory: string, name: string): string | undefined {
  for (let folder = directory; ; folder = dirname(folder)) {
    if (basename(folder) !== "node_modules") {
      const candidate = join(folder, "node_modules", name);
      if (existsSync(candidate)) return candidate;
    }
    if (dirname(folder) === folder) return undefined;
  }
}

function isBare(specifier: string): boolean {
  return !/^(?:\.{0,2}\/|\.{1,2}$|[a-z]:[\\/]|file:)/iu.test(specifier) && !isBuiltin(specifier);
}

function isNotFound(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND";
}

function toPackageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function toPackageFolder(file: string, name: string): string {
  const folder = join("node_modules", name, sep);
  const start = file.lastIndexOf(folder);
  return start < 0 ? file : file.slice(0, start + folder.length);
}

function toSlashes(path: string): string {
  return path.replaceAll("\\", "/");
}
