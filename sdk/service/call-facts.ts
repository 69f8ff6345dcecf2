import { randomBytes } from "node:crypto";
import type { BatchRecord, DispatchReason } from "../batching/batch.js";
import type { LoadedModel } from "../models/model.js";
import type { RequestTrace, RunTrace } from "../observability/traces/tracing.js";
import type { ModelListener, ModelRun, ModelWatch } from "../models/watch-model.js";
import type { Call } from "./handler-context.js";

/**
 * What became of one request in the runtime, for logs and traces. Whoever wants to know puts
 * `createCallFacts()` into an invocation; they are filled in while the request is answered, and are
 * complete when its answer is there, or its stream has ended. All times are milliseconds of
 * `performance.now()`.
 */
export interface CallFacts {
  /** Made of these facts, when the request is traced. */
  readonly trace: RequestTrace | undefined;
  /** Whether `parsed` and `written` are wanted, which hardly anything but spans tells. */
  readonly hasSteps: boolean;
  /** When its body was there, and when it was parsed. */
  parsed: { readonly began: number; readonly ended: number } | undefined;
  /** When it came to its API, after its body was parsed; `undefined` when it was refused before. */
  queued: number | undefined;
  /**
   * The calls of the handler that it was in, in order. One, but for none when it was refused or had
   * no items, several when it was large and went in parts, and when a batch of several failed and was
   * run again without the request that it failed for.
   */
  runs: readonly RunFacts[];
  /** When its outputs were written as the body of an answer. */
  written: { readonly began: number; readonly ended: number } | undefined;
}

/** One call of a handler, shared by the requests that were in it. */
export interface RunFacts {
  /** Unique, also among processes. */
  readonly id: string;
  /** How many requests and items were in it. */
  readonly requests: number;
  readonly items: number;
  /** Why a batch left its queue; `unbatched` for an API that does not batch. */
  readonly reason: DispatchReason | "unbatched";
  /** Milliseconds that its oldest request had waited. */
  readonly waitMs: number;
  readonly began: number;
  /** With the writing of the answers; `undefined` while it runs, as after a time-out. */
  ended: number | undefined;
  runMs: number | undefined;
  /** Whether it threw, so that none of its requests was answered by it. */
  failed: boolean;
  /** The runs of models that it asked for, as they ended. */
  readonly models: ModelRun[];
  /** Of the run, when one of its requests is recorded. */
  trace: RunTrace | undefined;
}

export function createCallFacts(trace?: RequestTrace, hasSteps = true): CallFacts {
  return {
    trace,
    hasSteps,
    parsed: undefined,
    queued: undefined,
    runs: NO_RUNS,
    written: undefined,
  };
}

const NO_RUNS: readonly RunFacts[] = Object.freeze([]);

// Drawn once: numbers are enough within a process.
const PREFIX = randomBytes(6).toString("hex");
let made = 0;

/** Gives a new run to all who listen among its calls; `undefined` when nobody does. */
export function beginRun(
  calls: readonly Call[],
  record: Pick<BatchRecord, "requests" | "items" | "began" | "waitMs"> & Pick<RunFacts, "reason">,
  trace?: (run: RunFacts, traces: readonly RequestTrace[]) => RunTrace,
): RunFacts | undefined {
  let run: RunFacts | undefined;
  let traces: RequestTrace[] | undefined;
  for (const { invocation } of calls) {
    const { facts } = invocation;
    if (facts === undefined) continue;
    run ??= {
      id: `${PREFIX}-${(made++).toString(36)}`,
      requests: record.requests,
      items: record.items,
      reason: record.reason,
      waitMs: record.waitMs,
      began: record.began,
      ended: undefined,
      runMs: undefined,
      failed: false,
      models: [],
      trace: undefined,
    };
    // Nearly all are in one: a list that grows has room for many.
    facts.runs = facts.runs.length === 0 ? [run] : [...facts.runs, run];
    if (facts.trace?.isRecorded === true) (traces ??= []).push(facts.trace);
  }
  if (run !== undefined && traces !== undefined) run.trace = trace?.(run, traces);
  return run;
}

export function endRun(run: RunFacts, ended: number, failed = false): void {
  run.ended = ended;
  run.runMs = ended - run.began;
  run.failed = failed;
  run.trace?.end();
}

/** Models by name that tell `listen` of their runs. */
export function watchModels(
  watches: ReadonlyMap<string, ModelWatch>,
  listen: ModelListener,
): Record<string, LoadedModel> {
  const models: Record<string, LoadedModel> = {};
  for (const [name, watch] of watches) models[name] = watch(listen);
  return models;
}
