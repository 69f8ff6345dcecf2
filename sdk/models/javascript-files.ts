import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { EkibenError } from "../core/errors.js";
import type { ModelFile } from "./model.js";
import { listFolder } from "./model-folder.js";
import { readModelHead, toModelPath, type ModelPath } from "./model-file.js";

/** The files and folders of a model by the names that its author gave them. */
export type NamedPaths = Readonly<Record<string, ModelPath>>;

export function toNamedPaths(files: Readonly<Record<string, string | URL>>): NamedPaths {
  return Object.fromEntries(
    Object.entries(files).map(([name, file]) => [name, toModelPath(file)] as const),
  );
}

/** The same files where a bundle has them. */
export function toBundledPaths(paths: NamedPaths, directory: string): NamedPaths {
  return Object.fromEntries(
    Object.entries(paths).map(([name, { absolute }]) => [
      name,
      toModelPath(join(directory, name, basename(absolute))),
    ]),
  );
}

/**
 * What a bundle takes: each file in a folder of its name, and all that a folder holds.
 * @throws SERVICE_INVALID for a name that is no folder's; MODEL_FILE_MISSING; MODEL_FILE_INVALID
 */
export async function listNamedFiles(paths: NamedPaths): Promise<ModelFile[]> {
  const lists = Object.entries(paths).map(async ([name, path]) => {
    checkKey(name);
    const base = `${name}/${basename(path.absolute)}`;
    if (await isFolder(path)) return listFolder(path.absolute, `${base}/`);
    await readModelHead(path);
    return [{ source: path.absolute, path: base }];
  });
  return (await Promise.all(lists)).flat();
}

/** @throws MODEL_FILE_MISSING; MODEL_FILE_INVALID for a file that cannot be read */
export async function checkNamedFiles(paths: NamedPaths): Promise<void> {
  for (const path of Object.values(paths)) if (!(await isFolder(path))) await readModelHead(path);
}

function isFolder({ absolute }: ModelPath): Promise<boolean> {
  return stat(absolute).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function checkKey(name: string): void {
  if (/^\w[\w-]*$/.test(name)) return;
  throw new EkibenError("SERVICE_INVALID", {
    detail: `The name ${JSON.stringify(name)} of a file of model() cannot name a folder.`,
    hint: 'Use letters, digits, - and _, such as `files: { vocabulary: "data/vocabulary.json" }`.',
    received: name,
  });
}
