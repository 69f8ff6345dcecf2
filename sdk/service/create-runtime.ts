import { toHeaderReader } from "../core/header-reader.js";
import { join } from "node:path";
import { Cancellation } from "../core/cancellation.js";
import { systemClock } from "../core/clock.js";
import { EkibenError } from "../core/errors.js";
import { promiseOf, type Waiter } from "../core/waiter.js";
import type { Payload } from "../inputs/input.js";
import { stampFiles, type FileStamp } from "../models/file-stamps.js";
import type { LoadedModel } from "../models/model.js";
import { createModelWatch, type ModelListener, type ModelWatch } from "../models/watch-model.js";
import { releasePayload, type Arrival } from "./admission.js";
import { createBurstLog } from "../observability/burst-log.js";
import { createApiRuntime } from "./api-runtime.js";
import { watchModels, type RunFacts } from "./call-facts.js";
import type { LifecycleContext } from "./context.js";
import type { LifecycleHook, ServiceDefinition } from "./definition.js";
import { readExampleParameters, toExamplePayload } from "./example.js";
import { toExampleMisfit } from "./example-misfit.js";
import { Gate } from "./gate.js";
import type { SharedContext } from "./handler-context.js";
import { findLackingColumns } from "./lacking-columns.js";
import type { Answer, Invocation, Runtime, RuntimeOptions, RuntimeState } from "./runtime.js";
import { createWriter } from "./writer.js";

/** Makes the runtime of a service; it answers once `start()` has resolved. */
export function createRuntime(definition: ServiceDefinition, options: RuntimeOptions): Runtime {
  const { log, metrics } = options;
  const { observer = {} } = options;
  const models = new Map<string, LoadedModel>();
  const files: FileStamp[] = [];
  const watches = new Map<string, ModelWatch>();
  const shared: SharedContext = { models: {}, state: {}, log, metrics };
  const bursts = createBurstLog(log);
  const gate = new Gate(options.limits ?? {}, {
    refused: (api, reason) => observer.shed?.(api, reason),
    late(api, end) {
      bursts.warn(
        "a handler ended after its request had been answered with 504",
        { api },
        { ...end },
      );
      observer.late?.(api, end);
    },
  });
  let state: RuntimeState = "starting";
  let drained: Promise<void> | undefined;

  const apis = new Map(
    Object.values(definition.apis).map((api) => [
      api.name,
      createApiRuntime(api, {
        shared: shareWith,
        hooks: definition,
        checkOutputs: options.checkOutputs,
        observer,
        gate,
        clock: options.clock ?? systemClock,
      }),
    ]),
  );

  /** A run that somebody listens to gets models of its own, which tell it what they do. */
  function shareWith(run?: RunFacts): SharedContext {
    if (run === undefined) return shared;
    const listen: ModelListener = (one) => {
      run.models.push(one);
      observer.model?.(one);
    };
    const { trace } = run;
    return {
      ...shared,
      models: watchModels(watches, listen),
      ...(trace === undefined ? {} : { log: log.child(trace.fields) }),
    };
  }

  async function loadModels(): Promise<void> {
    const loading = Object.entries(definition.models).map(async ([name, model]) => {
      const directory = options.modelsDirectory;
      // Before they are read: a file that changes meanwhile must not pass for what was loaded.
      if (directory === undefined) files.push(...(await stampFiles(name, model)));
      const loaded = await model.load({
        name,
        ...(directory === undefined ? {} : { directory: join(directory, name) }),
        ...(options.executors === undefined ? {} : { executors: options.executors }),
      });
      models.set(name, loaded);
    });
    const failed = (await Promise.allSettled(loading)).find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    for (const [name, model] of models) watches.set(name, createModelWatch(name, model));
    const seen =
      observer.model === undefined
        ? Object.fromEntries(models)
        : watchModels(watches, (run) => observer.model?.(run));
    Object.assign(shared.models, seen);
  }

  /** One run of each model, so that the first request does not pay for what a first run costs. */
  async function warmUpModels(): Promise<void> {
    for (const [name, model] of models) {
      try {
        const warmup = await model.warmup?.();
        if (warmup === undefined) continue;
        const { warnings = [], ms, ...fields } = warmup;
        // Under a cell it would stand above what the author wants to see.
        const level = options.modelsDirectory === undefined ? "debug" : "info";
        log[level](`ran the model ${name} once`, { ms: Math.round(ms * 10) / 10, ...fields });
        for (const warning of warnings) log.warn(warning);
      } catch (error) {
        log.warn(`the model ${name} failed in its first run`, { error });
      }
    }
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
   * example that fails is the author's to see, and no reason to keep the other APIs from answering,
   * but for one that its model cannot take: the API answers no request, and there is no better moment
   * to say so.
   */
  async function warmUp(): Promise<void> {
    const described = Array.from(models, ([name, model]) => [name, model.describe()] as const);
    for (const lacking of findLackingColumns(definition, described)) log.warn(lacking);
    for (const runtime of apis.values()) {
      if (runtime.api.example === undefined) continue;
      const began = performance.now();
      try {
        const payload = (await toExamplePayload(runtime.api))!;
        const invocation = {
          id: "warmup",
          headers: toHeaderReader(),
          ...readExampleParameters(runtime.api),
          writer: createWriter(runtime.api),
          cancellation: new Cancellation(),
        };
        const answer = await promiseOf<Answer>((waiter) => {
          runtime.invoke(payload, invocation, waiter);
        });
        if (answer.kind === "stream") await exhaust(answer.values);
        log.debug(`warmed up ${runtime.api.name}`, { ms: performance.now() - began });
      } catch (error) {
        const misfit = toExampleMisfit(runtime.api.name, error);
        if (misfit !== undefined) throw misfit;
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
    files,
    apis: new Map(
      Array.from(apis, ([name, api]) => [
        name,
        {
          ...api,
          admit(arrival: Arrival) {
            if (state === "ready") return api.admit(arrival);
            throw notReady(definition.name, state);
          },
          invoke(payload: Payload, invocation: Invocation, waiter: Waiter<Answer>) {
            // What was let in before the end began is part of what the end waits for.
            const isIn = invocation.admission !== undefined && state === "draining";
            if (state === "ready" || isIn) return api.invoke(payload, invocation, waiter);
            releasePayload(payload);
            waiter.reject(notReady(definition.name, state));
          },
        },
      ]),
    ),
    inFlight: gate,
    get state() {
      return state;
    },
    async start() {
      try {
        await loadModels();
        await warmUpModels();
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

async function exhaust(values: AsyncIterable<unknown>): Promise<void> {
  for await (const value of values) void value;
}

function notReady(name: string, state: RuntimeState): EkibenError {
  return state === "starting"
    ? new EkibenError("SERVER_STARTING", { detail: `"${name}" is starting.`, retryAfter: 1 })
    : new EkibenError("SERVER_DRAINING", { detail: `"${name}" is draining.`, retryAfter: 1 });
}
