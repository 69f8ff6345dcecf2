import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseSync } from "oxc-parser";
import { expect, test } from "vitest";

const dist = fileURLToPath(new URL("../../dist", import.meta.url));
const vendors = readdirSync(join(dist, "vendor"));

function findStaticImports(file: string): string[] {
  const { module } = parseSync(file, readFileSync(file, "utf8"));
  return [
    ...module.staticImports.map((one) => one.moduleRequest.value),
    ...module.staticExports.flatMap((one) =>
      one.entries.flatMap((entry) => entry.moduleRequest?.value ?? []),
    ),
  ];
}

/** The files that are loaded before any of the code runs, and what they import from packages. */
function loadWith(entry: string): { files: string[]; packages: string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const specifier of findStaticImports(file)) {
      if (specifier.startsWith(".")) visit(resolve(dirname(file), specifier));
      else if (!specifier.startsWith("node:")) packages.add(specifier);
    }
  };
  visit(join(dist, entry));
  return { files: [...files].map((file) => relative(dist, file)), packages: [...packages] };
}

test("what the package exports is what its source does", async () => {
  const published = (await import(pathToFileURL(join(dist, "sdk/index.js")).href)) as object;
  const source = (await import("../../sdk/index.js")) as object;
  expect(Object.keys(published).sort()).toEqual(Object.keys(source).sort());
});

test("a thread of a model loads its engine and nothing of the server", () => {
  const { files, packages } = loadWith("sdk/execution/worker/main.js");
  expect(packages).toEqual([]);
  expect(files.filter((file) => file.includes("vendor"))).toEqual([]);
  expect(files.length).toBeLessThan(5);
});

test("a server starts without what prints metrics, frameworks of other models, and other processes", () => {
  const { files } = loadWith("sdk/parts/server.js");
  expect(files).toContain(join("sdk", "parts", "ekiben.js"));
  const others = /prom-client|hono-|trees|workers|openapi|arrow|parquet|save-from-notebook/;
  expect(files.filter((file) => others.test(file))).toEqual([]);
  const line = loadWith("sdk/cli/main.js");
  expect(line.files.filter((file) => /vendor|commands/.test(file))).toEqual([]);
});

test("the command line says what it can do without what does it", () => {
  const { files } = loadWith("sdk/parts/commands.js");
  expect(files.filter((file) => file.startsWith("vendor"))).toEqual([
    join("vendor", "commander.js"),
  ]);
  expect(files.length).toBeLessThan(6);
});

test.each(["sdk/index.js", "sdk/cli/main.js", "sdk/client/index.js"])(
  "%s is loaded from few files and no package",
  (entry) => {
    const { files, packages } = loadWith(entry);
    expect(packages).toEqual([]);
    expect(files.length).toBeLessThan(16);
  },
);

test("a file of a vendored package needs no other package", () => {
  expect(vendors).toContain("zod.js");
  for (const vendor of vendors) {
    const { packages } = loadWith(`vendor/${vendor}`);
    expect([vendor, packages.filter((one) => !/^[a-z_]+(\/[a-z]+)?$/.test(one))]).toEqual([
      vendor,
      [],
    ]);
  }
});

test("the notices name every package that was made part of it, with its licence", () => {
  const notices = readFileSync(join(dist, "THIRD-PARTY.txt"), "utf8");
  const maps = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".js.map"),
  );
  const inlined = maps.flatMap((file) => {
    const { sources } = JSON.parse(readFileSync(join(dist, file), "utf8")) as { sources: string[] };
    return sources.flatMap((one) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(one)?.[1] ?? []);
  });
  expect(new Set(inlined).size).toBeGreaterThan(1);
  const names = [
    ...new Set(inlined),
    "zod",
    "hono",
    "pino",
    "sonic-boom",
    "prom-client",
    "commander",
  ];
  const lacking = names.filter((name) => {
    const start = notices.indexOf(`\n${name} `);
    return start < 0 || !/copyright|apache|licen/i.test(notices.slice(start, start + 1_000));
  });
  expect(lacking).toEqual([]);
});
