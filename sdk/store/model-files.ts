import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, link, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { blobPath, hasContent } from "../bundle/blobs.js";
import { damaged } from "../bundle/share-files.js";
import { sha256File } from "../core/hash.js";
import { printTag } from "../core/tag.js";
import type { ModelRecord, StoredFile } from "./model-record.js";

/** Where the files of a model stand under their own names. It can be removed at any time. */
export function openedDirectory(store: string, digest: string): string {
  return join(store, "cache", "models", digest.slice(0, 32));
}

/**
 * Checks the hash of every file of a model.
 * @throws MODEL_CORRUPT naming the file
 */
export async function checkModelFiles(store: string, record: ModelRecord): Promise<void> {
  for (const { sha256 } of record.files) {
    const file = blobPath(store, sha256);
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() !== true) throw damaged(printTag(record), file, sha256);
    const received = await sha256File(file);
    if (received !== sha256) throw damaged(printTag(record), file, sha256, received);
  }
}

/**
 * A folder with the files of a model under the names that they were imported with: second names of
 * the stored files, or copies on a disk that knows no such names.
 * @throws MODEL_CORRUPT
 */
export async function openModelFiles(store: string, record: ModelRecord): Promise<string> {
  await checkModelFiles(store, record);
  const target = openedDirectory(store, record.digest);
  if (await isOpened(store, target, record.files)) return target;
  const aside = join(dirname(target), `.opening-${process.pid}-${randomUUID().slice(0, 8)}`);
  try {
    for (const { path, sha256 } of record.files) {
      const file = join(aside, ...path.split("/"));
      await mkdir(dirname(file), { recursive: true });
      const blob = blobPath(store, sha256);
      await link(blob, file).catch(() => copyFile(blob, file, constants.COPYFILE_FICLONE));
    }
    await publish(aside, target, () => isOpened(store, target, record.files));
  } finally {
    await rm(aside, { recursive: true, force: true, maxRetries: 3 });
  }
  return target;
}

async function isOpened(
  store: string,
  folder: string,
  files: readonly StoredFile[],
): Promise<boolean> {
  for (const { path, ...content } of files) {
    const file = join(folder, ...path.split("/"));
    const [one, other] = await Promise.all(
      [file, blobPath(store, content.sha256)].map((place) =>
        stat(place, { bigint: true }).catch(() => undefined),
      ),
    );
    if (one === undefined || other === undefined) return false;
    if (one.dev === other.dev && one.ino === other.ino) continue;
    if (!(await hasContent(file, content))) return false;
  }
  return true;
}

async function publish(
  aside: string,
  target: string,
  isWhole: () => Promise<boolean>,
): Promise<void> {
  try {
    await rename(aside, target);
  } catch (error) {
    // Another process was first, or what is there was damaged.
    if (await isWhole()) return;
    const old = `${aside}-old`;
    await rename(target, old).catch(() => {
      throw error;
    });
    await rename(aside, target);
    await rm(old, { recursive: true, force: true, maxRetries: 3 });
  }
}

const DAY = 24 * 3_600_000;

/**
 * Removes stored files that no model has any more: those of a model that was just removed at once,
 * and what imports that were killed left a day ago. Bundles keep their own names of the same files.
 * @param used The hashes of the files of all models.
 */
export async function sweepBlobs(
  store: string,
  removed: readonly StoredFile[],
  used: ReadonlySet<string>,
): Promise<void> {
  for (const { sha256 } of removed) {
    if (!used.has(sha256)) await rm(blobPath(store, sha256), { force: true });
  }
  const blobs = join(store, "models", "blobs");
  for (const name of await readdir(blobs).catch(() => [])) {
    if (name.startsWith(".adding-")) {
      await removeOld(join(blobs, name));
      continue;
    }
    for (const sha256 of await readdir(join(blobs, name)).catch(() => [])) {
      if (!used.has(sha256)) await removeOld(join(blobs, name, sha256));
    }
  }
}

async function removeOld(file: string): Promise<void> {
  const touched = await stat(file).catch(() => undefined);
  if (touched === undefined || Date.now() - touched.ctimeMs < DAY) return;
  await rm(file, { force: true }).catch(() => {});
}
