import type { BatcherStats, BatchRecord } from "../batching/batch.js";
import type { Cancellation } from "../core/cancellation.js";
import type { Clock } from "../core/clock.js";
import type { Waiter } from "../core/waiter.js";
import type { Payload } from "../inputs/input.js";
import type { Executors } from "../models/engine.js";
import type { FileStamp } from "../models/file-stamps.js";
import type { LoadedModel } from "../models/model.js";
import type { ModelRun } from "../models/watch-model.js";
import type { OutputBody, OutputSlice } from "../outputs/output.js";
import type { Log } from "../observability/log.js";
import type { RequestTrace, RunTrace } from "../observability/traces/tracing.js";
import type { Metrics } from "../observability/metrics.js";
import type { Admission, Arrival } from "./admission.js";
import type { CallFacts, RunFacts } from "./call-facts.js";
import type { RequestHeaders } from "./context.js";
import type { ApiDefinition, ServiceDefinition } from "./definition.js";
import type { LateEnd, RefusalReason, ServiceLimits } from "./gate.js";

/** What a running service tells about itself as things happen. */
export interface RuntimeObserver {
  batch?(api: string, record: BatchRecord): void;
  /** Each request that never came to its handler, by why. */
  shed?(api: string, reason: RefusalReason): void;
  /** A handler that ended after its request was answered with 504. */
  late?(api: string, end: LateEnd): void;
  /** Each run of a model that a handler or hook asks for. */
  model?(run: ModelRun): void;
  /** A call of a handler begins for requests of which one at least is recorded. */
  run?(api: string, run: RunFacts, traces: readonly RequestTrace[]): RunTrace;
}

export interface RuntimeOptions {
  log: Log;
  metrics: Metrics;
  /** The folder with one folder of files a model, for a saved bundle. */
  modelsDirectory?: string;
  /** Threads for models to compute in. @default none: they compute on the thread of the service */
  executors?: Executors;
  /** Checks every output against its schema. The notebook does; production may. */
  checkOutputs: boolean;
  /** What all APIs together may take. */
  limits?: ServiceLimits;
  observer?: RuntimeObserver;
  clock?: Clock;
}

/** The body of an answer, and the headers that say how to read it. */
export interface Written {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: OutputBody;
}

/** How the client of one request wants its outputs. */
export interface AnswerWriter {
  readonly mediaType: string;
  /** Called once, while the handler's outputs still belong to nobody else. @throws OUTPUT_INVALID */
  write(outputs: OutputSlice): Written | Promise<Written>;
  /**
   * Writes outputs among which are bodies that the input answers itself, which no table or tensor
   * can hold. @default a JSON array
   */
  writeMixed?(outputs: OutputSlice): Written;
}

/** One request on its way to a handler. */
export interface Invocation {
  id: string;
  headers: RequestHeaders;
  /** The parameters of its path and of its query string, validated. */
  params: unknown;
  query: unknown;
  writer: AnswerWriter;
  /** Milliseconds for which the client waits, when it said so; never longer than the API allows. */
  timeoutMs?: number;
  /** Aborted when the client has gone, and by the runtime when the time limit of the API is over. */
  cancellation: Cancellation;
  /** What `admit` gave; without it the request is admitted here. */
  admission?: Admission;
  /** Filled in by the runtime when somebody wants to know. */
  facts?: CallFacts | undefined;
}

/** What answers a request. The chunks of a stream may throw; what they throw is of the catalogue. */
export type Answer =
  | ({ readonly kind: "outputs" } & Written)
  | { readonly kind: "rejected"; readonly status: number; readonly json: string }
  | {
      readonly kind: "stream";
      readonly values: AsyncIterableIterator<unknown>;
      /** Resolves when the handler's generator has ended, with whether it has failed. */
      readonly ended: Promise<boolean>;
    };

/** One API of a running service. */
export interface ApiRuntime {
  readonly api: ApiDefinition;
  /**
   * Lets a request in before its body is read, and starts its time. Whoever asks calls `leave()` when
   * the request has its answer. @throws CONCURRENCY_EXCEEDED
   */
  admit(arrival: Arrival): Admission;
  /**
   * Answers one parsed request. It fails with an EkibenError; what a handler threw is HANDLER_FAILED
   * with the handler's error as cause.
   */
  invoke(payload: Payload, invocation: Invocation, waiter: Waiter<Answer>): void;
  /**
   * Runs the handler of a batched API on a batch of this request twice, so that a handler that
   * cannot take a batch shows before load does. @throws what the batch would throw
   */
  rehearse(payload: Payload, invocation: Invocation): Promise<void>;
  /** How many requests have begun their work and not ended it. */
  load(): { working: number };
  /** `undefined` when the API does not batch. */
  stats(): BatcherStats | undefined;
}

export type RuntimeState = "starting" | "ready" | "draining" | "closed";

/** A service with its models loaded: the same in the notebook and in production. */
export interface Runtime {
  readonly definition: ServiceDefinition;
  readonly apis: ReadonlyMap<string, ApiRuntime>;
  readonly models: ReadonlyMap<string, LoadedModel>;
  /** The files that models were loaded from, as they were then; none in a bundle. */
  readonly files: readonly FileStamp[];
  readonly state: RuntimeState;
  /**
   * What is in flight: requests that were let in and have not ended, the bytes of their bodies, and how
   * many of these there may be.
   */
  readonly inFlight: {
    readonly requests: number;
    readonly bytes: number;
    readonly maxBytes: number;
  };
  /**
   * Loads the models, then runs `.setup()` and `.warmup()`; requests that come before are answered
   * with SERVER_STARTING. @throws MODEL_FILE_MISSING, MODEL_FILE_INVALID or SERVICE_SETUP_FAILED;
   * MODEL_INPUT_INVALID when a model cannot take the example of an API.
   */
  start(): Promise<void>;
  /** Takes no more requests, answers those it has, then runs `.close()` and releases the models. */
  drain(): Promise<void>;
}
