import { once } from "node:events";
import { request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { serve } from "@hono/node-server";
import type { Hono } from "hono";
import { z } from "zod";
import type { AppOptions } from "../../sdk/http/app-options.js";
import { createApp } from "../../sdk/http/create-app.js";
import { json } from "../../sdk/inputs/json.js";
import { jsonOutput } from "../../sdk/outputs/json-output.js";
import { silentLog } from "../../sdk/observability/log.js";
import { createMetrics } from "../../sdk/observability/metrics.js";
import { createServiceMetrics } from "../../sdk/observability/service-metrics.js";
import type { ApiDefinition, ServiceDefinition } from "../../sdk/service/definition.js";
import { createRuntime } from "../../sdk/service/create-runtime.js";
import type { AnyOutput } from "../../sdk/service/infer.js";
import type { Runtime } from "../../sdk/service/runtime.js";

export const Point = z.object({ x: z.number(), y: z.number() });
export const Sum = z.object({ sum: z.number() });

/** One API: the sum of a point, unless told otherwise. */
export function api(
  changes: Partial<Omit<ApiDefinition, "output">> & { output?: AnyOutput | undefined } = {},
): ApiDefinition {
  const { output = Sum, ...rest } = changes;
  const isBare = "output" in changes && changes.output === undefined;
  return {
    name: "add",
    method: "POST",
    route: "v1/add",
    input: json(Point),
    output: isBare ? jsonOutput() : "write" in output ? output : jsonOutput(output),
    example: { x: 1, y: 2 },
    timeoutMs: 5000,
    maxBodyBytes: 1024 * 1024,
    handler: ({ x, y }: z.infer<typeof Point>) => ({ sum: x + y }),
    ...rest,
  };
}

export function service(
  apis: readonly ApiDefinition[],
  changes: Partial<ServiceDefinition> = {},
): ServiceDefinition {
  return {
    name: "adder",
    protocols: { openInference: true, mlflow: true },
    before: [],
    after: [],
    onError: [],
    onRecord: [],
    models: {},
    apis: Object.fromEntries(apis.map((one) => [one.name, one])),
    middleware: [],
    setup: [],
    warmup: [],
    close: [],
    ...changes,
  };
}

export interface Built {
  readonly app: Hono;
  readonly runtime: Runtime;
  readonly serviceMetrics: ReturnType<typeof createServiceMetrics>;
}

/** The app of a service, started unless `start` is false. */
export async function build(
  definition: ServiceDefinition,
  options: Partial<AppOptions> & { start?: boolean } = {},
): Promise<Built> {
  const { start = true, ...appOptions } = options;
  const serviceMetrics = createServiceMetrics({ service: definition.name, version: "1" });
  const log = options.log ?? silentLog;
  const runtime = createRuntime(definition, {
    log,
    metrics: createMetrics(serviceMetrics.registry),
    checkOutputs: true,
    observer: serviceMetrics.observer,
  });
  if (start) await runtime.start();
  const app = createApp(runtime, { mode: "production", log, serviceMetrics, ...appOptions });
  return { app, runtime, serviceMetrics };
}

export interface Serving extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
}

/** The app on a free port of 127.0.0.1. */
export async function listen(app: Hono): Promise<Serving> {
  const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }) as Server;
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export interface RawAnswer {
  status: number;
  headers: IncomingMessage["headers"];
  body: string;
}

/** A request by node:http alone, for what fetch does not let a client do. */
export function send(
  url: string,
  options: {
    method?: string;
    headers?: Record<string, string>;
    body?: Uint8Array | string | AsyncIterable<Uint8Array>;
  } = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, {
      method: options.method ?? "POST",
      headers: { "content-type": "application/json", ...options.headers },
      agent: false,
    });
    let answered = false;
    request.on("response", (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body: Buffer.concat(chunks).toString("utf8"),
        });
        request.destroy();
      });
      response.on("error", reject);
    });
    // A server that has answered may close while the client still writes.
    request.on("error", (error) => {
      if (!answered) reject(error);
    });
    const { body } = options;
    if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
      request.end(body);
    } else {
      const source = Readable.from(body);
      request.once("close", () => source.destroy());
      source.pipe(request);
    }
  });
}

/** Waits until something holds; fails after two seconds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("what was waited for did not happen");
}
