import type { BuildFailure, Loader, Message, Plugin } from "esbuild";
import { readFile } from "node:fs/promises";
import { dirname, extname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { EkibenError } from "../core/errors.js";
import { findPackage, packageOf } from "./packages.js";
import { REQUIRE_KEY } from "./require-key.js";

/** What `service.mjs` is made from. */
export interface CompileInput {
  /** The text of the entry: TypeScript modules as ESM, top-level await allowed. */
  entryCode: string;
  /** The folder from which relative imports and packages of the entry are found. */
  resolveDirectory: string;
  /** The entry's path inside `src/`. @default "service.ts" */
  sourceName?: string;
  /** Files beside the entry that are on no disk, by path inside `src/`. */
  virtualFiles?: Readonly<Record<string, string>>;
  /** What `import.meta.url` says. @default where the compiled module is */
  moduleUrl?: string;
}

export interface Compiled {
  /** `service.mjs` */
  code: string;
  /** `service.mjs.map`, which leads back to `src/`. */
  map: string;
  /** Every source that went in, by its path in the bundle, `src/…`. */
  sources: Record<string, string>;
  /** Packages that are loaded at run time, and the sources that import them. */
  imports: PackageImport[];
}

export interface PackageImport {
  name: string;
  /** Paths in the bundle, in order. */
  importers: string[];
  /** The folder of the first importer, from which the package is found. */
  from: string;
}

const BANNER = [
  'import { createRequire as __createRequire } from "node:module";',
  `const require = globalThis[Symbol.for(${JSON.stringify(REQUIRE_KEY)})]?.(import.meta.url) ?? __createRequire(import.meta.url);`,
].join("\n");

const LOADERS: Record<string, Loader> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".jsx": "jsx",
  ".json": "json",
  ".txt": "text",
};

const ENTRY = "ekiben:entry";

/**
 * Compiles a service and the local files it imports into one module. Packages stay outside and are
 * loaded with `require`, as the kernel does, so that their default exports mean the same here.
 * @throws BUILD_FAILED with file, line and text.
 */
