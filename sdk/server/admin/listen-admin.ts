import { createServer } from "node:http";
import type { Log } from "../../observability/log.js";
import { bind } from "../bind.js";
import type { Settings } from "../settings/table.js";
import { createAdminHandler } from "./admin-handler.js";
import type { Operations } from "./operations.js";

/**
 * Opens the management port when one is set. It answers from now on, before there is anything to
 * tell, until it is closed. @throws PORT_IN_USE
 */
export async function listenAdmin(
  settings: Settings,
  operations: () => Operations | undefined,
): Promise<AdminPort | undefined> {
  const port = settings["admin.port"];
  if (port === undefined) return undefined;
  const server = createServer(createAdminHandler(operations, { mayReload: false }));
  server.requestTimeout = 10_000;
  const { address } = await bind(server, { port, host: settings["admin.host"] });
  return {
    address,
    tell: (log) => log.info(`the management port is ${address}`, { address }),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export interface AdminPort {
  readonly address: string;
  tell(log: Log): void;
  close(): void;
}
