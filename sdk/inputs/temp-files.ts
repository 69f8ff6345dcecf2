import { rmSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file that is written once, from its start to its end, and then read by its path. */
export interface TempFile {
  readonly path: string;
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  /** Closes the file if need be and deletes it. */
  remove(): Promise<void>;
}

/** Where bodies are put that do not fit in memory. */
export interface TempFiles {
  create(): Promise<TempFile>;
}

const folders = new Set<string>();

function removeFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

/**
 * Files in a folder of their own, which nobody else may read. The folder is made with the first file
 * and removed when the process exits.
 */
export function createTempFiles(parent: () => string = tmpdir): TempFiles {
  let folder: Promise<string> | undefined;
  let count = 0;

  async function createFolder(): Promise<string> {
    const path = await mkdtemp(join(parent(), "ekiben-"));
    if (folders.size === 0) process.on("exit", removeFolders);
    folders.add(path);
    return path;
  }

  async function openFile() {
    folder ??= createFolder();
    const path = join(await folder, String(++count));
    return { path, handle: await open(path, "wx", 0o600) };
  }

  return {
    async create() {
      const { path, handle } = await openFile().catch((error: NodeJS.ErrnoException) => {
        folder = undefined;
        if (error.code !== "ENOENT") throw error;
        // Systems clean their temporary folder up, and this one may have been empty for weeks.
        return openFile();
      });
      let closing: Promise<void> | undefined;
      const close = (): Promise<void> => (closing ??= handle.close());
      return {
        path,
        write: (bytes) => handle.writeFile(bytes),
        close,
        async remove() {
          await close().catch(() => {});
          // Windows deletes a file only when its last reader has closed it.
          await rm(path, { force: true, maxRetries: 5 });
        },
      };
    },
  };
}

/** The files of this process. */
export const tempFiles: TempFiles = createTempFiles();
