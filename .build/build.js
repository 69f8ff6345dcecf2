/**
 * Makes `dist`: the JavaScript by Rolldown, the declarations by the TypeScript compiler.
 *
 * A process of ours starts in a third of the time when it loads a few files instead of three
 * hundred, so what belongs together is one file, and so are the packages that every start needs.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";
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
    "sdk/execution/worker/main.ts",
    "sdk/server/worker/main.ts",
    "sdk/observability/handover/main.ts",
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

/** What is loaded together is one file; a module belongs to the first group that reaches it. */
const GROUPS = [
  // The thread that writes lines loads this, and what writes them.
  {
    name: "lines",
    // Lines go to standard output unless told otherwise.
    modules: ["sdk/observability/lines/stream-writer.ts"],
    roots: ["sdk/observability/handover/main.ts"],
  },
  // Each thread that a model runs on loads the first of these, and that of its framework.
  {
    name: "engine",
    modules: ["sdk/core/closest-name.ts"],
    roots: ["sdk/execution/worker/main.ts"],
  },
  { name: "onnx", modules: ["sdk/models/onnx-engine.ts"] },
  { name: "tfjs", modules: ["sdk/models/tfjs-engine.ts"] },
  { name: "trees", modules: ["sdk/models/xgboost-engine.ts", "sdk/models/lightgbm-engine.ts"] },
  // What the command line and a server have in common, and all that a server needs of the former.
  {
    name: "core",
    modules: ["sdk/http/package-version.ts", "sdk/server/settings/report.ts"],
    roots: ["sdk/cli/main.ts"],
  },
  { name: "ekiben", roots: ["sdk/index.ts"] },
  // What a server of one process loads; those of several need more.
  {
    name: "server",
    modules: [
      "sdk/server/serve-alone.ts",
      "sdk/server/shutdown.ts",
      "sdk/server/stray-errors.ts",
      "sdk/store/find-bundle.ts",
    ],
  },
  { name: "workers", roots: ["sdk/server/worker/main.ts"], lazy: ["sdk/cli/serve-tag.ts"] },
  { name: "commands", modules: ["sdk/cli/program.ts"] },
];

const KERNELS = join(ROOT, "kernels", sep);

async function main() {
  const missing = Object.values(ENTRIES)
    .flat()
    .filter((entry) => !existsSync(join(ROOT, entry)));
  if (missing.length > 0) throw new Error(`There is no entry ${missing.join(", ")}.`);

  await rm(OUT, { recursive: true, force: true });
  const [declarations, vendors, ...bundles] = await Promise.all([
    emitDeclarations(),
    buildVendors({ root: ROOT, out: join(OUT, "vendor") }),
    bundle(ENTRIES.node, { platform: "node" }),
    ...ENTRIES.browser.map((entry) => bundle([entry], { platform: "neutral" })),
  ]);
  const inputs = bundles.flatMap(({ output }) => output.flatMap(({ moduleIds = [] }) => moduleIds));
  await writeNotices({
    file: join(OUT, "THIRD-PARTY.txt"),
    inputs: [...vendors, ...inputs],
  });
  if (declarations !== 0) process.exitCode = declarations ?? 1;
}

/** @param {string[]} entries @param {{ platform: "node" | "neutral" }} options */
function bundle(entries, { platform }) {
  // What also runs in browsers stands on its own.
  const groups = platform === "node" ? createGroups() : () => null;
  return build({
    cwd: ROOT,
    input: Object.fromEntries(
      entries.map((entry) => [entry.replace(/\.ts$/, ""), join(ROOT, entry)]),
    ),
    platform,
    // Where there is none of these, `main` is CommonJS.
    resolve: { mainFields: ["module", "main"] },
    tsconfig: false,
    logLevel: "warn",
    preserveEntrySignatures: "allow-extension",
    // A module that is loaded when it is needed may have been loaded by others before.
    checks: { ineffectiveDynamicImport: false },
    plugins: [placePackages],
    output: {
      dir: OUT,
      format: "esm",
      sourcemap: true,
      comments: false,
      entryFileNames: "[name].js",
      chunkFileNames: ({ moduleIds }) =>
        moduleIds.every((id) => id.startsWith(KERNELS))
          ? "kernels/tslab/parts/[name].js"
          : "sdk/parts/[name].js",
      sourcemapExcludeSources: true,
      codeSplitting: {
        groups: [{ name: groups, debugName: "groups", includeDependenciesRecursively: false }],
      },
    },
  });
}

/**
 * Which file a module goes to. A server loads all groups, a program that only imports the package
 * the first two, and `ekiben --help` the first. What is only loaded when it is needed gets files of
 * its own.
 * @returns {(id: string, context: { getModuleInfo(id: string): ModuleInfo | null }) => string | null}
 */
function createGroups() {
  /** @type {Map<string, string> | undefined} */
  let places;
  return (id, context) => {
    places ??= placeModules((id) => context.getModuleInfo(id));
    return places.get(id) ?? null;
  };
}

function placeModules(getModuleInfo) {
  const places = new Map();
  const place = (id, group) => {
    const info = getModuleInfo(id);
    if (places.has(id) || info === null || info.isExternal === true) return;
    places.set(id, group);
    for (const imported of info.importedIds) place(imported, group);
  };
  for (const { name, modules = [], roots = [], lazy = [] } of GROUPS) {
    for (const id of modules) place(join(ROOT, id), name);
    // An entry keeps its file: whoever loaded it for a part of it would start it.
    for (const root of roots) {
      for (const id of getModuleInfo(join(ROOT, root))?.importedIds ?? []) place(id, name);
    }
    for (const root of lazy) {
      for (const id of getModuleInfo(join(ROOT, root))?.dynamicallyImportedIds ?? [])
        place(id, name);
    }
  }
  return places;
}

/** Packages of every start come from `dist/vendor`, small ones into the file, others from where they are installed. */
const placePackages = /** @type {import("rolldown").Plugin} */ ({
  name: "packages",
  resolveId(id, importer) {
    if (importer === undefined || /^(?:[./]|[A-Za-z]:\\)/.test(id)) return null;
    if (isBuiltin(id)) return { id, external: true };
    if (INLINED.includes(id)) return null;
    if (!VENDORS.includes(id)) return { id, external: true };
    // Relative to the sources, as the files of `dist` are to each other.
    return { id: join(ROOT, "vendor", toVendorFile(id)), external: "relative" };
  },
});

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
