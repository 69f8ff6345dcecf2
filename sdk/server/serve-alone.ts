import { listenAdmin, type AdminPort } from "./admin/listen-admin.js";
import type { Operations } from "./admin/operations.js";
import { inlineMore } from "./inlining.js";
import { openLines } from "./logs/open-lines.js";
import { serveBundle, type RunningServer } from "./serve.js";
import { toServeOptions } from "./serve-options.js";
import type { ResolvedSettings } from "./settings/resolve.js";

/** A server that writes its own lines. */
export interface LoneServer extends RunningServer {
  /** Resolves when what it has logged so far is written, or cannot be. */
  flush(): Promise<void>;
}

/**
 * Serves a bundle in this process alone, with its management port when one is set.
 * @throws as `serveBundle`
 */
export async function serveAlone(
  directory: string,
  settings: ResolvedSettings,
): Promise<LoneServer> {
  const { values } = settings;
  inlineMore();
  let operations: Operations | undefined;
  let stopping = false;
  const lines = await openLines(values);
  let admin: AdminPort | undefined;
  try {
    const options = await toServeOptions(settings, lines);
    admin = await listenAdmin(values, () => operations);
    const server = await serveBundle({
      ...options,
      directory,
      port: values["server.port"],
      host: values["server.host"],
    });
    lines.tellTo(server.log);
    operations = toOperations(server, () => stopping);
    admin?.tell(server.log);
    return {
      ...server,
      async flush() {
        // It says that it is ready in the next turn.
        await new Promise((resolve) => setImmediate(resolve));
        await lines.flush();
      },
      async stop(limits) {
        stopping = true;
        const delayMs = values["server.shutdownDelay"] * 1000;
        const closed = await server.stop({ delayMs, ...limits });
        admin?.close();
        await lines.close();
        return closed;
      },
    };
  } catch (error) {
    admin?.close();
    await lines.close();
    throw error;
  }
}

function toOperations(server: RunningServer, isStopping: () => boolean): Operations {
  const { manifest } = server.bundle;
  const status = (): ReturnType<Operations["state"]>["status"] => {
    const { body } = server.health() as { body: { status?: unknown } };
    if (isStopping()) return "draining";
    return body.status === "ready" ? "ready" : "starting";
  };
  return {
    service: manifest.name,
    version: manifest.version,
    address: server.address,
    state() {
      const now = status();
      return { status: now, workers: { ready: now === "ready" ? 1 : 0, total: 1 } };
    },
    workers: () => [
      {
        worker: 1,
        pid: process.pid,
        state: status(),
        bundle: `${manifest.name}:${manifest.version}`,
        connections: server.countConnections(),
        lagMs: undefined,
        silentMs: 0,
        rssBytes: process.memoryUsage.rss(),
        uptimeSeconds: Math.round(process.uptime()),
      },
    ],
    health: async () => [{ worker: 1, pid: process.pid, ...server.health().body }],
    metrics: server.metrics,
  };
}
