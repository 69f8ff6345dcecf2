/** What a served bundle tells the process that started it, over the channel between them. */
export interface ReadyMessage {
  ekiben: "ready";
  address: string;
}

/** Set for a server that `spawnServer` starts: it then ends when the channel closes. */
export const SUPERVISED = "EKIBEN_SUPERVISED";

/** The tie between a server and the process that started it; both functions do nothing without one. */
export interface Supervision {
  /** Tells that the server is ready; from now on it is stopped in order when the other one is gone. */
  ready(address: string, stop: () => Promise<void>): void;
}

/**
 * Ends this process when the one that started it is gone. To be called before anything is loaded: a
 * server whose starter was killed meanwhile would otherwise serve for nobody, and forever.
 */
export function superviseServer(): Supervision {
  if (process.env[SUPERVISED] !== "1") return { ready() {} };
  const exit = (): void => process.exit(1);
  if (!process.connected) exit();
  process.once("disconnect", exit);
  return {
    ready(address, stop) {
      process.off("disconnect", exit);
      const end = (): void => {
        stop().then(() => process.exit(0), exit);
      };
      if (!process.connected) return end();
      process.once("disconnect", end);
      const message: ReadyMessage = { ekiben: "ready", address };
      process.send?.(message);
    },
  };
}
