import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { MANIFEST_FILE, parseManifest, type Manifest } from "./manifest.js";

/** One version of a service in a store; `damaged` says why its manifest cannot be read. */
export interface StoredVersion {
  readonly name: string;
  readonly version: string;
  readonly directory: string;
  readonly manifest?: Manifest;
  readonly damaged?: string;
}

/** The folder of a service's versions in a store. */
export function versionsDirectory(store: string, name: string): string {
  return join(store, "bundles", name);
}

/** The versions of a service, newest first. Reading one damaged manifest does not fail the rest. */
export async function listVersions(store: string, name: string): Promise<StoredVersion[]> {
  const folder = versionsDirectory(store, name);
  const versions = await Promise.all(
    (await listFolders(folder)).map((version) => readVersion(join(folder, version), name, version)),
  );
  return versions.sort((a, b) => compareAge(b, a));
}

/** The names of the folders in a folder; none when it does not exist. */
export async function listFolders(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function readVersion(
  directory: string,
  name: string,
  version: string,
): Promise<StoredVersion> {
  try {
    const file = join(directory, MANIFEST_FILE);
    const manifest = parseManifest(await readFile(file, "utf8"), file);
    if (manifest.name === name && manifest.version === version) {
      return { name, version, directory, manifest };
    }
    const damaged = `its manifest is that of ${manifest.name}:${manifest.version}`;
    return { name, version, directory, damaged };
  } catch (error) {
    return { name, version, directory, damaged: (error as Error).message };
  }
}

/** Versions begin with the second they were made in; the manifest knows the millisecond. */
function compareAge(a: StoredVersion, b: StoredVersion): number {
  const [x, y] = [a, b].map((one) => one.manifest?.created ?? "");
  if (x !== y && x !== "" && y !== "") return x! < y! ? -1 : 1;
  return a.version < b.version ? -1 : 1;
}
