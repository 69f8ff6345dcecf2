import { Server as NetServer, type AddressInfo } from "node:net";
import { EkibenError } from "../core/errors.js";

export interface ListenOptions {
  /** 0 asks the system for a free one. */
  port: number;
  /** @default "127.0.0.1" */
  host?: string;
  /** Of the address that is told. @default "http" */
  scheme?: "http" | "https";
}

/** Where a server listens. */
export interface Bound {
  readonly host: string;
  readonly port: number;
  readonly address: string;
}

/**
 * Binds any server of Node to a port.
 * @throws PORT_IN_USE, with a free port in its hint; COMMAND_INVALID when the address cannot be had.
 */
export async function bind(server: NetServer, options: ListenOptions): Promise<Bound> {
  const { port: wanted, host = "127.0.0.1", scheme = "http" } = options;
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      void explain(error, wanted, host).then(reject, reject);
    };
    server.once("error", fail);
    server.listen(wanted, host, () => {
      server.off("error", fail);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  return { host, port, address: `${scheme}://${reachable(host)}:${port}` };
}

async function explain(
  error: NodeJS.ErrnoException,
  port: number,
  host: string,
): Promise<EkibenError> {
  if (error.code === "EADDRINUSE") {
    const free = await findFreePort(port + 1, host);
    return new EkibenError("PORT_IN_USE", {
      detail: `Port ${port} on ${host} is in use.`,
      hint:
        free === undefined
          ? "Stop the process that has it, or choose another port; 0 takes any free one."
          : `Stop the process that has it, or use port ${free}, which is free.`,
      received: port,
      cause: error,
    });
  }
  const reasons: Record<string, string> = {
    EACCES: `This user may not listen on port ${port}.`,
    EADDRNOTAVAIL: `This machine has no address ${host}.`,
    ENOTFOUND: `The host ${host} is not known.`,
  };
  return new EkibenError("COMMAND_INVALID", {
    detail: reasons[error.code ?? ""] ?? `Cannot listen on ${host}:${port}: ${error.message}.`,
    hint: "Choose another host or port; 127.0.0.1 is this machine alone, 0.0.0.0 every address.",
    cause: error,
  });
}

async function findFreePort(from: number, host: string): Promise<number | undefined> {
  for (let port = from; port < from + 20 && port < 65_536; port++) {
    const free = await new Promise<boolean>((resolve) => {
      const probe = new NetServer();
      probe.once("error", () => resolve(false));
      probe.listen(port, host, () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
  return undefined;
}

function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
