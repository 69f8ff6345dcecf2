import { EkibenError } from "../core/errors.js";
import type { Runtime } from "../service/runtime.js";
import type { App } from "./app-server.js";
import type { HostCheck } from "./host-check.js";
import { listen, type Listening } from "./listen.js";

/** A service that is ready to answer: its runtime, and the app in front of it. */
export interface Serving {
  readonly runtime: Runtime;
  readonly app: App;
  /** Keeps pages of elsewhere from asking it. */
  readonly check: HostCheck;
}

export interface DevAddress {
  /** `undefined` takes 5000, or the next free one when 5000 is not. */
  port: number | undefined;
  host: string;
}

interface Running {
  serving: Serving;
  readonly listening: Listening;
}

/** The port that a dev server takes unless told otherwise. */
export const DEFAULT_DEV_PORT = 5000;

/** The dev servers of this process: at most one a service, and each may be replaced in place. */
export interface DevServers {
  /**
   * Serves under the name. When the name is served already, its socket stays and only the app
   * changes; requests under way end in the app that has them.
   * @throws PORT_IN_USE; what was served before then goes on.
   */
  start(name: string, serving: Serving, address: DevAddress): Promise<Listening>;
  find(name: string): (Serving & { address: string; port: number }) | undefined;
  /** Answers what was accepted, frees the port and ends the runtime; does nothing when none runs. */
  stop(name: string): Promise<void>;
  stopAll(): Promise<void>;
}

export function createDevServers(): DevServers {
  const running = new Map<string, Running>();
  // Starts and stops of one service go one after the other: a cell may be run twice in a row.
  const queues = new Map<string, Promise<unknown>>();

  function inTurn<T>(name: string, task: () => Promise<T>): Promise<T> {
    const turn = (queues.get(name) ?? Promise.resolve()).then(task, task);
    queues.set(
      name,
      turn.catch(() => {}),
    );
    return turn;
  }

  async function start(name: string, serving: Serving, address: DevAddress): Promise<Listening> {
    const before = running.get(name);
    const stays =
      before !== undefined &&
      before.listening.host === address.host &&
      (address.port === undefined || address.port === 0 || address.port === before.listening.port);
    if (!stays) refuseOtherService(name, address);
    const listening = stays ? before.listening : await bind(serving, address);
    running.set(name, { serving, listening });
    if (stays) listening.setApp(serving.app, serving.check);
    else await before?.listening.close();
    await before?.serving.runtime.drain();
    return listening;
  }

  function refuseOtherService(name: string, { port }: DevAddress): void {
    for (const [other, { listening }] of running) {
      if (port === undefined || listening.port !== port || other === name) continue;
      throw new EkibenError("PORT_IN_USE", {
        detail: `Port ${port} already serves "${other}" from this notebook.`,
        hint: `Call stopDevServer() of "${other}" first, or give "${name}" another port.`,
        received: port,
      });
    }
  }

  async function stop(name: string): Promise<void> {
    const last = running.get(name);
    if (last === undefined) return;
    running.delete(name);
    await last.listening.close();
    await last.serving.runtime.drain();
  }

  return {
    start: (name, serving, address) => inTurn(name, () => start(name, serving, address)),
    stop: (name) => inTurn(name, () => stop(name)),
    find(name) {
      const found = running.get(name);
      if (found === undefined) return undefined;
      const { address, port } = found.listening;
      return { ...found.serving, address, port };
    },
    async stopAll() {
      await Promise.allSettled(
        Array.from(running.keys(), (name) => inTurn(name, () => stop(name))),
      );
    },
  };
}

async function bind({ app, check }: Serving, { port, host }: DevAddress): Promise<Listening> {
  if (port !== undefined) return await listen(app, { port, host, check });
  for (let candidate = DEFAULT_DEV_PORT; candidate < DEFAULT_DEV_PORT + 20; candidate++) {
    try {
      return await listen(app, { port: candidate, host, check });
    } catch (error) {
      if (!(error instanceof EkibenError) || error.code !== "PORT_IN_USE") throw error;
    }
  }
  return await listen(app, { port: 0, host, check });
}
