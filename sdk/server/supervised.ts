import { SUPERVISED, type ReadyMessage } from "./spawn-server.js";

/**
 * Tells the process that started this server that it is ready, and ends when that one is gone. It
 * does nothing in a server that was started by anyone else.
 */
export function superviseServer(address: string, stop: () => Promise<void>): void {
  if (process.env[SUPERVISED] !== "1" || process.send === undefined) return;
  const message: ReadyMessage = { ekiben: "ready", address };
  process.send(message);
  process.once("disconnect", () => {
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}
