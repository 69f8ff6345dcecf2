import { rmSync } from "node:fs";
import { mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
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

const FOLDER = /^ekiben-files-(\d+)-/;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * A process that is killed leaves its folder behind. Such a folder is removed by the next process, a
 * day after its last file: processes of other containers, which may share it, cannot be seen here.
 */
async function removeAbandoned(parent: string): Promise<void> {
  for (const entry of await readdir(parent, { withFileTypes: true })) {
    const pid = FOLDER.exec(entry.name)?.[1];
    if (pid === undefined || !entry.isDirectory() || isRunning(Number(pid))) continue;
    await removeOld(join(parent, entry.name)).catch(() => {});
  }
}

async function removeOld(path: string): Promise<void> {
  const { mtimeMs } = await stat(path);
  if (Date.now() - mtimeMs > DAY_MS) await rm(path, { recursive: true, force: true });
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Files in a folder of their own, which nobody else may read. The folder is made with the first file
 * and removed when the process exits.
 */
export function createTempFiles(parent: () => string = tmpdir): TempFiles {
  let folder: Promise<string> | undefined;
  let count = 0;

  async function createFolder(): Promise<string> {
    const path = await mkdtemp(join(parent(), `ekiben-files-${process.pid}-`));
    void removeAbandoned(parent()).catch(() => {});
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
