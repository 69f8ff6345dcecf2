import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openBundle, type Bundle } from "../bundle/load.js";
import { allFiles } from "../bundle/manifest.js";
import {
  listFolders,
  listVersions,
  versionsDirectory,
  type StoredVersion,
} from "../bundle/versions.js";
import { EkibenError } from "../core/errors.js";
import { parseTag, printTag } from "../core/tag.js";
import { findClosestName } from "../core/closest-name.js";
import { chooseVersion } from "./choose-version.js";
import { findStoreDirectory } from "./directory.js";

/** The bundles of this machine. */
export interface LocalStore {
  readonly directory: string;
  /** All versions, by name, newest first. */
  list(): Promise<StoredBundle[]>;
  /**
   * Finds `name`, `name:latest`, `name:version`, or `name:` and the unique beginning of a version.
   * @throws BUNDLE_NOT_FOUND with what is there; TAG_INVALID.
   */
  find(tag: string): Promise<StoredVersion>;
  /** Puts an archive in. @throws BUNDLE_CORRUPT; BUNDLE_EXISTS when its version is there. */
  add(archive: string): Promise<Bundle>;
  /** Removes a version for good. @throws BUNDLE_NOT_FOUND */
  remove(tag: string): Promise<StoredVersion>;
}

export interface StoredBundle extends StoredVersion {
  /** Bytes of its files; `undefined` when it is damaged. */
  readonly size?: number;
}

/** The store in a folder, which need not exist. */
export function openLocalStore(directory = findStoreDirectory()): LocalStore {
  const bundles = join(directory, "bundles");
  const names = async (): Promise<string[]> => (await listFolders(bundles)).sort();

  async function find(text: string): Promise<StoredVersion> {
    const tag = parseTag(text);
    const versions = await listVersions(directory, tag.name);
    if (versions.length === 0) throw await unknownName(text, tag.name);
    // A damaged one is passed over only in a list; here it would hide that a bundle was lost.
    const chosen = chooseVersion(versions, tag.version);
    if (chosen.found !== undefined) return chosen.found;
    const { candidates } = chosen;
    throw unknownVersion(text, candidates.length > 0 ? candidates : versions, candidates.length);
  }

  async function unknownName(text: string, name: string): Promise<EkibenError> {
    const known = await names();
    const similar = findClosestName(name, known);
    const hint =
      similar !== undefined
        ? `Did you mean ${similar}?`
        : known.length === 0
          ? `The store ${directory} is empty: save a service first.`
          : `There is: ${known.slice(0, 10).join(", ")}.`;
    return new EkibenError("BUNDLE_NOT_FOUND", {
      detail: `The store ${directory} has no bundle ${name}.`,
      hint,
      received: text,
    });
  }

  return {
    directory,
    find,
    async list() {
      const found = await Promise.all((await names()).map((name) => listVersions(directory, name)));
      return found.flat().map((one) => ({ ...one, ...sizeOf(one) }));
    },
    async add(archive) {
      const { unpackBundle } = await import("../bundle/unpack.js");
      const aside = join(bundles, `.adding-${process.pid}-${randomUUID().slice(0, 8)}`);
      try {
        const { manifest } = await unpackBundle(archive, join(aside, "bundle"));
        const target = versionDirectory(directory, manifest.name, manifest.version);
        await mkdir(dirname(target), { recursive: true });
        if (existsSync(target)) throw taken(printTag(manifest));
        await rename(join(aside, "bundle"), target);
        return await openBundle(target);
      } finally {
        await rm(aside, { recursive: true, force: true, maxRetries: 3 });
      }
    },
    async remove(text) {
      const found = await find(text);
      // Renamed first: a folder half removed must not look like a bundle.
      const aside = join(bundles, `.removing-${process.pid}-${Date.now()}-${found.version}`);
      await rename(found.directory, aside);
      await rm(aside, { recursive: true, force: true, maxRetries: 3 });
      return found;
    },
  };
}

/** Names of an archive become paths here, so they are held to the rules of tags. */
function versionDirectory(store: string, name: string, version: string): string {
  const tag = parseTag(`${name}:${version}`);
  return join(versionsDirectory(store, tag.name), tag.version);
}

function taken(tag: string): EkibenError {
  return new EkibenError("BUNDLE_EXISTS", {
    detail: `${tag} is in the store already.`,
    hint: `Remove it with \`ekiben delete ${tag}\` first, or unpack the archive elsewhere with -o.`,
  });
}

function sizeOf({ manifest }: StoredVersion): { size?: number } {
  if (manifest === undefined) return {};
  return { size: allFiles(manifest).reduce((sum, { size }) => sum + size, 0) };
}

function unknownVersion(
  text: string,
  versions: readonly StoredVersion[],
  matching: number,
): EkibenError {
  const shown = versions.slice(0, 5).map(printTag).join(", ");
  return new EkibenError("BUNDLE_NOT_FOUND", {
    detail:
      matching > 1
        ? `${matching} versions begin like ${text}.`
        : `There is no bundle ${text} in the store.`,
    hint: `${matching > 1 ? "Write more of one of them" : "There is"}: ${shown}${versions.length > 5 ? ", …" : ""}.`,
    received: text,
  });
}
