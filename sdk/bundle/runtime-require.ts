import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { EkibenError } from "../core/errors.js";
import { findVendored } from "../core/vendored.js";
import { toBundleModule } from "./in-bundle.js";
import type { Bundle } from "./load.js";
import { findPackage, packageOf } from "./packages.js";
import { REQUIRE_KEY } from "./require-key.js";

export type BundleRequire = (specifier: string) => unknown;

const bundles = new Map<string, BundleRequire>();
const ownRequire = createRequire(import.meta.url);
const ownDirectory = dirname(fileURLToPath(import.meta.url));

/** Makes the packages of a bundle available to its code. */
export function registerBundle(bundle: Bundle, ekiben: object): void {
  registerRequire(bundle.directory, createBundleRequire(bundle, ekiben));
}

/** Makes the code in a folder use this `require`. */
export function registerRequire(directory: string, require: BundleRequire): void {
  bundles.set(directory, require);
  (globalThis as unknown as Record<symbol, unknown>)[Symbol.for(REQUIRE_KEY)] = (url: string) =>
    bundles.get(dirname(fileURLToPath(url)));
}

/**
 * The `require` of a bundle's code. `ekiben` is always the one that runs. Any other package comes
 * from the bundle's own `node_modules`, or from beside the running ekiben when exactly the pinned
 * version is there; never from a folder that happens to lie above.
 */
export function createBundleRequire(bundle: Bundle, ekiben: object): BundleRequire {
  const bundleRequire = createRequire(join(bundle.directory, "service.mjs"));
  const own = toBundleModule(ekiben, bundle.directory);
  return (specifier) => {
    const name = packageOf(specifier);
    if (name === undefined) return ownRequire(specifier);
    if (specifier === "ekiben") return own;
    if (name === "ekiben") return ownRequire(specifier);
    if (existsSync(join(bundle.directory, "node_modules", name))) return bundleRequire(specifier);
    const pinned = bundle.manifest.dependencies.find((one) => one.name === name);
    const beside = findPackage(name, ownDirectory);
    if (beside !== undefined && beside.version === pinned?.version) {
      return ownRequire(findVendored(specifier) ?? specifier);
    }
    throw missing(bundle, name, beside?.version);
  };
}

function missing(bundle: Bundle, name: string, beside: string | undefined): EkibenError {
  const { manifest, directory } = bundle;
  const pinned = manifest.dependencies.find((one) => one.name === name);
  const locked = manifest.files.some(({ path }) => path === "package-lock.json");
  const what = pinned === undefined ? name : `${name} ${pinned.version} (${pinned.reason})`;
  const instead =
    beside === undefined ? "it is not installed" : `beside ekiben is version ${beside}`;
  return new EkibenError("DEPENDENCY_MISSING", {
    detail: `${manifest.name}:${manifest.version} needs the package ${what}; ${instead}.`,
    hint: `Run \`npm ${locked ? "ci" : "install"}\` in ${directory}.`,
    ...(pinned === undefined ? {} : { expected: `${name}@${pinned.version}` }),
    ...(beside === undefined ? {} : { received: `${name}@${beside}` }),
  });
}
