import type { Metrics } from "../observability/metrics.js";
import type { Log } from "../observability/log.js";

/** One request of the batch that a handler answers. */
export interface RequestItem<Params = any, Query = any> {
  /** The request id that the client gets in `X-Request-Id`. */
  readonly id: string;
  readonly headers: RequestHeaders;
  /** The parameters of its path. */
  readonly params: Params;
  /** The parameters of its query string. */
  readonly query: Query;
  /** Aborts when the client hangs up or the request times out. */
  readonly signal: AbortSignal;
  /** The request's part of the argument: items from `start` up to, without, `end`. */
  readonly start: number;
  readonly end: number;
}

export interface RequestHeaders {
  get(name: string): string | null;
}

/** What the types of a service carry from declaration to handler. */
export interface ServiceShape {
  models: object;
  apis: object;
  state: object;
}

/** The second argument of a handler. */
export interface Context<
  Shape extends Pick<ServiceShape, "models" | "state"> = any,
  Params = any,
  Query = any,
  Batched = false,
> {
  /** The loaded models by name. */
  readonly models: Shape["models"];
  /** What `.setup()` returned. */
  readonly state: Shape["state"];
  /** The requests of this batch, in the order of their items; one request without `batch`. */
  readonly items: readonly RequestItem<Params, Query>[];
  /**
   * The parameters of the path, of the one request. With `batch` each request has its own: read
   * `items[i].params`. @throws HANDLER_FAILED with `batch`
   */
  readonly params: [Batched] extends [false] ? Params : never;
  /** The parameters of the query string, as `params`. @throws HANDLER_FAILED with `batch` */
  readonly query: [Batched] extends [false] ? Query : never;
  /**
   * Answers one request of the batch with this status and JSON body, whatever the handler returns
   * for it, while the others go on. `index` counts the requests in `items`.
   */
  reject(index: number, status: number, body?: unknown): void;
  /** Its lines carry the id of the request, or those of all requests of the batch. */
  readonly log: Log;
  readonly metrics: Metrics;
  /** The name of the API. */
  readonly api: string;
}

/** The argument of `.setup()`, `.warmup()` and `.close()`. */
export interface LifecycleContext<Shape extends Pick<ServiceShape, "models" | "state"> = any> {
  readonly models: Shape["models"];
  readonly state: Shape["state"];
  readonly log: Log;
  readonly metrics: Metrics;
}
