import { resolve } from "node:path";
import { build } from "esbuild";

/**
 * A program for `node --input-type=module --eval` that imports sources, such as
 * `"./sdk/core/clock.js"`: `dist` has the doors of the package only.
 */
export async function toChildScript(source: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: resolve("."), loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    write: false,
    logLevel: "silent",
  });
  return outputFiles[0]!.text;
}
