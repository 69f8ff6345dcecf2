import { join } from "node:path";
import { build } from "rolldown";

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

/** @param {string} name the file of a package in `dist/vendor` */
export function toVendorFile(name) {
  return `${name.replace("@", "").replaceAll("/", "-")}.js`;
}

/** @param {{ root: string, out: string }} options @returns {Promise<string[]>} the modules that went in */
export async function buildVendors({ root, out }) {
  const results = await Promise.all(VENDORS.map((name) => buildVendor(name, root, out)));
  return results.flatMap(({ output }) => output.flatMap(({ moduleIds = [] }) => moduleIds));
}

async function buildVendor(name, root, out) {
  // What a CommonJS package exports is known when it has run.
  const names = Object.keys(await import(name)).filter((one) => /^[A-Za-z_$][\w$]*$/.test(one));
  const entry = "\0entry";
  return await build({
    cwd: root,
    input: entry,
    platform: "node",
    tsconfig: false,
    logLevel: "warn",
    plugins: [
      {
        name: "vendor",
        resolveId(id, importer) {
          if (id === entry) return id;
          if (importer === entry) return this.resolve(id, join(root, "package.json"));
          if (id === name || !VENDORS.includes(id)) return null;
          return { id: `./${toVendorFile(id)}`, external: true };
        },
        load: (id) =>
          id === entry ? `export { ${names.join(", ")} } from ${JSON.stringify(name)};` : null,
      },
    ],
    output: {
      file: join(out, toVendorFile(name)),
      format: "esm",
      comments: false,
      codeSplitting: false,
      // Names stay: some of them are read, such as those of classes of errors.
      minify: { mangle: false, compress: true, codegen: true },
    },
  });
}