export async function compileService(input: CompileInput): Promise<Compiled> {
  const sources = new Map<string, string>();
  const imports = new Map<string, { importers: Set<string>; from: string }>();
  // Only here: what serves a bundle compiles nothing and need not wait for a compiler to load.
  const { build } = await import("esbuild");
  try {
    const result = await build({
      entryPoints: [ENTRY],
      outfile: join(input.resolveDirectory, "service.mjs"),
      absWorkingDir: input.resolveDirectory,
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      target: "node20",
      charset: "utf8",
      // A class or function may be known by its name, and is renamed where two files share one.
      keepNames: true,
      legalComments: "none",
      sourcemap: "linked",
      sourcesContent: false,
      logLevel: "silent",
      // A tsconfig of the project must not change what the same sources compile to.
      tsconfigRaw: { compilerOptions: { target: "ES2022", useDefineForClassFields: true } },
      banner: { js: BANNER },
      ...(input.moduleUrl === undefined
        ? {}
        : { define: { "import.meta.url": JSON.stringify(input.moduleUrl) } }),
      plugins: [resolveSources(input, sources, imports)],
    });
    const text = (end: string): string =>
      result.outputFiles.find((f) => f.path.endsWith(end))!.text;
    return {
      code: text(".mjs").replaceAll(/^\/\/ source:/gm, "// "),
      map: cleanMap(text(".map")),
      sources: Object.fromEntries([...sources].sort(([a], [b]) => (a < b ? -1 : 1))),
      imports: [...imports]
        .map(([name, found]) => ({
          name,
          importers: [...found.importers].sort(),
          from: found.from,
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    };
  } catch (error) {
    if (error instanceof EkibenError) throw error;
    throw toBuildError(error as BuildFailure);
  }
}

function resolveSources(
  input: CompileInput,
  sources: Map<string, string>,
  imports: Map<string, { importers: Set<string>; from: string }>,
): Plugin {
  const root = input.resolveDirectory;
  const entry = join(root, input.sourceName ?? "service.ts");
  const virtual = new Map([[entry, input.entryCode]]);
  for (const [path, text] of Object.entries(input.virtualFiles ?? {})) {
    virtual.set(join(root, path), text);
  }
  const source = (file: string) => ({
    path: toBundlePath(file, root),
    namespace: "source",
    pluginData: file,
  });

  return {
    name: "ekiben",
    setup(builder) {
      // All sources live in a namespace of their own: there esbuild reads no package.json, whose
      // `"type": "module"` would change what a default import of a CommonJS package means.
      builder.onResolve({ filter: /.*/ }, async (args) => {
        if (args.pluginData === "pass") return undefined;
        if (args.path === ENTRY) return source(entry);
        if (args.namespace === "package") return { path: args.path, external: true };
        const importer = args.pluginData as string;
        const from = dirname(importer);
        const specifier = args.path.startsWith("file:") ? fileURLToPath(args.path) : args.path;
        const name = packageOf(specifier);
        const linked = name !== undefined && name !== "ekiben" && findPackage(name, from)?.linked;
        const local = /^[.#]/.test(specifier) || isAbsolute(specifier) || linked === true;
        if (!local) {
          if (name !== undefined) {
            const found = imports.get(name) ?? { importers: new Set(), from };
            found.importers.add(toBundlePath(importer, root));
            imports.set(name, found);
          }
          return { path: specifier, namespace: "package" };
        }
        const made = specifier.startsWith(".") ? resolve(from, specifier) : undefined;
        if (made !== undefined && virtual.has(made)) return source(made);
        const found = await builder.resolve(specifier, {
          kind: args.kind,
          importer,
          namespace: "file",
          resolveDir: from,
          pluginData: "pass",
        });
        if (found.errors.length > 0) return { errors: found.errors };
        return source(found.path);
      });

      builder.onLoad({ filter: /.*/, namespace: "source" }, async (args) => {
        const file = args.pluginData as string;
        const contents = virtual.get(file) ?? (await readFile(file, "utf8"));
        const loader = LOADERS[extname(file)];
        if (loader === undefined) {
          return { errors: [{ text: `${args.path} is not a file that can be bundled` }] };
        }
        sources.set(args.path, contents);
        // Relative imports are answered by the hook above, which needs to know the real file.
        return { contents, loader, resolveDir: dirname(file), pluginData: file };
      });

      builder.onLoad({ filter: /.*/, namespace: "package" }, (args) => ({
        contents: `module.exports = require(${JSON.stringify(args.path)});`,
        loader: "js",
      }));
    },
  };
}

/** Where a source stands in the bundle. What lies above the root goes to `src/_up/`. */
function toBundlePath(file: string, root: string): string {
  const parts = relative(root, file).split(sep);
  const inside = parts.map((part) => (part === ".." ? "_up" : part.replaceAll(/[:*?"<>|]/g, "_")));
  return ["src", ...inside].join("/");
}

function cleanMap(text: string): string {
  const map = JSON.parse(text) as { sources: string[] };
  map.sources = map.sources.map((name) => name.replace(/^source:/, ""));
  return JSON.stringify(map);
}

function toBuildError(failure: BuildFailure): EkibenError {
  const messages = failure.errors ?? [];
  const where = ({ location }: Message): string =>
    location === null
      ? ""
      : `${location.file.replace(/^source:/, "")}:${location.line}:${location.column + 1}: `;
  const [first] = messages;
  return new EkibenError("BUILD_FAILED", {
    detail:
      first === undefined
        ? `The service does not compile: ${failure.message}.`
        : `The service does not compile: ${where(first)}${first.text}.`,
    hint: first?.notes[0]?.text ?? "Mend the source and save again.",
    issues: messages.slice(0, 10).map((message) => ({
      message: message.text,
      path: where(message).replace(/: $/, ""),
    })),
    issueCount: messages.length,
    cause: failure,
  });
}
