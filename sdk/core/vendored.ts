import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The file in which the package of this name was made part of ekiben. Whoever is handed this file
 * instead of the package has the same classes and registries as ekiben has.
 * `undefined` for all others, and where ekiben runs from its sources.
 */
export function findVendored(specifier: string): string | undefined {
  const own = import.meta.url;
  const folder = join(dirname(createRequire(own).resolve("ekiben/package.json")), "dist");
  if (!fileURLToPath(own).startsWith(folder + sep)) return undefined;
  const file = join(folder, "vendor", `${specifier.replace("@", "").replaceAll("/", "-")}.js`);
  return existsSync(file) ? file : undefined;
}
