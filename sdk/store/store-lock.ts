import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { EkibenError } from "../core/errors.js";

const FILE = ".lock";
/** Nobody holds it for longer than it takes to write a few small files. */
const STALE_MS = 30_000;
const GIVE_UP_MS = 90_000;
const FIRST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 100;

/**
 * Runs work that no other process may do at the same time in a folder. The lock of a process that is
 * gone is broken.
 * @throws COMMAND_INVALID when it cannot be had
 */
export async function withLock<Result>(
  folder: string,
  work: () => Promise<Result>,
): Promise<Result> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, FILE);
  await takeLock(file);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function takeLock(file: string): Promise<void> {
  const began = performance.now();
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    if (await tryLock(file)) return;
    await breakStale(file);
    if (performance.now() - began > GIVE_UP_MS) throw busy(file);
    // Processes that wait together must not ask together.
    await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random())));
  }
}

async function tryLock(file: string): Promise<boolean> {
  try {
    const handle = await open(file, "wx");
    try {
      await handle.writeFile(
        JSON.stringify({ pid: process.pid, host: hostname(), id: randomUUID() }),
      );
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    // Windows says EPERM of a file that is being removed.
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" || (code === "EPERM" && process.platform === "win32")) return false;
    throw error;
  }
}

async function breakStale(file: string): Promise<void> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  const touched = await stat(file).catch(() => undefined);
  if (text === undefined || touched === undefined) return;
  if (Date.now() - touched.mtimeMs < STALE_MS && !isOfDeadProcess(text)) return;
  const aside = `${file}-${randomUUID().slice(0, 8)}`;
  // One of those who see it renames it; what the others rename would be a lock that is held.
  const again = await readFile(file, "utf8").catch(() => undefined);
  if (again !== text) return;
  await rename(file, aside).then(
    () => rm(aside, { force: true }),
    () => {},
  );
}

function isOfDeadProcess(text: string): boolean {
  let holder: { pid?: unknown; host?: unknown };
  try {
    holder = JSON.parse(text) as typeof holder;
  } catch {
    // It is being written.
    return false;
  }
  if (holder.host !== hostname() || typeof holder.pid !== "number") return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

function busy(file: string): EkibenError {
  return new EkibenError("COMMAND_INVALID", {
    detail: `Another process holds the lock of the model store (${file}).`,
    hint: "Try again when it is done; remove the file if nothing works with the store.",
  });
}
