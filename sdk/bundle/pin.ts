import { EkibenError } from "../core/errors.js";
import type { PackageImport } from "./compile.js";
import {
  cutClosure,
  findLockfiles,
  isOutsideRegistry,
  type LockEntry,
  type Lockfile,
} from "./lockfile.js";
import type { ManifestDependency } from "./manifest.js";
import { ALLOW_SCRIPTS, NPMRC, OVERRIDES } from "./npm-settings.js";
import { findPackage, type InstalledPackage } from "./packages.js";

export interface PinInput {
  /** The name of the service. */
  name: string;
  /** The version of the ekiben that saves. */
  ekiben: string;
  imports: readonly PackageImport[];
  /** The folder of the notebook or of the service's file. */
  directory: string;
  /** Why a package is needed, by its name. @default the sources that import it */
  reasons?: Readonly<Record<string, string>>;
}

export interface Pinned {
  dependencies: ManifestDependency[];
  /** `package.json`, `.npmrc` and, when the project has one, `package-lock.json`. */
  files: Record<string, string>;
  /** What the author should know, in sentences. */
  notes: string[];
}

/**
 * Pins the imported packages to what is installed, and their dependencies to what the project's
 * lockfile says.
 * @throws DEPENDENCY_MISSING when an imported package is not installed; BUILD_FAILED when one was
 * installed from a local file, which no other machine could install.
 */
export function pinDependencies(input: PinInput): Pinned {
  const imports = input.imports.filter(({ name }) => name !== "ekiben");
  const installed = imports.map((one) => findInstalled(one, input));
  const names = installed.map(({ name }) => name);
  const notes: string[] = [];
  const lock = chooseLock(names, input.directory, notes);

  const specs: Record<string, string> = {};
  for (const one of installed) specs[one.name] = toSpec(one, lock?.closure);

  const root = toPackageJson(input, specs);
  const files: Record<string, string> = {
    "package.json": print(root),
    ".npmrc": NPMRC,
  };
  if (lock !== undefined) {
    const { name, dependencies, peerDependencies, peerDependenciesMeta } = root;
    files["package-lock.json"] = print({
      name,
      lockfileVersion: 3,
      requires: true,
      packages: {
        "": {
          name,
          ...(dependencies === undefined ? {} : { dependencies }),
          peerDependencies,
          peerDependenciesMeta,
        },
        ...lock.closure,
      },
    });
  }
  return {
    dependencies: imports.map((one, i) => ({
      name: one.name,
      version: installed[i]!.version,
      reason: input.reasons?.[one.name] ?? `${one.importers.join(", ")} imports it`,
    })),
    files,
    notes,
  };
}

function findInstalled(one: PackageImport, input: PinInput): InstalledPackage {
  const found = findPackage(one.name, one.from) ?? findPackage(one.name, input.directory);
  if (found !== undefined) return found;
  const reason = input.reasons?.[one.name] ?? `${one.importers.join(", ")} imports it`;
  throw new EkibenError("DEPENDENCY_MISSING", {
    detail: `The package ${one.name} is not installed in ${input.directory} or above; ${reason}.`,
    hint: `Run \`npm install ${one.name}\` there and save again.`,
    received: one.name,
  });
}

function chooseLock(
  names: readonly string[],
  directory: string,
  notes: string[],
): { closure: Record<string, LockEntry> } | undefined {
  if (names.length === 0) return { closure: {} };
  const faults: string[] = [];
  for (const lock of findLockfiles(directory)) {
    const cut = cutClosure(lock, names, directory);
    if (cut.fault === undefined) return cut;
    faults.push(`${lock.file}: ${cut.fault}`);
  }
  notes.push(
    faults.length === 0
      ? "No package-lock.json was found: the imported packages are pinned, what they depend on is not."
      : `No lockfile fits what is installed (${faults.join("; ")}): the imported packages are pinned, what they depend on is not.`,
  );
  return undefined;
}

function toSpec(one: InstalledPackage, closure: Lockfile["packages"] | undefined): string {
  const entry = closure?.[`node_modules/${one.name}`];
  if (isOutsideRegistry(entry?.resolved)) {
    if (!entry!.resolved!.startsWith("file:")) return entry!.resolved!;
    throw new EkibenError("BUILD_FAILED", {
      detail: `The package ${one.name} was installed from ${entry!.resolved}, which no other machine has.`,
      hint: "Publish it to a registry, or import its files by a relative path so that they are bundled.",
      received: one.name,
    });
  }
  return entry?.name === undefined ? one.version : `npm:${entry.name}@${one.version}`;
}

function toPackageJson(input: PinInput, dependencies: Record<string, string>) {
  const overrides = Object.fromEntries(
    Object.entries(OVERRIDES).filter(([name]) => name in dependencies),
  );
  return {
    name: input.name,
    private: true,
    type: "module",
    ...(Object.keys(dependencies).length === 0 ? {} : { dependencies }),
    // What runs the bundle brings ekiben with it, so an install of the bundle alone does not.
    peerDependencies: { ekiben: input.ekiben },
    peerDependenciesMeta: { ekiben: { optional: true } },
    ...(Object.keys(overrides).length === 0 ? {} : { overrides }),
    allowScripts: ALLOW_SCRIPTS,
  };
}

function print(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
