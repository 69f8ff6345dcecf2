import { randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { create } from "tar";
import { openBundle, type Bundle } from "./load.js";
import { allFiles, MANIFEST_FILE } from "./manifest.js";

/**
 * Packs a bundle into one `.tar.gz`, of which equal bundles make equal bytes. Only what the
 * manifest lists goes in, under one folder named after the bundle.
 * @throws BUNDLE_CORRUPT when the bundle is damaged.
 */
export async function packBundle(directory: string, file: string): Promise<Bundle> {
  const bundle = await openBundle(directory);
  const { manifest } = bundle;
  const target = resolve(file);
  const aside = `${target}.${process.pid}-${randomUUID().slice(0, 8)}.part`;
  const paths = [MANIFEST_FILE, ...allFiles(manifest).map(({ path }) => path)].sort();
  await mkdir(dirname(target), { recursive: true });
  try {
    await create(
      {
        cwd: bundle.directory,
        file: aside,
        gzip: { level: 6 },
        portable: true,
        mtime: new Date(0),
        prefix: `${manifest.name}-${manifest.version}`,
        noDirRecurse: true,
        strict: true,
        // What this user's umask made of a file is nothing of the bundle.
        onWriteEntry(entry) {
          if (entry.stat !== undefined) entry.stat.mode = (entry.stat.mode & ~0o777) | 0o644;
        },
      },
      // A leading @ would mean an archive to take entries from.
      paths.map((path) => `./${path}`),
    );
    await rename(aside, target);
  } finally {
    await rm(aside, { force: true });
  }
  return bundle;
}
