import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Packages and all that they depend on, for the folder of a notebook. */
export function findPackages(names: readonly string[], found = new Set<string>()): string[] {
  for (const name of names) {
    if (found.has(name)) continue;
    found.add(name);
    const file = fileURLToPath(new URL(`../../node_modules/${name}/package.json`, import.meta.url));
    const { dependencies = {} } = JSON.parse(readFileSync(file, "utf8")) as {
      dependencies?: Record<string, string>;
    };
    findPackages(Object.keys(dependencies), found);
  }
  return [...found];
}
