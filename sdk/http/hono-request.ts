import type { Context } from "hono";
import type { Cancellation } from "../core/cancellation.js";
import type { HeaderReader } from "../core/header-reader.js";
import type { Admission } from "../service/admission.js";
import { watchClient } from "./client-watch.js";
import { ApiRequest, type BodyReader } from "./api-request.js";
import { readBody, streamBody, type BodyLimits } from "./request-body.js";
import { NO_PARAMETERS, readQueryString } from "./request-parameters.js";
import { readTarget } from "./sender.js";

/** What is known of an API before a request comes. */
export interface RequestPlan extends Pick<BodyLimits, "maxBytes" | "untouched"> {
  /** Whether its route has parameters. */
  readonly hasParams: boolean;
}

/** A request as Hono has it. */
export class HonoRequest extends ApiRequest {
  readonly id: string;
  readonly method: string;
  readonly began: number;
  readonly headers: HeaderReader;
  readonly params: ApiRequest["params"];
  readonly query: ApiRequest["query"];
  readonly #context: Context;
  readonly #plan: RequestPlan;

  constructor(
    c: Context,
    { id, began, headers }: Pick<ApiRequest, "id" | "began" | "headers">,
    plan: RequestPlan,
  ) {
    super();
    this.id = id;
    this.method = c.req.method;
    this.began = began;
    this.headers = headers;
    this.params = plan.hasParams ? c.req.param() : NO_PARAMETERS;
    this.query = readQueryString(c.req.url);
    this.#context = c;
    this.#plan = plan;
  }

  elapsedMs(): number {
    return performance.now() - this.began;
  }

  target(): string {
    return readTarget(this.#context);
  }

  watch(): Cancellation {
    return watchClient(this.#context);
  }

  read(admission: Admission, reader: BodyReader): void {
    readBody(this.#context, this.headers, this.#toLimits(admission)).then(
      (bytes) => reader.takeBody(bytes),
      (error: unknown) => reader.reject(error),
    );
  }

  stream(admission: Admission): AsyncIterable<Uint8Array> {
    return streamBody(this.#context, this.headers, this.#toLimits(admission));
  }

  #toLimits(admission: Admission): BodyLimits {
    const { maxBytes, untouched } = this.#plan;
    return { maxBytes, untouched, admission };
  }
}
