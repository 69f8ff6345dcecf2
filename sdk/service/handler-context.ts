import { EkibenError } from "../core/errors.js";
import type { Payload } from "../inputs/input.js";
import type { Log, LogFields } from "../observability/log.js";
import { printJson } from "../outputs/print-json.js";
import type { OutputSlice } from "../outputs/output.js";
import type { Admission } from "./admission.js";
import type { Context, RequestHeaders, RequestItem } from "./context.js";
import type { ApiDefinition } from "./definition.js";
import type { Answer, Invocation } from "./runtime.js";

/** One request on its way to a handler. */
export interface Call {
  payload: Payload;
  invocation: Invocation;
  /** Held while a handler works on the payload; absent for a rehearsal. */
  admission?: Admission | undefined;
  /** For a part of a request: takes its outputs in place of writing them. */
  keep?(outputs: OutputSlice): void;
}

/** What the contexts of all calls of a service have in common. */
export type SharedContext = Pick<Context, "models" | "state" | "log" | "metrics">;

export type Rejected = Extract<Answer, { kind: "rejected" }>;

/** A request as its handler sees it; the signal is made when it is asked for. */
class Item implements RequestItem {
  readonly #invocation: Invocation;

  constructor(
    invocation: Invocation,
    readonly start: number,
    readonly end: number,
  ) {
    this.#invocation = invocation;
  }

  get id(): string {
    return this.#invocation.id;
  }

  get headers(): RequestHeaders {
    return this.#invocation.headers;
  }

  get params(): unknown {
    return this.#invocation.params;
  }

  get query(): unknown {
    return this.#invocation.query;
  }

  get signal(): AbortSignal {
    return this.#invocation.cancellation.signal;
  }
}

/** The requests of a batch in order, each with its part of the items. */
export function toRequestItems(calls: readonly Call[]): RequestItem[] {
  let end = 0;
  return calls.map(({ payload, invocation }) => {
    const start = end;
    end += payload.items;
    return new Item(invocation, start, end);
  });
}

/**
 * What a handler gets. Getters stand in the class: of an object literal they would make a hidden
 * class for each context, which keeps the requests until the old generation is collected.
 */
class HandlerContext implements Context {
  readonly models: Context["models"];
  readonly state: Context["state"];
  readonly metrics: Context["metrics"];
  readonly api: string;
  readonly items: readonly RequestItem[];
  readonly reject: Context["reject"];
  readonly #batches: boolean;
  readonly #sharedLog: Log;
  #log: Log | undefined;

  constructor(
    { name, batch }: Pick<ApiDefinition, "name" | "batch">,
    shared: SharedContext,
    items: readonly RequestItem[],
    rejections: Map<number, Rejected>,
  ) {
    this.models = shared.models;
    this.state = shared.state;
    this.metrics = shared.metrics;
    this.api = name;
    this.items = items;
    this.#batches = batch !== undefined;
    this.#sharedLog = shared.log;
    // A handler may take it out of its context, so it keeps no `this`. It has a name first: V8 makes
    // a function that is written down as the value of a property in the old generation.
    const reject: Context["reject"] = (index, status, body) => {
      checkRejection(items, index, status);
      rejections.set(index, toRejected({ status, body }));
    };
    this.reject = reject;
  }

  /** Made when it is asked for: most requests log nothing. */
  get log(): Log {
    return (this.#log ??= this.#sharedLog.child(toLogFields(this.items)));
  }

  get params(): unknown {
    return this.#batches ? refuseShared("params") : this.items[0]!.params;
  }

  get query(): unknown {
    return this.#batches ? refuseShared("query") : this.items[0]!.query;
  }
}

export function createContext(
  api: Pick<ApiDefinition, "name" | "batch">,
  shared: SharedContext,
  items: readonly RequestItem[],
): { context: Context; rejections: Map<number, Rejected> } {
  const rejections = new Map<number, Rejected>();
  return { context: new HandlerContext(api, shared, items, rejections), rejections };
}

function checkRejection(items: readonly RequestItem[], index: number, status: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= items.length) {
    throw new EkibenError("HANDLER_FAILED", {
      detail: `reject() got request ${index}, but the batch has ${items.length}.`,
      hint: "Count the requests in `items` from 0.",
    });
  }
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new EkibenError("HANDLER_FAILED", {
      detail: `reject() got the status ${status}.`,
      expected: "a status from 200 to 599",
      received: status,
    });
  }
}

/** The most ids of a batch that each of its log lines has. */
const MOST_IDS = 50;

/** What ties a line of a handler to its request, or to each request of its batch. */
function toLogFields(items: readonly RequestItem[]): LogFields {
  if (items.length === 1) return { requestId: items[0]!.id };
  return {
    requestId: items.slice(0, MOST_IDS).map(({ id }) => id),
    batchRequests: items.length,
  };
}

/** What a rejection answers its request with. */
export function toRejected({ status, body }: { status: number; body?: unknown }): Rejected {
  return { kind: "rejected", status, json: printJson(body ?? null) };
}

function refuseShared(name: string): never {
  throw new EkibenError("HANDLER_FAILED", {
    detail: `A batch holds several requests, each with its own ${name}.`,
    hint: `Read \`items[i].${name}\`.`,
  });
}
