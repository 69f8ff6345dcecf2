import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Writes a file aside and renames it, so that readers see the old text or the new one. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true });
  const aside = join(folder, `.${basename(file)}-${process.pid}-${randomUUID().slice(0, 8)}`);
  try {
    await writeFile(aside, text, { flag: "wx" });
    await rename(aside, file);
  } finally {
    await rm(aside, { force: true });
  }
}
