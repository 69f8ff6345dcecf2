import { existsSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { MANIFEST_FILE } from "../bundle/manifest.js";
import { EkibenError } from "../core/errors.js";
import { openLocalStore, type LocalStore } from "./local-store.js";

/** The folder of a bundle, wherever it was found. */
export interface FoundBundle {
  readonly directory: string;
  /** The archive it was unpacked from. */
  readonly archive?: string;
  /** Removes what was unpacked. */
  dispose(): Promise<void>;
}

/**
 * Finds what a person means by a bundle: a folder with a manifest, an archive, or a tag.
 * @throws BUNDLE_NOT_FOUND, BUNDLE_CORRUPT or TAG_INVALID.
 */
export async function findBundle(
  target: string,
  store: LocalStore = openLocalStore(),
): Promise<FoundBundle> {
  const path = resolve(target);
  const isPath = /^\.{0,2}[\\/]|^\.{1,2}$|^[A-Za-z]:[\\/]/.test(target);
  if (existsSync(join(path, MANIFEST_FILE))) return { directory: path, dispose: async () => {} };
  if (/\.(tgz|tar\.gz)$/.test(target)) return unpackAside(path);
  if (existsSync(path) && statSync(path).isFile()) return unpackAside(path);
  if (isPath) {
    throw new EkibenError("BUNDLE_NOT_FOUND", {
      detail: `${path} is not a bundle.`,
      hint: `Name a folder with ${MANIFEST_FILE}, an archive, or a tag such as churn:latest.`,
      received: target,
    });
  }
  const { directory } = await store.find(target);
  return { directory, dispose: async () => {} };
}

async function unpackAside(archive: string): Promise<FoundBundle> {
  const { unpackBundle } = await import("../bundle/unpack.js");
  const folder = await mkdtemp(join(tmpdir(), "ekiben-archive-"));
  const dispose = () => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  try {
    const { directory } = await unpackBundle(archive, join(folder, "bundle"));
    return { directory, archive, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
