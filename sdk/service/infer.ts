import type { Hono, MiddlewareHandler } from "hono";
import type { z } from "zod";
import type { CardinalityOf, Input, ManyOf, OneOf, SentOf } from "../inputs/input.js";
import type { NoInput } from "../inputs/none.js";
import type { LoadedOf, ModelDefinition } from "../models/model.js";
import type { ItemOf, Output, ResultOf, StreamsOf } from "../outputs/output.js";
import type { Context, LifecycleContext, ServiceShape } from "./context.js";
import type {
  BatchOptions,
  ErrorHook,
  ExampleParameters,
  Method,
  ServiceDefinition,
} from "./definition.js";
import type {
  CallOptions,
  DevServer,
  DevServerOptions,
  SavedBundle,
  SaveOptions,
} from "./faces.js";
import type { RecordHook } from "../observability/records/record.js";
import type { RecordOptions } from "./record-options.js";

// All type inference of the public surface is in this file. It must stay readable for
// TypeScript 5.0.4 with Node10 resolution, strict or not: that is the compiler inside tslab.

/** Shows an intersection as one object type. */
export type Simplify<T> = { [K in keyof T]: T[K] };

/** `Later` over `Earlier`, as object spread does it. */
export type Override<Earlier, Later> = Simplify<Omit<Earlier, keyof Later> & Later>;

/** What `.api()` records of an API: what a caller sends and gets. */
export interface ApiShape<
  Sent = unknown,
  Result = unknown,
  Params = unknown,
  Query = unknown,
  Streams = boolean,
> {
  sent: Sent;
  result: Result;
  params: Params;
  query: Query;
  streams: Streams;
}

/** A danfojs DataFrame, told by its shape so that danfojs-node need not be installed. */
export interface DataFrameLike {
  readonly columns: string[];
  readonly shape: number[];
  readonly values: unknown;
}

/** A column each for the keys of an output: the fast way out. */
export type Columns<Item> = Item extends object
  ? { readonly [K in keyof Item]: ArrayLike<Item[K]> }
  : never;

/** The outputs of several items: one each, in order. */
export type Outputs<Item> = ArrayLike<Item> | Columns<Item> | DataFrameLike;

/** What describes one output: a zod schema for JSON, or an output made by an output function. */
export type AnyOutput = z.ZodType | Output;

/** Parameters without a schema are text. */
type TextParameters = z.ZodType<Readonly<Record<string, string>>, Readonly<Record<string, string>>>;

type HandlerArgument<I, Batch> = [Batch] extends [false] ? OneOf<I> : ManyOf<I>;

type HandlerResult<I, O, Batch> = [StreamsOf<O>] extends [true]
  ? AsyncIterable<ItemOf<O>> | Iterable<ItemOf<O>>
  : [Batch] extends [false]
    ? [CardinalityOf<I>] extends ["one"]
      ? ItemOf<O, "one"> | void
      : Outputs<ItemOf<O>> | void
    : Outputs<ItemOf<O, CardinalityOf<I>>>;

/** The declaration of one API. `input` and `output` describe one item. */
export interface ApiOptions<I extends Input, O, Batch, Ctx, Params = any, Query = any> {
  /** @default "POST", and "GET" for an API without input */
  method?: Method;
  /**
   * Path of the API, such as `v1/churn/predict`; a segment `:name` is a parameter.
   * @default the name of the API
   */
  route?: string;
  summary?: string;
  description?: string;
  /** What a request carries. Left out: no body. */
  input?: I;
  /**
   * One output: a zod schema for JSON, or what an output function makes. It is the contract, and
   * checked in the notebook. @default any JSON
   */
  output?: O;
  /** The zod object of the parameters of the path. @default each is text */
  params?: Params;
  /**
   * The zod object of the parameters of the query string. Numbers, truth values, bigints and dates
   * are read from their text. @default each is text
   */
  query?: Query;
  /** Gives the handler the items of several requests at once, within these limits. */
  batch?: Batch;
  /** A request as a caller writes it: shown on the page and used for warm-up. */
  example?: SentOf<I>;
  /** The parameters of the path and the query string that go with the example. */
  exampleParameters?: ExampleParameters;
  /**
   * The most requests in flight; further ones are refused with 503. A request counts until its
   * handler has really ended, also after its time is over or its client has gone. With `batch`,
   * those that wait count too. @default no limit
   */
  maxConcurrency?: number;
  /**
   * Milliseconds from the arrival of a request, the reading of its body included, after which it is
   * answered with 504. @default 60_000
   */
  timeoutMs?: number;
  /** The largest body in bytes. @default 33_554_432 (32 MiB) */
  maxBodyBytes?: number;
  /**
   * Answers the input. With `batch`, or with an input of many items, it returns exactly one output
   * an item, in order: an array, a DataFrame, or columns.
   */
  handler: (
    input: HandlerArgument<I, Batch>,
    context: Ctx,
  ) => HandlerResult<I, O, Batch> | Promise<HandlerResult<I, O, Batch>>;
}

type InputOf<P> = P extends z.ZodType ? z.input<P> : never;
type DataOf<P> = P extends z.ZodType ? z.output<P> : never;

type WithApi<S extends ServiceShape, Name extends string, I, O, Params, Query> = {
  models: S["models"];
  apis: Override<
    S["apis"],
    {
      [K in Name]: ApiShape<
        SentOf<I>,
        ResultOf<O, CardinalityOf<I>>,
        InputOf<Params>,
        InputOf<Query>,
        StreamsOf<O>
      >;
    }
  >;
  state: S["state"];
};

