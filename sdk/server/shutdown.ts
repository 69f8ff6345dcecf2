/** The signals that ask a process to end; Windows knows Ctrl+C and Ctrl+Break. */
const SIGNALS: readonly NodeJS.Signals[] =
  process.platform === "win32" ? ["SIGINT", "SIGBREAK"] : ["SIGTERM", "SIGINT"];

/** The part of `process` that shutting down needs. */
export interface ShutdownProcess {
  on(event: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): void;
}

export interface Shutdown {
  /** Ends the server in order; called once, with the signal that asked for it. */
  stop(signal: NodeJS.Signals): Promise<unknown>;
  /** `stop` has failed. */
  onError(error: unknown): void;
  /** What SIGHUP does; `false` leaves it to mean the end. @default it means the end */
  onHangUp?(): boolean;
}

/**
 * Ends the process in order at the first signal: `stop`, then exit 0, or 1 when `stop` fails. A
 * second one exits at once with 1: somebody is waiting. SIGHUP ends it in order too, and is never
 * that second one: a shell whose terminal closes sends it again, and service managers send it
 * right behind SIGTERM.
 */
export function stopOnSignal(
  { stop, onError, onHangUp = () => false }: Shutdown,
  target: ShutdownProcess = process,
): void {
  let stopping = false;
  let asked = false;
  const end = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    stop(signal).then(
      () => target.exit(0),
      (error: unknown) => {
        onError(error);
        target.exit(1);
      },
    );
  };
  for (const signal of SIGNALS) {
    target.on(signal, () => {
      if (asked) return target.exit(1);
      asked = true;
      end(signal);
    });
  }
  target.on("SIGHUP", () => {
    if (!onHangUp()) end("SIGHUP");
  });
}
