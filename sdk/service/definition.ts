import type { MiddlewareHandler } from "hono";
import type { z } from "zod";
import type { HeaderReader } from "../core/header-reader.js";
import type { Rejection } from "../core/rejection.js";
import type { Input } from "../inputs/input.js";
import type { ModelDefinition } from "../models/model.js";
import type { Log } from "../observability/log.js";
import type { RecordListener } from "../observability/records/record.js";
import type { Output } from "../outputs/output.js";
import type { Context, LifecycleContext } from "./context.js";

/** The limits of micro-batching of one API. All count items, not requests. */
export interface BatchOptions {
  /** The most items that the handler gets at once. @default 100 */
  maxBatchSize?: number;
  /** Milliseconds from arrival to answer; what cannot be answered in time is shed. @default 10_000 */
  maxLatencyMs?: number;
  /** The most items that may wait. @default 10_000 */
  maxQueueItems?: number;
  /**
   * The most bytes of the bodies of requests that wait. A request that is larger, or has more items
   * than may wait, is taken when no other waits. @default 268_435_456 (256 MiB)
   */
  maxQueueBytes?: number;
  /** How many batches may run at once. @default 1 */
  concurrency?: number;
}

export type Method = "GET" | "POST";

/** One API of a service, as its author declared it, with defaults filled in. */
export interface ApiDefinition {
  readonly name: string;
  readonly method: Method;
  /** Path without a leading slash, such as `v1/churn/predict`; `:name` stands for a parameter. */
  readonly route: string;
  readonly summary?: string;
  readonly description?: string;
  readonly input: Input;
  readonly output: Output;
  /** The parameters of the path, by the names in the route. */
  readonly params?: z.ZodType;
  /** The parameters of the query string. */
  readonly query?: z.ZodType;
  /** Absent: the handler gets one request at a time. */
  readonly batch?: Required<BatchOptions>;
  /** A request that is sent as it stands here by the page and by warm-up. */
  readonly example?: unknown;
  /** The parameters that go with the example, as they stand in the URL. */
  readonly exampleParameters?: ExampleParameters;
  /** The most requests in flight; absent: no limit. */
  readonly maxConcurrency?: number;
  /** Milliseconds after which a request is answered with 504. @default 60_000 */
  readonly timeoutMs: number;
  /** The largest body in bytes. @default 33_554_432 */
  readonly maxBodyBytes: number;
  readonly handler: (argument: never, context: Context<never>) => unknown;
}

export interface ExampleParameters {
  params?: Readonly<Record<string, unknown>>;
  query?: Readonly<Record<string, unknown>>;
}

/** The protocols that a service answers beside its own routes. */
export interface Protocols {
  /** The Open Inference Protocol under `/v2`. @default true */
  readonly openInference: boolean;
  /** `/invocations`, `/ping` and `/version` as MLflow and SageMaker ask for them. @default true */
  readonly mlflow: boolean;
}

/** All that a service is, as plain immutable data: what every other room reads. */
export interface ServiceDefinition {
  readonly name: string;
  readonly description?: string;
  readonly models: Readonly<Record<string, ModelDefinition>>;
  readonly apis: Readonly<Record<string, ApiDefinition>>;
  readonly protocols: Protocols;
  readonly middleware: readonly MiddlewareHandler[];
  readonly before: readonly BeforeHook[];
  readonly after: readonly AfterHook[];
  readonly onError: readonly ErrorHook[];
  readonly onRecord: readonly RecordListener[];
  /** What feedback to an answer may say beside its request id. @default any JSON */
  readonly feedback?: z.ZodType;
  readonly setup: readonly LifecycleHook[];
  readonly warmup: readonly LifecycleHook[];
  readonly close: readonly LifecycleHook[];
}

export type LifecycleHook = (context: LifecycleContext<never>) => unknown;

/** Sees what a handler is about to get; what it returns, if anything, is given in its place. */
export type BeforeHook = (argument: any, context: Context<never>) => unknown;

/** Sees what a handler returned; what it returns, if anything, is answered in its place. */
export type AfterHook = (outputs: any, context: Context<never>) => unknown;

/** The request that an error belongs to. */
export interface FailedRequest {
  /** The name of the API. */
  readonly api: string;
  readonly id: string;
  readonly headers: HeaderReader;
  readonly log: Log;
}

/** Answers an error with a status and body of the service's own, made by `reject()`. */
export type ErrorHook = (
  error: unknown,
  request: FailedRequest,
) => Rejection | void | Promise<Rejection | void>;
