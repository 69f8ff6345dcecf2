/** The signals that ask a process to end; Windows knows Ctrl+C and Ctrl+Break. */
const SIGNALS: readonly NodeJS.Signals[] =
  process.platform === "win32" ? ["SIGINT", "SIGBREAK"] : ["SIGTERM", "SIGINT"];

/** The part of `process` that shutting down needs. */
export interface ShutdownProcess {
  on(event: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): void;
}

/**
 * Ends the process in order at the first signal: `stop`, then exit 0, or 1 when `stop` fails. A
 * second signal exits at once with 1: somebody is waiting.
 */
export function stopOnSignal(
  stop: () => Promise<unknown>,
  onError: (error: unknown) => void,
  target: ShutdownProcess = process,
): void {
  let stopping = false;
  for (const signal of SIGNALS) {
    target.on(signal, () => {
      if (stopping) {
        target.exit(1);
        return;
      }
      stopping = true;
      stop().then(
        () => target.exit(0),
        (error: unknown) => {
          onError(error);
          target.exit(1);
        },
      );
    });
  }
}
