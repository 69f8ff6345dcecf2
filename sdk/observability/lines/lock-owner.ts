import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";

/** The process that has a lock. */
export interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** Where process ids mean the same, on Linux: a container has a space of its own. */
  readonly space?: string | undefined;
  /** Ticks from the start of the machine to that of the process, on Linux: process ids come again. */
  readonly started?: string | undefined;
}

/** This process. */
export async function findOwner(): Promise<LockOwner> {
  const space = await readlink("/proc/self/ns/pid").catch(() => undefined);
  const { started } = (await readStat(process.pid)) ?? {};
  return { pid: process.pid, host: hostname(), space, started };
}

/** `undefined` for what is no whole lock. */
export function readOwner(text: string): LockOwner | undefined {
  try {
    const found = JSON.parse(text) as LockOwner | null;
    return Number.isSafeInteger(found?.pid) && typeof found?.host === "string" ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the owner of a lock runs; `unknown` for one on another machine or in another container. */
export async function isRunning(owner: LockOwner, own: LockOwner): Promise<boolean | "unknown"> {
  if (owner.host !== own.host || owner.space !== own.space) return "unknown";
  // This process knows its own locks: what has its id is of an earlier one.
  if (owner.pid === own.pid) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it runs for another user.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const stat = await readStat(owner.pid);
  if (stat === undefined || owner.started === undefined) return true;
  // One that was killed stays in the list until its parent has asked how it ended.
  return stat.started === owner.started && !/^[ZX]$/.test(stat.state);
}

/** State and start of a process from `/proc/<pid>/stat` (proc_pid_stat(5)); `undefined` elsewhere. */
async function readStat(pid: number): Promise<{ state: string; started: string } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The name before it is in parentheses and may have any character in it.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, started] = [fields?.[0], fields?.[19]];
  return state === undefined || started === undefined ? undefined : { state, started };
}
