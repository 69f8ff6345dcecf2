import { readFile } from "node:fs/promises";
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

/**
 * The texts of zod in sixty languages are more than half of it, and a service speaks one: all but
 * the one that zod begins with are loaded from the installed package when somebody asks for them.
 */
const loadLocalesLate = {
  name: "locales",
  async load(id) {
    if (!/[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/.test(id)) return null;
    const { locales } = await import("zod");
    const late = Object.keys(locales).filter((name) => name !== "en");
    const code = await readFile(id, "utf8");
    return [
      `import { createRequire } from "node:module";`,
      `const require = createRequire(import.meta.url);`,
      `export { default as en } from "./en.js";`,
      ...late.map((name) => {
        const file = new RegExp(`default as ${name} } from "\\./(.+)\\.js"`).exec(code)?.[1];
        if (file === undefined) throw new Error(`zod's locale ${name} is in no file.`);
        return `export const ${name} = () => require("zod/v4/locales/${file}.cjs")();`;
      }),
    ].join("\n");
  },
};

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
      loadLocalesLate,
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
      // Lines and names stay: Node shows the line of an error, and names of classes are read.
      minify: false,
    },
  });
}
