import type { ShedReason } from "../batching/batch.js";
import { EkibenError } from "../core/errors.js";
import { Admission, type AdmissionContext, type ApiLoad, type Arrival } from "./admission.js";
import type { ApiDefinition } from "./definition.js";

/** The limits of all APIs of a service together. */
export interface ServiceLimits {
  /** The most requests in flight, from their arrival to the end of their work. @default no limit */
  maxConcurrency?: number;
  /**
   * The most bytes of request bodies in memory, of those that arrive, wait and are worked on. One
   * that is larger is taken when no other is there. @default 536_870_912 (512 MiB)
   */
  bodyBudgetBytes?: number;
}

/** Why a request was refused before it got to its handler. */
export type RefusalReason = ShedReason | "concurrency" | "service-concurrency" | "body-bytes";

/** What a request did after its client had been told that it takes too long. */
export interface LateEnd {
  requestId: string;
  /** Milliseconds that its work took. */
  tookMs: number;
  /** Milliseconds of them after the client was answered. */
  lateMs: number;
}

export interface GateObserver {
  refused?(api: string, reason: RefusalReason): void;
  late?(api: string, end: LateEnd): void;
}

export const DEFAULT_BODY_BUDGET_BYTES = 512 * 1024 * 1024;

/**
 * Counts what is in flight in a service, and refuses at once what would be too much: before a body
 * is read where that can be known.
 */
export class Gate {
  requests = 0;
  bytes = 0;
  /** The budget of `bytes`. */
  readonly maxBytes: number;
  readonly #maxRequests: number;
  readonly #observer: GateObserver;

  constructor(limits: ServiceLimits, observer: GateObserver) {
    this.#maxRequests = limits.maxConcurrency ?? Infinity;
    this.maxBytes = limits.bodyBudgetBytes ?? DEFAULT_BODY_BUDGET_BYTES;
    this.#observer = observer;
  }

  /** Lets a request in whose body is still to be read. @throws CONCURRENCY_EXCEEDED */
  admit(arrival: Arrival, context: AdmissionContext): Admission {
    if (this.requests >= this.#maxRequests) {
      this.#observer.refused?.(context.api.name, "service-concurrency");
      throw concurrencyExceeded("The service", this.#maxRequests, context.load);
    }
    // Its place is taken when the body is there: who sends slowly must not keep others from theirs.
    this.checkApi(context.api, context.load);
    this.requests++;
    return new Admission(arrival, context);
  }

  /** @throws CONCURRENCY_EXCEEDED when as many requests of the API as may be are at work */
  checkApi({ name, maxConcurrency }: ApiDefinition, load: ApiLoad): void {
    if (maxConcurrency === undefined || load.working < maxConcurrency) return;
    this.#observer.refused?.(name, "concurrency");
    throw concurrencyExceeded(`"${name}"`, maxConcurrency, load);
  }

  /** Called by an admission. @throws BODY_BUDGET_EXCEEDED */
  hold(bytes: number, by: Admission, api: string): void {
    const others = this.bytes - by.bytes;
    if (this.bytes + bytes > this.maxBytes && others > 0) {
      this.#observer.refused?.(api, "body-bytes");
      throw bodyBudgetExceeded(this.maxBytes, this.bytes + bytes);
    }
    this.bytes += bytes;
  }

  free(bytes: number): void {
    this.bytes -= bytes;
  }

  end(admission: Admission): void {
    this.requests--;
    this.bytes -= admission.bytes;
    admission.bytes = 0;
  }

  tellLate({ name }: ApiDefinition, end: LateEnd): void {
    this.#observer.late?.(name, end);
  }
}

function concurrencyExceeded(what: string, limit: number, { meanMs }: ApiLoad): EkibenError {
  return new EkibenError("CONCURRENCY_EXCEEDED", {
    detail: `${what} has ${limit} ${limit === 1 ? "request" : "requests"} in flight, as many as it may.`,
    hint: "Try again after `Retry-After`; raise `maxConcurrency`, or add processes, if it lasts.",
    expected: limit,
    received: limit + 1,
    retryAfter: Math.max(1, Math.ceil(meanMs / 1000)),
  });
}

function bodyBudgetExceeded(limit: number, received: number): EkibenError {
  return new EkibenError("BODY_BUDGET_EXCEEDED", {
    detail: `The request bodies that are under way here would have more than ${limit} bytes.`,
    hint: "Try again after `Retry-After`; send smaller requests, or fewer at once.",
    expected: limit,
    received,
    retryAfter: 1,
  });
}
