import { randomUUID } from "node:crypto";
import { chmod, mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sha256File } from "../core/hash.js";
import { copyModelFile } from "./copy-file.js";

/** Where a store keeps a file of a model: under the SHA-256 of its content. */
export function blobPath(store: string, sha256: string): string {
  return join(store, "models", "blobs", sha256.slice(0, 2), sha256);
}

/** Nobody writes into a file that several names may lead to. */
export const READ_ONLY = 0o444;

/** The content of a file: its SHA-256 and its bytes. */
export interface Content {
  readonly sha256: string;
  readonly size: number;
}

/** Whether a file is there and has the content. */
export async function hasContent(file: string, { sha256, size }: Content): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true || found.size !== size) return false;
  return (await sha256File(file).catch(() => undefined)) === sha256;
}

/**
 * Puts a file of a model into a store, once: what is there already and whole is kept, what is damaged
 * is replaced.
 * @throws MODEL_FILE_MISSING; BUILD_FAILED when the file changes meanwhile
 */
export async function addBlob(store: string, model: string, source: string): Promise<Content> {
  const blobs = join(store, "models", "blobs");
  const aside = join(blobs, `.adding-${process.pid}-${randomUUID().slice(0, 8)}`);
  try {
    const content = await copyModelFile(model, source, aside);
    const target = blobPath(store, content.sha256);
    if (await hasContent(target, content)) return content;
    await chmod(aside, READ_ONLY);
    await mkdir(dirname(target), { recursive: true });
    await replace(aside, target, content);
    return content;
  } finally {
    await rm(aside, { force: true });
  }
}

async function replace(aside: string, target: string, content: Content): Promise<void> {
  try {
    await rename(aside, target);
  } catch (error) {
    // Windows renames over no file that is read-only. Another process may have been first.
    if (await hasContent(target, content)) return;
    await rm(target, { force: true });
    await rename(aside, target).catch(() => {
      throw error;
    });
  }
}
