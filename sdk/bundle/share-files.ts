import { chmod, link, mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EkibenError } from "../core/errors.js";
import { sha256File } from "../core/hash.js";
import type { ModelFile } from "../models/model.js";
import { blobPath, hasContent, READ_ONLY, type Content } from "./blobs.js";
import { copyModelFile } from "./copy-file.js";
import { listVersions } from "./versions.js";

/** How files get their second name. */
export type Link = (existing: string, path: string) => Promise<void>;

export interface ModelFiles {
  /**
   * Puts a file of a model into the bundle.
   * @throws MODEL_FILE_MISSING; MODEL_CORRUPT when a stored file has another hash than its own;
   * BUILD_FAILED when the file changes meanwhile
   */
  place(model: string, file: ModelFile, target: string): Promise<Content>;
}

/**
 * Places the files of models in a bundle of a store so that equal files take their space once: what
 * the model store, an earlier version of the service or the bundle itself holds already gets a second
 * name there. A disk that knows no such names, and a bundle outside of the store, gets copies.
 */
export function createModelFiles(
  service: string,
  store: string | undefined,
  makeLink: Link = link,
): ModelFiles {
  const placed = new Map<string, string>();
  let earlier: Promise<ReadonlyMap<string, string>> | undefined;

  /** Gives a file that is whole a second name; false when the disk does not. */
  async function tryLink(from: string, target: string): Promise<boolean> {
    try {
      // Whoever writes into one name writes into all of them.
      await chmod(from, READ_ONLY);
      await mkdir(dirname(target), { recursive: true });
      await makeLink(from, target);
      return true;
    } catch {
      return false;
    }
  }

  async function findSame(content: Content): Promise<string[]> {
    if (store === undefined) return [];
    earlier ??= listEarlier(store, service);
    const places = [
      placed.get(content.sha256),
      blobPath(store, content.sha256),
      (await earlier).get(content.sha256),
    ];
    return places.filter((one) => one !== undefined);
  }

  async function share(target: string, content: Content): Promise<void> {
    for (const from of await findSame(content)) {
      if (!(await hasContent(from, content))) continue;
      const second = `${target}.second-name`;
      if (!(await tryLink(from, second))) continue;
      try {
        return await rename(second, target);
      } finally {
        await rm(second, { force: true });
      }
    }
  }

  return {
    async place(model, { source, sha256 }, target) {
      if (sha256 !== undefined && store !== undefined) {
        const size = await checkStored(model, source, sha256);
        if (await tryLink(source, target)) return { sha256, size };
      }
      const content = await copyModelFile(model, source, target);
      if (sha256 !== undefined && content.sha256 !== sha256) {
        throw damaged(model, source, sha256, content.sha256);
      }
      if (store === undefined) return content;
      await share(target, content);
      await chmod(target, READ_ONLY);
      placed.set(content.sha256, target);
      return content;
    },
  };
}

async function checkStored(model: string, source: string, expected: string): Promise<number> {
  const found = await stat(source).catch(() => undefined);
  if (found?.isFile() !== true) throw damaged(model, source, expected);
  const received = await sha256File(source);
  if (received !== expected) throw damaged(model, source, expected, received);
  return found.size;
}

/** The error that names a damaged file of the model store, with its hashes. */
export function damaged(
  model: string,
  file: string,
  expected: string,
  received?: string,
): EkibenError {
  const what =
    received === undefined
      ? "is not there"
      : `is not what was stored (expected SHA-256 ${expected}, found ${received})`;
  return new EkibenError("MODEL_CORRUPT", {
    detail: `The file ${file} of the model "${model}" ${what}.`,
    hint: "Import the model again from where it came from: that puts the file back.",
    expected,
    ...(received === undefined ? {} : { received }),
  });
}

/** The files of models in the versions of a service, by their hash. */
async function listEarlier(store: string, service: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const { directory, manifest } of await listVersions(store, service)) {
    for (const { files } of manifest?.models ?? []) {
      for (const { path, sha256 } of files) {
        if (!found.has(sha256)) found.set(sha256, join(directory, path));
      }
    }
  }
  return found;
}
