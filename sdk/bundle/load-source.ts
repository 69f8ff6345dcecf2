import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { EkibenError } from "../core/errors.js";
import type { Service } from "../service/infer.js";
import { compileService, type CompileInput } from "./compile.js";
import { importSelf, isEkibenError, pickService } from "./load.js";
import { registerRequire } from "./runtime-require.js";

/**
 * Runs a source as its bundle would run, but with the packages of its own project, and gives the
 * service it exports.
 * @throws BUILD_FAILED; SERVICE_SETUP_FAILED when the code fails; SERVICE_INVALID.
 */
export async function loadSource(input: CompileInput, ekiben?: object): Promise<Service> {
  const name = input.sourceName ?? "service.ts";
  const source = join(input.resolveDirectory, name);
  const { code, map } = await compileService({ ...input, moduleUrl: pathToFileURL(source).href });
  const folder = await realpath(await mkdtemp(join(tmpdir(), "ekiben-source-")));
  try {
    const self = ekiben ?? (await importSelf());
    const ownRequire = createRequire(source);
    registerRequire(folder, (specifier) => (specifier === "ekiben" ? self : ownRequire(specifier)));
    process.setSourceMapsEnabled(true);
    const file = join(folder, "service.mjs");
    await writeFile(file, code);
    await writeFile(`${file}.map`, leadToDisk(map, input.resolveDirectory));
    const loaded = (await import(/* @vite-ignore */ pathToFileURL(file).href).catch(
      (error: unknown) => {
        if (isEkibenError(error)) throw error;
        throw new EkibenError("SERVICE_SETUP_FAILED", {
          detail: `${name} failed while it was run: ${(error as Error)?.message ?? String(error)}`,
          cause: error,
        });
      },
    )) as Record<string, unknown>;
    return pickService(loaded, name);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The sources as they are on disk, instead of as they will be in a bundle. */
function leadToDisk(text: string, directory: string): string {
  const map = JSON.parse(text) as { sources: string[] };
  map.sources = map.sources.map((path) => {
    if (!path.startsWith("src/")) return path;
    const parts = path.slice("src/".length).split("/");
    return pathToFileURL(
      join(directory, parts.map((part) => (part === "_up" ? ".." : part)).join(sep)),
    ).href;
  });
  return JSON.stringify(map);
}
