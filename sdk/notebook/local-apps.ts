import type { Hono } from "hono";
import { findNotebookHost } from "../core/cell-record.js";
import type { Waiter } from "../core/waiter.js";
import { createExecutors } from "../execution/create-executors.js";
import { createApp } from "../http/create-app.js";
import { createLog } from "../observability/create-log.js";
import { createMetrics } from "../observability/metrics.js";
import { createServiceMetrics } from "../observability/service-metrics.js";
import type { Serving } from "../server/dev-servers.js";
import type { ServiceDefinition } from "../service/definition.js";
import { createRuntime } from "../service/create-runtime.js";
import type { Answer, Invocation, Runtime } from "../service/runtime.js";
import type { Payload } from "../inputs/input.js";

/** A runtime and its app in this process, and the errors that its requests ended in. */
export interface LocalServing extends Omit<Serving, "check"> {
  readonly app: Hono;
  /** The error that the request with this id ended in: its stack names the cell. */
  findError(requestId: string): unknown;
}

const MOST_ERRORS = 100;

/** Builds a service in this process as production would, but with its errors laid open. */
export function createLocalServing(definition: ServiceDefinition): LocalServing {
  const log = createLog({ service: definition.name, format: "plain", level: "info" });
  const serviceMetrics = createServiceMetrics({ service: definition.name, version: "dev" });
  const { runtime, findError } = keepErrors(
    createRuntime(definition, {
      log,
      metrics: createMetrics(serviceMetrics.registry, { log }),
      executors: createExecutors({ log }),
      checkOutputs: true,
      observer: serviceMetrics.observer,
    }),
  );
  const app = createApp(runtime, {
    mode: "development",
    checkOutputs: true,
    log: quietInNotebook(log),
    serviceMetrics,
  });
  return { runtime, app, findError };
}

/** In a notebook an error shows in the cell that made the call; a log line would show it twice. */
function quietInNotebook(log: ReturnType<typeof createLog>): ReturnType<typeof createLog> {
  return findNotebookHost() === undefined ? log : { ...log, error() {}, warn() {} };
}

function keepErrors(runtime: Runtime): { runtime: Runtime; findError(id: string): unknown } {
  const errors = new Map<string, unknown>();
  const apis = new Map(
    Array.from(runtime.apis, ([name, api]) => [
      name,
      {
        ...api,
        invoke(payload: Payload, invocation: Invocation, waiter: Waiter<Answer>) {
          api.invoke(payload, invocation, {
            resolve: (answer) => waiter.resolve(answer),
            reject(error) {
              errors.set(invocation.id, error);
              if (errors.size > MOST_ERRORS) errors.delete(errors.keys().next().value!);
              waiter.reject(error);
            },
          });
        },
      },
    ]),
  );
  const wrapped = Object.create(runtime, { apis: { value: apis, enumerable: true } }) as Runtime;
  return { runtime: wrapped, findError: (id) => errors.get(id) };
}
