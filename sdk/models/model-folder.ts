import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { EkibenError } from "../core/errors.js";
import { sha256, sha256File } from "../core/hash.js";
import type { ModelFile } from "./model.js";

/** All files of a folder and of the folders in it, in one order on every machine. */
export async function listFolder(folder: string, prefix = ""): Promise<ModelFile[]> {
  const names = await readdir(folder, { recursive: true });
  const found = await Promise.all(
    names.map(async (name) => ((await stat(join(folder, name))).isFile() ? [name] : [])),
  );
  return found
    .flat()
    .map((name) => ({
      source: join(folder, name),
      path: prefix + name.split(sep).join("/"),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Gives the files of a model that is in memory. They are written anew each time, since the model may
 * have been trained on; what has not changed stays under the path that it had.
 * @throws BUILD_FAILED when the model writes no file; what `save` throws
 */
export function createSavedFolder(
  save: (folder: string) => unknown,
): (model: string) => Promise<readonly ModelFile[]> {
  const own = randomUUID();
  let kept: string | undefined;
  return async (model) => {
    const folder = join(findTemporary(), own);
    const fresh = join(folder, randomUUID());
    await mkdir(fresh, { recursive: true });
    await save(fresh);
    const files = await listFolder(fresh);
    if (files.length === 0) {
      throw new EkibenError("BUILD_FAILED", {
        detail: `\`save\` of ${model} wrote no file.`,
        hint: "Write at least one file into the folder that `save` gets as its second argument.",
      });
    }
    const parts = await Promise.all(
      files.map(async ({ source, path }) => `${path}\n${await sha256File(source)}\n`),
    );
    const place = join(folder, sha256(parts.join("")));
    // It may be there from before, or from a save at the same time.
    await rename(fresh, place).catch(async (error: unknown) => {
      if (!(await isFolder(place))) throw error;
      await rm(fresh, { recursive: true });
    });
    if (kept !== undefined && kept !== place) await rm(kept, { recursive: true, force: true });
    kept = place;
    return listFolder(place);
  };
}

let temporary: string | undefined;

/** One folder a process, gone with it. */
function findTemporary(): string {
  if (temporary !== undefined) return temporary;
  const folder = mkdtempSync(join(tmpdir(), "ekiben-model-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return (temporary = folder);
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
