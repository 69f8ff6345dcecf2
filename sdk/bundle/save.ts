import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import { EkibenError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { checkName, createVersion, parseTag } from "../core/tag.js";
import type { ModelFile } from "../models/model.js";
import { checkBundlePath } from "./bundle-path.js";
import { openBundle } from "./load.js";
import {
  BUNDLE_FORMAT,
  createDigest,
  MANIFEST_FILE,
  printManifest,
  type Manifest,
  type ManifestFile,
  type ManifestModel,
} from "./manifest.js";
import { createModelFiles, type Link } from "./share-files.js";
import { listVersions, versionsDirectory } from "./versions.js";

/** A model on its way into a bundle. */
export interface ContentModel extends Omit<ManifestModel, "files"> {
  files: readonly ModelFile[];
}

/** All that a bundle will hold, before it has a digest and a version. */
export interface BundleContent extends Pick<
  Manifest,
  "name" | "description" | "apis" | "labels" | "dependencies" | "provenance" | "ekiben" | "node"
> {
  models: readonly ContentModel[];
  /** Text and bytes by path. */
  files: Readonly<Record<string, string | Uint8Array>>;
  /** Files that name the version, `README.md` and `openapi.json`: made last, outside the digest. */
  derive?: (manifest: Manifest) => Readonly<Record<string, string>>;
}

export interface SaveBundleOptions {
  /** The folder of the store: the bundle goes to `bundles/<name>/<version>` in it. */
  store?: string;
  /** A folder for the bundle itself, instead of a store. It must be empty or not exist. */
  directory?: string;
  /** @default the time and the first digits of the digest */
  version?: string;
  /** Sees the bundle before it is published; when it throws, there is no bundle. */
  check?(directory: string): Promise<unknown>;
  now?: () => Date;
  /** Gives a file a second name. @default a hard link */
  link?: Link;
}

export interface SavedBundle {
  name: string;
  version: string;
  digest: string;
  directory: string;
  manifest: Manifest;
  /** The newest bundle of the store was the same already: this is that one, and nothing is new. */
  existing: boolean;
}

const ASIDE = ".saving-";
const HOUR = 3_600_000;

/**
 * Saves a bundle: written aside, then renamed, so that a bundle is there whole or not at all.
 * @throws BUILD_FAILED when it cannot be written or a model changes meanwhile;
 * MODEL_FILE_MISSING; BUNDLE_EXISTS when `directory` is taken.
 */
export async function saveBundle(
  content: BundleContent,
  options: SaveBundleOptions,
): Promise<SavedBundle> {
  checkName(content.name);
  if (options.version !== undefined) checkVersion(content.name, options.version);
  const now = (options.now ?? (() => new Date()))();
  const parent = parentFolder(options);
  const aside = join(parent, `${ASIDE}${process.pid}-${now.getTime()}-${randomUUID().slice(0, 8)}`);
  try {
    await removeLeftovers(parent, now);
    await mkdir(aside, { recursive: true });
    const manifest = await writeContent(content, aside, now, options);
    return await publish(manifest, aside, options);
  } catch (error) {
    throw explain(error, parent);
  } finally {
    // Gone after the rename; anything that is still there is half a bundle.
    await rm(aside, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
}

function parentFolder({ store, directory }: SaveBundleOptions): string {
  if (directory !== undefined) return dirname(resolve(directory));
  if (store !== undefined) return join(resolve(store), "bundles");
  throw new EkibenError("COMMAND_INVALID", {
    detail: "A bundle is saved to a store or to a folder, and neither was given.",
  });
}

async function writeContent(
  content: BundleContent,
  aside: string,
  now: Date,
  { version, store, directory, link }: SaveBundleOptions,
): Promise<Manifest> {
  const files: ManifestFile[] = [];
  for (const [path, data] of Object.entries(content.files)) {
    files.push(await writeOne(aside, path, data));
  }
  const models: ManifestModel[] = [];
  // A folder of its own may be carried elsewhere and written into.
  const shared = directory === undefined && store !== undefined ? resolve(store) : undefined;
  const modelFiles = createModelFiles(content.name, shared, link);
  for (const { files: sources, ...model } of content.models) {
    checkName(model.name.toLowerCase(), "model");
    const copied: ManifestFile[] = [];
    for (const source of sources) {
      const path = checkBundlePath(`models/${model.name}/${source.path}`);
      const placed = await modelFiles.place(model.name, source, join(aside, path));
      copied.push({ path, ...placed });
    }
    models.push({ ...model, files: sortByPath(copied) });
  }
  checkUnique([...files, ...models.flatMap((model) => model.files)]);

  const { derive, files: _, models: __, ...facts } = content;
  const stable = { ...facts, models, files: sortByPath(files) };
  const digest = createDigest(stable);
  const manifest: Manifest = {
    format: BUNDLE_FORMAT,
    name: facts.name,
    version: version ?? createVersion(now, digest),
    digest,
    created: now.toISOString(),
    ekiben: facts.ekiben,
    node: facts.node,
    ...(facts.description === undefined ? {} : { description: facts.description }),
    apis: facts.apis,
    models,
    files: stable.files,
    labels: facts.labels,
    dependencies: facts.dependencies,
    provenance: facts.provenance,
  };
  for (const [path, data] of Object.entries(derive?.(manifest) ?? {})) {
    files.push(await writeOne(aside, path, data));
  }
  manifest.files = sortByPath(files);
  checkUnique([...files, ...models.flatMap((model) => model.files)]);
  await writeFile(join(aside, MANIFEST_FILE), printManifest(manifest), { flag: "wx" });
  return manifest;
}

async function writeOne(
  aside: string,
  path: string,
  data: string | Uint8Array,
): Promise<ManifestFile> {
  const file = join(aside, checkBundlePath(path));
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes, { flag: "wx" });
  return { path, sha256: sha256(bytes), size: bytes.byteLength };
}

async function publish(
  manifest: Manifest,
  aside: string,
  options: SaveBundleOptions,
): Promise<SavedBundle> {
  const { name, version, digest } = manifest;
  const saved = (directory: string, existing: boolean, of = manifest): SavedBundle => ({
    name,
    version: of.version,
    digest,
    directory,
    manifest: of,
    existing,
  });
  if (options.directory !== undefined) {
    const directory = resolve(options.directory);
    await options.check?.(aside);
    await makeRoom(directory);
    await rename(aside, directory);
    return saved(directory, false);
  }
  const store = resolve(options.store!);
  const same = await findSame(store, manifest, options.version);
  await options.check?.(same?.directory ?? aside);
  if (same !== undefined) return saved(same.directory, true, same.manifest);
  const directory = join(versionsDirectory(store, name), version);
  await mkdir(dirname(directory), { recursive: true });
  try {
    await rename(aside, directory);
  } catch (error) {
    // Two saves of one service within a second: the other one was first.
    const winner = await findSame(store, manifest, version);
    if (winner !== undefined) return saved(winner.directory, true, winner.manifest);
    if (!existsSync(directory)) throw error;
    throw new EkibenError("BUNDLE_EXISTS", {
      detail: `${name}:${version} is in the store already, and it is another bundle.`,
      hint: "A version is never overwritten: choose another one, or leave it out.",
      cause: error,
    });
  }
  return saved(directory, false);
}

/** The newest bundle of the store, or the one of a version, when it has the same digest and is whole. */
async function findSame(
  store: string,
  { name, digest }: Manifest,
  version?: string,
): Promise<{ directory: string; manifest: Manifest } | undefined> {
  const versions = await listVersions(store, name);
  const found =
    version === undefined ? versions[0] : versions.find((one) => one.version === version);
  if (found?.manifest === undefined || found.manifest.digest !== digest) return undefined;
  try {
    return await openBundle(found.directory);
  } catch {
    return undefined;
  }
}

function checkVersion(name: string, version: string): void {
  const tag = parseTag(`${name}:${version}`);
  if (tag.version !== "latest") return;
  throw new EkibenError("TAG_INVALID", {
    detail: "A version cannot be called latest: that always means the newest one.",
    hint: "Choose another version, or leave it out.",
  });
}

async function makeRoom(directory: string): Promise<void> {
  const present = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (present === undefined) return;
  if (present.length > 0) {
    throw new EkibenError("BUNDLE_EXISTS", {
      detail: `The folder ${directory} is not empty.`,
      hint: "Remove it, or name another folder.",
    });
  }
  // Windows renames onto nothing only.
  await rm(directory, { recursive: true });
}

function checkUnique(files: readonly ManifestFile[]): void {
  const seen = new Map<string, string>([[MANIFEST_FILE, MANIFEST_FILE]]);
  for (const { path } of files) {
    const key = path.toLowerCase();
    const other = seen.get(key);
    if (other !== undefined) {
      throw new EkibenError("BUILD_FAILED", {
        detail: `Two files of the bundle have one place: ${other} and ${path}.`,
        hint: "Rename one of them; names that differ only in case are one on some systems.",
      });
    }
    seen.set(key, path);
  }
}

function sortByPath(files: readonly ManifestFile[]): ManifestFile[] {
  return [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What saves that were killed left: old, and of a process that no longer is. */
async function removeLeftovers(parent: string, now: Date): Promise<void> {
  const entries = await readdir(parent).catch(() => []);
  for (const entry of entries) {
    if (!entry.startsWith(ASIDE)) continue;
    const folder = join(parent, entry);
    const [pid, since] = entry.slice(ASIDE.length).split("-").map(Number);
    const touched = await stat(folder).then(
      (found) => found.mtimeMs,
      () => now.getTime(),
    );
    const age = now.getTime() - Math.max(since ?? 0, touched);
    // The folder may be shared: a process of this number may live on another machine.
    if (age < HOUR || (age < 24 * HOUR && isAlive(pid!))) continue;
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function explain(error: unknown, parent: string): unknown {
  if (error instanceof EkibenError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, [detail: string, hint: string]> = {
    ENOSPC: ["the disk is full", "Free some space, or set EKIBEN_HOME to a folder elsewhere."],
    EROFS: ["it is read-only", "Set EKIBEN_HOME to a folder that can be written."],
    EACCES: ["this user may not write there", "Set EKIBEN_HOME to a folder that can be written."],
    EPERM: ["this user may not write there", "Set EKIBEN_HOME to a folder that can be written."],
    ENOTDIR: ["a part of the path is a file", "Set EKIBEN_HOME to a folder."],
    EEXIST: ["a part of the path is a file", "Set EKIBEN_HOME to a folder."],
  };
  const [reason, hint] = reasons[code ?? ""] ?? [message, "Mend the cause and save again."];
  return new EkibenError("BUILD_FAILED", {
    detail: `The bundle cannot be saved in ${parent}: ${reason}.`,
    hint,
    cause: error,
  });
}
