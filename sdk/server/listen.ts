import { createAppServer, type App, type AppServer, type AppServerOptions } from "./app-server.js";
import { bind, type ListenOptions } from "./bind.js";

/** A listening socket whose app can be exchanged without closing it. */
export interface Listening extends Omit<AppServer, "take"> {
  readonly host: string;
  readonly port: number;
  /** Where this machine reaches it, such as `http://127.0.0.1:3000`. */
  readonly address: string;
}

/**
 * Listens with an app.
 * @throws PORT_IN_USE, with a free port in its hint; COMMAND_INVALID when the address cannot be had.
 */
export async function listen(
  app: App,
  options: ListenOptions & AppServerOptions,
): Promise<Listening> {
  const made = createAppServer(app, options);
  const scheme = options.tls === undefined ? "http" : "https";
  return { ...made, ...(await bind(made.server, { scheme, ...options })) };
}
