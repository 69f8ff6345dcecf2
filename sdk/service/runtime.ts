import { join } from "node:path";
import type { BatcherStats, BatchRecord, ShedReason } from "../batching/batch.js";
import { Cancellation } from "../core/cancellation.js";
import { systemClock, type Clock } from "../core/clock.js";
import { EkibenError } from "../core/errors.js";
import type { Payload } from "../inputs/input.js";
import type { LoadedModel } from "../models/model.js";
import type { Log } from "../observability/log.js";
import type { Metrics } from "../observability/metrics.js";
import { createApiRuntime, type SharedContext } from "./api-runtime.js";
import type { LifecycleContext, RequestHeaders } from "./context.js";
import type { ApiDefinition, LifecycleHook, ServiceDefinition } from "./definition.js";
import { toExamplePayload } from "./example.js";

/** What a running service tells about itself as things happen. */
export interface RuntimeObserver {
  batch?(api: string, record: BatchRecord): void;
  shed?(api: string, reason: ShedReason): void;
}

export interface RuntimeOptions {
  log: Log;
  metrics: Metrics;
  /** The folder with one folder of files a model, for a saved bundle. */
  modelsDirectory?: string;
  /** Checks every output against its schema. The notebook does; production may. */
  checkOutputs: boolean;
  observer?: RuntimeObserver;
  clock?: Clock;
}

/** One request on its way to a handler. */
export interface Invocation {
  id: string;
  headers: RequestHeaders;
  /** Aborted when the client has gone, and by the runtime when the time limit of the API is over. */
  cancellation: Cancellation;
}

/** What answers a request: the outputs as JSON text, or the body of a rejection. */
export type Answer =
  | { readonly kind: "outputs"; readonly json: string }
  | { readonly kind: "rejected"; readonly status: number; readonly json: string };

/** One API of a running service. */
export interface ApiRuntime {
  readonly api: ApiDefinition;
  /**
   * Answers one parsed request.
   * @throws EkibenError; what a handler threw is HANDLER_FAILED with the handler's error as cause.
   */
  invoke(payload: Payload, invocation: Invocation): Promise<Answer>;
  /**
   * Runs the handler of a batched API on a batch of this request twice, so that a handler that
   * cannot take a batch shows before load does. @throws what the batch would throw
   */
  rehearse(payload: Payload, invocation: Invocation): Promise<void>;
  /** `undefined` when the API does not batch. */
  stats(): BatcherStats | undefined;
}

export type RuntimeState = "starting" | "ready" | "draining" | "closed";

/** A service with its models loaded: the same in the notebook and in production. */
export interface Runtime {
  readonly definition: ServiceDefinition;
  readonly apis: ReadonlyMap<string, ApiRuntime>;
  readonly models: ReadonlyMap<string, LoadedModel>;
  readonly state: RuntimeState;
  /**
   * Loads the models, then runs `.setup()` and `.warmup()`; requests that come before are answered
   * with SERVER_STARTING. @throws MODEL_FILE_MISSING, MODEL_FILE_INVALID or SERVICE_SETUP_FAILED.
   */
  start(): Promise<void>;
  /** Takes no more requests, answers those it has, then runs `.close()` and releases the models. */
  drain(): Promise<void>;
}

/** Makes the runtime of a service; it answers once `start()` has resolved. */
export function createRuntime(definition: ServiceDefinition, options: RuntimeOptions): Runtime {
  const { log, metrics } = options;
  const models = new Map<string, LoadedModel>();
  const shared: SharedContext = { models: {}, state: {}, log, metrics };
  let state: RuntimeState = "starting";
  let drained: Promise<void> | undefined;

  const apis = new Map(
    Object.values(definition.apis).map((api) => [
      api.name,
      createApiRuntime(api, {
        shared: () => shared,
        checkOutputs: options.checkOutputs,
        observer: options.observer ?? {},
        clock: options.clock ?? systemClock,
      }),
    ]),
  );

  async function loadModels(): Promise<void> {
    const loading = Object.entries(definition.models).map(async ([name, model]) => {
      const directory = options.modelsDirectory;
      const loaded = await model.load({
        name,
        ...(directory === undefined ? {} : { directory: join(directory, name) }),
      });
      models.set(name, loaded);
    });
    const failed = (await Promise.allSettled(loading)).find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    Object.assign(shared.models, Object.fromEntries(models));
  }

  async function runHooks(name: "setup" | "warmup" | "close"): Promise<void> {
    for (const hook of definition[name]) {
      const made = await runHook(name, hook);
      if (name === "setup" && made !== null && typeof made === "object") {
        Object.assign(shared.state, made);
      }
    }
  }

  async function runHook(name: string, hook: LifecycleHook): Promise<unknown> {
    try {
      return await (hook as (context: LifecycleContext) => unknown)(shared);
    } catch (error) {
      if (error instanceof EkibenError) throw error;
      throw new EkibenError("SERVICE_SETUP_FAILED", {
        detail: `.${name}() of "${definition.name}" failed: ${error instanceof Error ? error.message : String(error)}`,
        cause: error,
      });
    }
  }

  /**
   * The example of each API once, so that the first real request finds everything compiled. An
   * example that fails is the author's to see, and no reason to keep the other APIs from answering.
   */
  async function warmUp(): Promise<void> {
    for (const runtime of apis.values()) {
      const payload = toExamplePayload(runtime.api);
      if (payload === undefined) continue;
      const began = performance.now();
      try {
        await runtime.invoke(payload, {
          id: "warmup",
          headers: new Headers(),
          cancellation: new Cancellation(),
        });
        log.debug(`warmed up ${runtime.api.name}`, { ms: performance.now() - began });
      } catch (error) {
        log.warn(`the example of ${runtime.api.name} failed`, { error });
      }
    }
  }

  async function release(): Promise<void> {
    for (const model of models.values()) await model.release();
    models.clear();
  }

  return {
    definition,
    models,
    apis: new Map(
      Array.from(apis, ([name, api]) => [
        name,
        {
          ...api,
          invoke(payload: Payload, invocation: Invocation) {
            return state === "ready"
              ? api.invoke(payload, invocation)
              : Promise.reject(notReady(definition.name, state));
          },
        },
      ]),
    ),
    get state() {
      return state;
    },
    async start() {
      try {
        await loadModels();
        await runHooks("setup");
        await warmUp();
        await runHooks("warmup");
      } catch (error) {
        state = "closed";
        await release();
        throw error;
      }
      if (state === "starting") state = "ready";
    },
    drain() {
      drained ??= (async () => {
        state = "draining";
        await Promise.all(Array.from(apis.values(), (api) => api.drain()));
        try {
          await runHooks("close");
        } finally {
          await release();
          state = "closed";
        }
      })();
      return drained;
    },
  };
}

function notReady(name: string, state: RuntimeState): EkibenError {
  return state === "starting"
    ? new EkibenError("SERVER_STARTING", { detail: `"${name}" is starting.`, retryAfter: 1 })
    : new EkibenError("SERVER_DRAINING", { detail: `"${name}" is draining.`, retryAfter: 1 });
}
