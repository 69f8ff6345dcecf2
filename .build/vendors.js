import { isBuiltin } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";

/**
 * Packages that every start needs, each made one file. They stay dependencies: whoever imports zod
 * or hono beside ekiben installs them, and the declarations name them.
 */
export const VENDORS = [
  "@hono/node-server",
  "@hono/zod-openapi",
  "commander",
  "hono",
  "pino",
  "prom-client",
  "zod",
];

/** Packages so small that they go into the file that imports them. */
export const INLINED = ["devalue", "eventsource-parser", "hono/cors", "hono/html"];

/** A package in CommonJS asks for builtins by `require`. */
const BANNER = `import { createRequire as __createRequire } from "node:module";
const require = __createRequire(import.meta.url);`;

/** @param {string} name the file of a package in `dist/vendor` */
export function toVendorFile(name) {
  return `${name.replace("@", "").replaceAll("/", "-")}.js`;
}

/** @param {{ root: string, out: string }} options @returns outputs and inputs as esbuild tells them */
export async function buildVendors({ root, out }) {
  const results = await Promise.all(VENDORS.map((name) => buildVendor(name, root, out)));
  return {
    outputFiles: results.flatMap(({ outputFiles }) => outputFiles),
    metafile: {
      inputs: Object.assign({}, ...results.map(({ metafile }) => metafile.inputs)),
    },
  };
}

async function buildVendor(name, root, out) {
  // What a CommonJS package exports is known when it has run.
  const names = Object.keys(await import(name)).filter((one) => /^[A-Za-z_$][\w$]*$/.test(one));
  return await build({
    stdin: {
      contents: `export { ${names.join(", ")} } from ${JSON.stringify(name)};`,
      resolveDir: root,
    },
    absWorkingDir: root,
    outfile: join(out, toVendorFile(name)),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    charset: "utf8",
    legalComments: "none",
    // Names stay: some of them are read, such as those of classes of errors.
    minifyWhitespace: true,
    minifySyntax: true,
    banner: { js: BANNER },
    metafile: true,
    write: false,
    logLevel: "warning",
    plugins: [
      {
        name: "siblings",
        setup({ onResolve }) {
          onResolve({ filter: /^[^./]/ }, ({ path, kind, importer }) => {
            if (kind === "entry-point" || importer === "" || isBuiltin(path)) return undefined;
            if (!VENDORS.includes(path) || path === name) return undefined;
            return { path: `./${toVendorFile(path)}`, external: true };
          });
        },
      },
    ],
  });
}
