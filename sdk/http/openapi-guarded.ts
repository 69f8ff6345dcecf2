export interface Operation {
  tags?: string[];
  responses: Record<string, ResponseObject>;
}

export interface ResponseObject {
  description?: string;
  headers?: object;
  content?: object;
}

export interface Document {
  paths?: Record<string, Record<string, Operation>>;
  components?: { responses?: object; [kind: string]: object | undefined };
}

/** An operation that stands behind the author's middlewares. */
export interface GuardedOperation {
  operation: Operation;
  /** The form of its refusals when that is one of another protocol; else they are problem documents. */
  ownForm: object | undefined;
}

/** The tags of the routes that stand behind middlewares and answer with problem documents. */
const APIS = ["APIs", "Feedback"];

/** The operations of a document that the author's middlewares stand in front of. */
export function* findGuarded({ paths = {} }: Document): Generator<GuardedOperation> {
  for (const operations of Object.values(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const isApi = operation.tags?.some((tag) => APIS.includes(tag)) === true;
      if (isApi) yield { operation, ownForm: undefined };
      // Of other protocols only what asks an API stands behind middlewares; probes never do.
      else if (method === "post") yield { operation, ownForm: operation.responses["400"]?.content };
    }
  }
}
