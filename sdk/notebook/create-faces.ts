import { Hono } from "hono";
import { EkibenError } from "../core/errors.js";
import { namesOrigins } from "../http/guards/cors.js";
import { createHostCheck } from "../server/host-check.js";
import { createDevServers } from "../server/dev-servers.js";
import type { DevServer, ServiceFaces } from "../service/faces.js";
import type { Service } from "../service/infer.js";
import { toNotice, toServerCard } from "./cards.js";
import { display, findSurface } from "./display.js";
import { withSummary } from "../core/with-summary.js";
import { callInline, type Target } from "./inline-call.js";
import { createLocalServing, type LocalServing } from "./local-apps.js";
import { withoutOwnFrames } from "./own-frames.js";
import { createCallRecorder } from "./samples.js";

const CLOSERS = Symbol.for("ekiben.closers");

/** The life of services in this process: what runs, what was called, and what is saved. */
export function createFaces(): ServiceFaces {
  const servers = createDevServers();
  const calls = createCallRecorder();
  // One service by name keeps its models in memory without a server: the one called last.
  const unserved = new Map<
    string,
    { service: Service; serving: LocalServing; started: Promise<void> }
  >();
  closeWithKernel(() => servers.stopAll());

  function findUnserved(service: Service): { serving: LocalServing; started: Promise<void> } {
    const before = unserved.get(service.name);
    if (before?.service === service) return before;
    const serving = createLocalServing(service.definition);
    const made = { service, serving, started: serving.runtime.start() };
    made.started.catch(() => {
      if (unserved.get(service.name) === made) unserved.delete(service.name);
    });
    unserved.set(service.name, made);
    void before?.started.then(() => before.serving.runtime.drain()).catch(() => {});
    return made;
  }

  /** The dev server when it serves this very service; otherwise the service in process. */
  async function findTarget(service: Service): Promise<Target> {
    const served = servers.find(service.name);
    if (served !== undefined && served.runtime.definition === service.definition) {
      return { ...(served as unknown as LocalServing), address: served.address };
    }
    const { serving, started } = findUnserved(service);
    await started;
    return serving;
  }

  const faces: ServiceFaces = {
    app(service) {
      const { serving, started } = findUnserved(service);
      const app = new Hono();
      app.use(async (_, next) => {
        await started;
        await next();
      });
      return app.mount("/", serving.app.fetch);
    },

    async call(service, api, input, options) {
      const target = await findTarget(service);
      const { output, call } = await callInline(service.definition, target, api, {
        input,
        options,
      });
      calls.record(service.name, call);
      return output;
    },

    async startDevServer(service, options): Promise<DevServer> {
      checkPort(options.port);
      const { name, definition } = service;
      const check = createHostCheck({
        local: true,
        // The address that it listens on may be a name as well.
        allowedHosts: [...(options.allowedHosts ?? []), ...listName(options.host)],
        namesOrigins: namesOrigins(definition.middleware),
      });
      const before = servers.find(name)?.runtime.definition;
      const serving = createLocalServing(definition);
      await serving.runtime.start();
      const listening = await startOrRelease();
      const url = listening.address;
      display(toServerCard(definition, url, before, serving.runtime.models));
      if (findSurface() === "tslab") display(toNotice(PLAIN_TSLAB));
      void releaseUnserved(name);
      return withSummary(
        { url, port: listening.port, stop: () => servers.stop(name) },
        `DevServer ${url}`,
      );

      async function startOrRelease() {
        try {
          const host = options.host ?? "127.0.0.1";
          return await servers.start(name, { ...serving, check }, { port: options.port, host });
        } catch (error) {
          await serving.runtime.drain();
          throw error;
        }
      }
    },

    stopDevServer: (service) => servers.stop(service.name),

    async save(service, options) {
      // Brings a parser and a bundler along, which a server must not wait for.
      const { saveFromNotebook } = await import("./save-from-notebook.js");
      return await saveFromNotebook(service, options, {
        calls: calls.find(service.name),
        target: await findTarget(service),
      });
    },
  };
  return {
    ...faces,
    call: (...asked) => withoutOwnFrames(() => faces.call(...asked)),
    startDevServer: (...asked) => withoutOwnFrames(() => faces.startDevServer(...asked)),
    save: (...asked) => withoutOwnFrames(() => faces.save(...asked)),
  };

  async function releaseUnserved(name: string): Promise<void> {
    const before = unserved.get(name);
    unserved.delete(name);
    await before?.started.then(() => before.serving.runtime.drain()).catch(() => {});
  }
}

const PLAIN_TSLAB =
  "This is the plain tslab kernel: the dev server and inline calls work, but save() needs cells to be recorded. " +
  'Run `npx ekiben kernel install` once and choose the kernel "ekiben (TypeScript)".';

function listName(host: string | undefined): string[] {
  return host === undefined || host.includes(":") ? [] : [host];
}

function checkPort(port: number | undefined): void {
  if (port === undefined || (Number.isInteger(port) && port >= 0 && port <= 65_535)) return;
  throw new EkibenError("COMMAND_INVALID", {
    detail: `The port ${String(port)} is not a whole number from 0 to 65535.`,
    expected: "a whole number from 0 to 65535",
    received: String(port),
  });
}

/** A kernel that ends calls what is in this set first, so that no port outlives it. */
function closeWithKernel(close: () => Promise<void>): void {
  const holder = globalThis as { [CLOSERS]?: Set<() => unknown> };
  (holder[CLOSERS] ??= new Set()).add(close);
}
