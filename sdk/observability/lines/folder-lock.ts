import { randomUUID } from "node:crypto";
import { link, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EkibenError } from "../../core/errors.js";
import { findOwner, isRunning, readOwner, type LockOwner } from "./lock-owner.js";

/** No name that a shipper of logs looks for. */
export const LOCK_FILE = ".ekiben.lock";

export interface FolderLock {
  release(): Promise<void>;
}

export interface LockOptions {
  directory: string;
  /** Whose lock was taken over although it cannot be known from here whether they still run. */
  onUnknown(owner: LockOwner): void;
}

/** How often it is looked again at a lock that changes, or that is not written yet. */
const TRIES = 20;
const WAIT_MS = 50;

/**
 * Takes a folder for this process, by a file that names it. What a process has left that is gone is
 * taken over, also after it was killed.
 * @throws SETTING_INVALID when another process has the folder; what the system says when no lock
 * can be made there
 */
export async function lockFolder({ directory, onUnknown }: LockOptions): Promise<FolderLock> {
  const file = join(directory, LOCK_FILE);
  const own = await findOwner();
  const text = `${JSON.stringify({ ...own, id: randomUUID() })}\n`;
  for (let tries = 1; ; tries++) {
    if (await create(file, text)) break;
    const there = await readFile(file, "utf8").catch(ignoreMissing);
    if (tries > 2 * TRIES) throw inUse(directory, readOwner(there ?? ""));
    if (there === undefined) continue;
    const owner = readOwner(there);
    // Its writer has a moment to write it; after that it was killed while it did.
    if (owner === undefined && tries < TRIES) {
      await sleep(WAIT_MS);
      continue;
    }
    const running = held.has(there) || (owner !== undefined && (await isRunning(owner, own)));
    if (running === true) throw inUse(directory, owner);
    if (await setAside(file, there)) if (running === "unknown") onUnknown(owner!);
  }
  held.add(text);
  return {
    async release() {
      held.delete(text);
      const there = await readFile(file, "utf8").catch(() => undefined);
      if (there === text) await rm(file, { force: true }).catch(() => {});
    },
  };
}

/** The locks of this process: its id alone tells nothing, a container gives the same one again. */
const held = new Set<string>();

async function create(file: string, text: string): Promise<boolean> {
  let handle;
  try {
    handle = await open(file, "wx", 0o644);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Windows says EPERM of a file that is being removed.
    if (code === "EEXIST" || (code === "EPERM" && process.platform === "win32")) return false;
    throw error;
  }
  try {
    await handle.writeFile(text);
  } catch (error) {
    await rm(file, { force: true }).catch(() => {});
    throw error;
  } finally {
    await handle.close();
  }
  // Who took the file for one that was never finished has set it aside meanwhile.
  return (await readFile(file, "utf8").catch(ignoreMissing)) === text;
}

/** Removes the lock that says `text`. Others may do the same: who renames it has it for sure. */
async function setAside(file: string, text: string): Promise<boolean> {
  const aside = `${file}-${randomUUID().slice(0, 8)}`;
  try {
    await rename(file, aside);
  } catch (error) {
    return ignoreMissing(error) ?? false;
  }
  const moved = await readFile(aside, "utf8").catch(() => undefined);
  // Somebody else was faster, and this is the lock that they have taken since.
  if (moved !== text) await link(aside, file).catch(() => {});
  await rm(aside, { force: true });
  return moved === text;
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  return undefined;
}

function inUse(directory: string, owner: LockOwner | undefined): EkibenError {
  const who = owner === undefined ? "another server" : `another server, process ${owner.pid}`;
  return new EkibenError("SETTING_INVALID", {
    detail: `The log folder ${directory} is in use by ${who}: two servers would rotate each other's files.`,
    hint: "Give each server a folder of its own with --log-dir, EKIBEN_LOG_DIR or logs.directory, or stop the other one first.",
  });
}
