import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

interface Entry {
  version?: string;
  resolved?: string;
  optionalDependencies?: Record<string, string>;
}

const file = fileURLToPath(new URL("../../package-lock.json", import.meta.url));
const { packages } = JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, Entry> };

describe("the lockfile", () => {
  it("has every optional package, those for other systems too", () => {
    // One that was not to be had when the file was written is left out, and `npm ci` then stops.
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          packages[`${path}/node_modules/${name}`] === undefined &&
          packages[`node_modules/${name}`] === undefined,
      ),
    );
    expect(missing).toEqual([]);
  });

  it("names no addresses", () => {
    const named = Object.entries(packages).filter(([, entry]) => entry.resolved !== undefined);
    expect(named).toEqual([]);
  });
});