type WithModels<S extends ServiceShape, D> = {
  models: Override<S["models"], { [K in keyof D]: LoadedOf<D[K]> }>;
  apis: S["apis"];
  state: S["state"];
};

type WithState<S extends ServiceShape, State> = {
  models: S["models"];
  apis: S["apis"];
  state: State extends object ? Override<S["state"], State> : S["state"];
};

type IsAny<T> = 0 extends 1 & T ? true : false;

type SentArgument<Sent> = [IsAny<Sent>] extends [true]
  ? [input: Sent]
  : [Sent] extends [void]
    ? []
    : [input: Sent];

/** Options have to be given where a parameter has to be. */
type OptionsArgument<Options, Params, Query> = {} extends Params
  ? {} extends Query
    ? [options?: Options]
    : [options: Options & { query: Query }]
  : [options: Options & { params: Params } & ({} extends Query ? unknown : { query: Query })];

/** The arguments of a call: the input, if there is one, and what goes with it. */
export type CallArguments<Api, Options> =
  Api extends ApiShape<infer Sent, any, infer Params, infer Query, any>
    ? [...SentArgument<Sent>, ...OptionsArgument<Options, Params, Query>]
    : never;

/** Typed calls of the APIs, one function an API. */
export type Calls<Apis> = {
  readonly [K in keyof Apis]: Apis[K] extends ApiShape<any, infer Result, infer Params, infer Query>
    ? (...sent: CallArguments<Apis[K], CallOptions<Params, Query>>) => Promise<Result>
    : never;
};

/**
 * A prediction service. It never changes: each method answers a new, more precisely typed service,
 * so that a template is a service that others continue from.
 */
export interface Service<S extends ServiceShape = any> {
  readonly name: string;
  /** All that the service is, as plain data. */
  readonly definition: ServiceDefinition;
  /** The same service under another name. @throws TAG_INVALID */
  named(name: string): Service<S>;
  /** Adds models; a name that is there already is replaced. */
  models<D extends Record<string, ModelDefinition<any>>>(models: D): Service<WithModels<S, D>>;
  /** Adds an API; a name that is there already is replaced. @throws SERVICE_INVALID */
  api<
    Name extends string,
    I extends Input = NoInput,
    O extends AnyOutput = z.ZodAny,
    Batch extends BatchOptions | false = false,
    Params extends z.ZodType = TextParameters,
    Query extends z.ZodType = TextParameters,
  >(
    name: Name,
    options: ApiOptions<
      I,
      O,
      Batch,
      Context<S, DataOf<Params>, DataOf<Query>, Batch>,
      Params,
      Query
    >,
  ): Service<WithApi<S, Name, I, O, Params, Query>>;
  /** Adds a Hono middleware in front of every API, but not of probes, metrics and documents. */
  use(middleware: MiddlewareHandler): Service<S>;
  /**
   * Runs before each handler with its argument, which holds a whole batch where there is one. What
   * it returns, if anything, is what the handler gets; a request that it rejects is not answered by
   * the handler.
   */
  before(hook: (argument: any, context: Context<S>) => unknown): Service<S>;
  /**
   * Runs after each handler with what it returned. What the hook returns, if anything, takes its
   * place; there has to be one output an item as before.
   */
  after(hook: (outputs: any, context: Context<S>) => unknown): Service<S>;
  /**
   * Answers errors with bodies of the service's own: what it returns, made by `reject()`, takes the
   * place of the problem document. The hook added last is asked first.
   */
  onError(hook: ErrorHook): Service<S>;
  /**
   * Hands what is logged of requests to a sink of the service's own, such as a producer of Kafka: the
   * records that have gathered since its last call. It runs behind the backs of the requests; what it
   * throws, and records that it is too slow for, are counted in `ekiben_log_dropped_total`.
   */
  onRecord(hook: RecordHook, options?: RecordOptions): Service<S>;
  /**
   * What `POST /feedback` may say of an earlier answer, beside its `requestId`. Feedback of another
   * form is refused with 422. @default any JSON object @throws SERVICE_INVALID
   */
  feedback(schema: z.ZodType<object>): Service<S>;
  /** Runs once the models are loaded; what it returns is added to `state`. */
  setup<State>(
    hook: (context: LifecycleContext<S>) => State | Promise<State>,
  ): Service<WithState<S, Awaited<State>>>;
  /** Runs before the service says that it is ready. */
  warmup(hook: (context: LifecycleContext<S>) => unknown): Service<S>;
  /** Runs when the service has answered its last request. */
  close(hook: (context: LifecycleContext<S>) => unknown): Service<S>;
  /**
   * Sends a request to the dev server when it runs, and otherwise through the same app in process.
   * @throws EkibenError with the code of the answered problem.
   */
  readonly call: Calls<S["apis"]>;
  /** The Hono app of the service. Its models load at the first request. */
  readonly app: Hono;
  /** Serves the service from this process; resolves when it answers. @throws PORT_IN_USE */
  startDevServer(options?: DevServerOptions): Promise<DevServer>;
  /** Answers what was accepted, then frees the port; does nothing when no server runs. */
  stopDevServer(): Promise<void>;
  /** Saves the service from its cells as a bundle. @throws CAPTURE_FAILED and others */
  save(options?: SaveOptions): Promise<SavedBundle>;
}

/** The shape of a service that has nothing yet. */
export type EmptyShape = { models: {}; apis: {}; state: {} };
