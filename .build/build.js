/**
 * Makes `dist`: the JavaScript by esbuild, the declarations by the TypeScript compiler.
 *
 * A process of ours starts in a third of the time when it loads a few files instead of three
 * hundred, so what belongs together is one file, and so are the packages that every start needs.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { writeNotices } from "./notices.js";
import { buildVendors, INLINED, toVendorFile, VENDORS } from "./vendors.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OUT = join(ROOT, "dist");

/**
 * What is started or imported by its path. A worker of a thread or of a process, a command and a
 * door of the package belong here; what is only imported by others does not.
 */
const ENTRIES = {
  node: [
    "sdk/index.ts",
    "sdk/cli/main.ts",
    "kernels/tslab/main.ts",
    "kernels/tslab/parent-watch.ts",
    "kernels/tslab/headless.ts",
    "kernels/tslab/kernelspec.ts",
    "kernels/tslab/outputs.ts",
    "kernels/tslab/run-notebook.ts",
  ],
  // Also runs in browsers and is to be bundled once more there, so it stands on its own.
  browser: ["sdk/client/index.ts"],
};

const OPTIONS = /** @type {const} */ ({
  absWorkingDir: ROOT,
  outbase: ROOT,
  outdir: OUT,
  bundle: true,
  format: "esm",
  target: "node20.19",
  charset: "utf8",
  legalComments: "none",
  sourcemap: "linked",
  sourcesContent: false,
  logLevel: "warning",
  metafile: true,
  write: false,
});

async function main() {
  const missing = Object.values(ENTRIES)
    .flat()
    .filter((entry) => !existsSync(join(ROOT, entry)));
  if (missing.length > 0) throw new Error(`There is no entry ${missing.join(", ")}.`);

  await rm(OUT, { recursive: true, force: true });
  const [declarations, ...builds] = await Promise.all([
    emitDeclarations(),
    buildVendors({ root: ROOT, out: join(OUT, "vendor") }),
    build({
      ...OPTIONS,
      entryPoints: ENTRIES.node,
      platform: "node",
      splitting: true,
      chunkNames: "sdk/chunks/[name]-[hash]",
      plugins: [placePackages],
    }),
    build({
      ...OPTIONS,
      entryPoints: ENTRIES.browser,
      platform: "neutral",
      mainFields: ["module"],
    }),
  ]);
  await Promise.all(builds.flatMap(({ outputFiles }) => outputFiles.map(write)));
  await writeNotices({
    root: ROOT,
    file: join(OUT, "THIRD-PARTY.txt"),
    inputs: builds.flatMap(({ metafile }) => Object.keys(metafile.inputs)),
  });
  if (declarations !== 0) process.exitCode = declarations ?? 1;
}

const VENDOR = "ekiben-vendor:";

/** Packages of every start come from `dist/vendor`, small ones into the file, others from where they are installed. */
const placePackages = /** @type {import("esbuild").Plugin} */ ({
  name: "packages",
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind === "entry-point" || isBuiltin(path) || INLINED.includes(path)) return undefined;
      if (VENDORS.includes(path)) return { path: VENDOR + path, external: true };
      return { path, external: true };
    });
  },
});

/** @param {import("esbuild").OutputFile} file */
async function write({ path, text, contents }) {
  await mkdir(dirname(path), { recursive: true });
  if (!path.endsWith(".js")) return await writeFile(path, contents);
  const folder = relative(dirname(path), join(OUT, "vendor")).split(sep).join("/");
  await writeFile(
    path,
    text.replaceAll(
      new RegExp(`(["'])${VENDOR}([^"']+)\\1`, "g"),
      (_, quote, name) => `${quote}${folder}/${toVendorFile(name)}${quote}`,
    ),
  );
}

/** @returns {Promise<number | null>} the exit code of the compiler */
function emitDeclarations() {
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  return new Promise((resolve, reject) => {
    spawn(process.execPath, [compiler, "-p", join(ROOT, "tsconfig.json")], {
      cwd: ROOT,
      stdio: "inherit",
    })
      .once("error", reject)
      .once("exit", resolve);
  });
}

await main();
