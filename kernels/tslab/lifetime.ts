import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";

/** Under this symbol of `globalThis` is a `Set` of functions that close what a notebook opened. */
export const CLOSERS = Symbol.for("ekiben.closers");

/** Time for the closers, in milliseconds. */
const CLOSE_MS = 1_000;
/** Time for the last messages to leave, in milliseconds. */
const FLUSH_MS = 100;

/** The end of a kernel process. */
export interface Lifetime {
  /** Closes what asked for it and ends the process, whatever the notebook still holds open. */
  end(exitCode: number): Promise<void>;
}

export function createLifetime(exit: (code: number) => void): Lifetime {
  const closers = new Set<() => unknown>();
  (globalThis as { [CLOSERS]?: Set<() => unknown> })[CLOSERS] ??= closers;
  let ending: Promise<void> | undefined;

  const close = async () => {
    const registered = (globalThis as { [CLOSERS]?: Iterable<() => unknown> })[CLOSERS] ?? [];
    // Each in an async function, so that one that throws does not keep the others from running.
    await Promise.allSettled(Array.from(registered, async (closer) => closer()));
  };
  return {
    end(exitCode) {
      ending ??= (async () => {
        await Promise.race([close(), delay(CLOSE_MS)]);
        await delay(FLUSH_MS);
        exit(exitCode);
      })();
      return ending;
    },
  };
}

/**
 * Calls `onGone` when the process that started this one has ended, as Jupyter asks of kernels by
 * `JPY_PARENT_PID`. A thread of its own watches, because a cell may keep this one busy for good: it
 * ends the process when `onGone` has not.
 */
export function watchParent(environment: NodeJS.ProcessEnv, onGone: () => void): void {
  const announced = environment["JPY_PARENT_PID"];
  if (announced === undefined) return;
  // On Windows the value is a handle and not the number of a process.
  const pid = process.platform === "win32" ? process.ppid : Number(announced);
  const worker = new Worker(new URL("parent-watch.js", import.meta.url), {
    workerData: { pid, ppid: process.ppid },
    stdout: false,
    stderr: false,
  });
  worker.once("message", onGone);
  worker.once("error", () => undefined);
  worker.unref();
}
