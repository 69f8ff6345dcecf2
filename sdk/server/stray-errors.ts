import type { Log } from "../observability/log.js";

/** The part of `process` that stray errors come to. */
export interface StrayProcess {
  on(
    event: "unhandledRejection" | "uncaughtException",
    listener: (error: unknown) => void,
  ): unknown;
  exit(code: number): void;
}

/**
 * Handles errors that no request waits for, such as a promise that a handler forgot. A rejection
 * leaves everything else in order: it is logged and the server goes on. After an exception nobody
 * knows what state the process is in: it is logged, what was accepted is answered, and the process
 * ends with 1, so that whatever keeps it running starts a new one.
 */
export function watchStrayErrors(
  log: Log,
  stop: () => Promise<unknown>,
  target: StrayProcess = process,
): void {
  target.on("unhandledRejection", (error) => {
    log.error("a promise was rejected that nobody waited for", { error: toError(error) });
  });
  target.on("uncaughtException", (error) => {
    log.error("an exception was thrown outside of any request; the server ends", {
      error: toError(error),
    });
    const exit = (): void => target.exit(1);
    stop().then(exit, exit);
  });
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
