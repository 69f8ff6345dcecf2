import type { ServiceContract } from "../client/contract.js";
import type { ExecutionState } from "../models/engine.js";
import type { ModelDescription } from "../models/model.js";
import type { Runtime, RuntimeState } from "../service/runtime.js";
import type { AppOptions } from "./app-options.js";
import { findGuards } from "./guards/guard-facts.js";
import { findPackageVersion } from "./package-version.js";

const REASONS: Readonly<Record<Exclude<RuntimeState, "ready">, string>> = {
  starting: "The service is loading its models.",
  draining: "The server takes no more requests and answers those it has.",
  closed: "The service has ended.",
};

const LOCKED = "The service has no credentials to let anybody in with; its log names the variable.";

export interface ProbeAnswer {
  status: 200 | 503;
  body: object;
}

/** `/readyz`: whether requests may be sent here. */
export function toReadiness({ state, definition, models }: Runtime): ProbeAnswer {
  if (state !== "ready") return { status: 503, body: { status: state, reason: REASONS[state] } };
  const locked = findGuards(definition.middleware).some((guard) => guard.findFault() !== undefined);
  if (locked) return { status: 503, body: { status: "locked", reason: LOCKED } };
  for (const [name, model] of models) {
    if (model.execution?.().fault === undefined) continue;
    return { status: 503, body: { status: "failing", reason: toFailing(name) } };
  }
  return { status: 200, body: { status: "ready" } };
}

function toFailing(model: string): string {
  return `The model ${JSON.stringify(model)} has no worker that could compute; the log has the reason.`;
}

/** `/healthz`: as `/readyz`, with what an operator wants to see beside it. */
export function toHealth(runtime: Runtime): ProbeAnswer {
  const { status, body } = toReadiness(runtime);
  const queues: Record<string, object> = {};
  for (const [name, api] of runtime.apis) {
    const stats = api.stats();
    if (stats === undefined) continue;
    const { queuedRequests, queuedItems, queuedBytes, running } = stats;
    queues[name] = { queuedRequests, queuedItems, queuedBytes, running };
  }
  const models = Object.entries(runtime.definition.models).map(([name, { kind }]) => ({
    name,
    kind,
    loaded: runtime.models.has(name),
    ...toExecution(runtime, name),
  }));
  const uptimeSeconds = Math.round(process.uptime());
  const { requests, bytes } = runtime.inFlight;
  const inFlight = { requests, bytes };
  const service = runtime.definition.name;
  return { status, body: { ...body, service, uptimeSeconds, models, queues, inFlight } };
}

/** `/metadata`: what runs here, and what a client has to know to call it. */
export function toMetadata(
  runtime: Runtime,
  options: AppOptions,
): ServiceContract & Readonly<Record<string, unknown>> {
  const { definition } = runtime;
  const { bundle } = options;
  return {
    service: definition.name,
    ...(definition.description === undefined ? {} : { description: definition.description }),
    ...(bundle === undefined ? {} : { version: bundle.version }),
    mode: options.mode,
    checkOutputs: options.checkOutputs ?? false,
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(bundle === undefined
      ? {}
      : { bundle: { digest: bundle.digest, created: bundle.created, labels: bundle.labels } }),
    apis: Object.values(definition.apis).map((api) => ({
      name: api.name,
      method: api.method,
      path: `/${api.route}`,
      ...(api.summary === undefined ? {} : { summary: api.summary }),
      input: {
        kind: api.input.kind,
        items: api.input.cardinality,
        mediaTypes: api.input.mediaTypes,
        ...api.input.hints,
      },
      output: {
        kind: api.output.kind,
        streams: api.output.streams,
        mediaTypes: api.output.mediaTypes(api.input.cardinality),
        ...api.output.hints,
      },
      limits: {
        maxBodyBytes: api.maxBodyBytes,
        timeoutMs: api.timeoutMs,
        ...(api.maxConcurrency === undefined ? {} : { maxConcurrency: api.maxConcurrency }),
        ...api.batch,
      },
    })),
    protocols: definition.protocols,
    models: describeModels(runtime),
    runtime: {
      ekiben: findPackageVersion(),
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
    },
  };
}

/** The models by name; before they are loaded only their kind is known. */
export function describeModels(runtime: Runtime): DescribedModel[] {
  return Object.entries(runtime.definition.models).map(([name, { kind }]) => ({
    name,
    kind,
    ...runtime.models.get(name)?.describe(),
    ...toExecution(runtime, name),
  }));
}

type DescribedModel = { name: string; execution?: ExecutionState } & ModelDescription;

function toExecution(runtime: Runtime, name: string): { execution?: ExecutionState } {
  const execution = runtime.models.get(name)?.execution?.();
  return execution === undefined ? {} : { execution };
}
