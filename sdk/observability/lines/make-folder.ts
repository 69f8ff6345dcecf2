import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder with those above it; one that is there is left as it is. Node's own
 * `mkdir(…, { recursive: true })` never ends where the system says ENOENT inside of a folder that
 * exists, as below `/proc`.
 * @throws what the system says
 */
export async function makeFolder(path: string): Promise<void> {
  const folder = resolve(path);
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const above = dirname(folder);
    if (code === "ENOENT" && above !== folder && !(await isFolder(above))) {
      await makeFolder(above);
      await makeFolder(folder);
    } else if (!(await isFolder(folder))) throw error;
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
