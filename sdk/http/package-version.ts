import { createRequire } from "node:module";

let version: string | undefined;

/** The version of ekiben that runs. */
export function findPackageVersion(): string {
  // By its own name: from the sources and from the compiled files the way to package.json differs.
  version ??= (createRequire(import.meta.url)("ekiben/package.json") as { version: string })
    .version;
  return version;
}
