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

/** A handler may take `reject` out of its context, so it keeps no `this`. */
export function createContext(
  { name: api, batch }: Pick<ApiDefinition, "name" | "batch">,
  shared: SharedContext,
  items: readonly RequestItem[],
): { context: Context; rejections: Map<number, Rejected> } {
  const rejections = new Map<number, Rejected>();
  let log: Log | undefined;
  const context: Context = {
    ...shared,
    // Made when it is asked for: most requests log nothing.
    get log() {
      return (log ??= shared.log.child(toLogFields(items)));
    },
    api,
    items,
    get params() {
      return batch === undefined ? items[0]!.params : refuseShared("params");
    },
    get query() {
      return batch === undefined ? items[0]!.query : refuseShared("query");
    },
    reject(index, status, body) {
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
      rejections.set(index, toRejected({ status, body }));
    },
  };
  return { context, rejections };
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
