import type { MiddlewareHandler } from "hono";
import type { z } from "zod";
import type { Input } from "../inputs/input.js";
import type { ModelDefinition } from "../models/model.js";
import type { Context, LifecycleContext } from "./context.js";

/** The limits of micro-batching of one API. All count items, not requests. */
export interface BatchOptions {
  /** The most items that the handler gets at once. @default 100 */
  maxBatchSize?: number;
  /** Milliseconds from arrival to answer; what cannot be answered in time is shed. @default 10_000 */
  maxLatencyMs?: number;
  /** The most items that may wait. @default 10_000 */
  maxQueueItems?: number;
  /** How many batches may run at once. @default 1 */
  concurrency?: number;
}

/** One API of a service, as its author declared it, with defaults filled in. */
export interface ApiDefinition {
  readonly name: string;
  /** Path without a leading slash, such as `v1/churn/predict`. */
  readonly route: string;
  readonly summary?: string;
  readonly description?: string;
  readonly input: Input;
  readonly output?: z.ZodType;
  /** Absent: the handler gets one request at a time. */
  readonly batch?: Required<BatchOptions>;
  /** A request that is sent as it stands here by the page and by warm-up. */
  readonly example?: unknown;
  /** Milliseconds after which a request is answered with 504. @default 60_000 */
  readonly timeoutMs: number;
  /** The largest body in bytes. @default 33_554_432 */
  readonly maxBodyBytes: number;
  readonly handler: (argument: never, context: Context<never>) => unknown;
}

/** All that a service is, as plain immutable data: what every other room reads. */
export interface ServiceDefinition {
  readonly name: string;
  readonly description?: string;
  readonly models: Readonly<Record<string, ModelDefinition>>;
  readonly apis: Readonly<Record<string, ApiDefinition>>;
  readonly middleware: readonly MiddlewareHandler[];
  readonly setup: readonly LifecycleHook[];
  readonly warmup: readonly LifecycleHook[];
  readonly close: readonly LifecycleHook[];
}

export type LifecycleHook = (context: LifecycleContext<never>) => unknown;
