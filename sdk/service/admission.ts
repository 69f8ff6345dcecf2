import type { Cancellation } from "../core/cancellation.js";
import type { Clock } from "../core/clock.js";
import { EkibenError } from "../core/errors.js";
import type { Payload } from "../inputs/input.js";
import type { Deadline, Deadlines } from "./deadlines.js";
import type { ApiDefinition } from "./definition.js";
import type { Gate } from "./gate.js";

/** What is known of a request when it arrives. */
export interface Arrival {
  id: string;
  /** Aborted when the client has gone, and by the runtime when the time of the request is over. */
  cancellation: Cancellation;
  /** Milliseconds for which the client waits, when it said so; never longer than the API allows. */
  timeoutMs?: number | undefined;
  /** Milliseconds that have passed since it arrived. @default 0 */
  elapsedMs?: number | undefined;
}

/** The requests of one API that have begun their work and not ended it. */
export interface ApiLoad {
  working: number;
  /** How long the work of a request takes, a mean that fades; 0 until one has ended. */
  meanMs: number;
}

export interface AdmissionContext {
  api: ApiDefinition;
  gate: Gate;
  load: ApiLoad;
  clock: Clock;
  deadlines: Deadlines;
  /** Called once an admission. */
  onEnd(): void;
}

/**
 * A request from its arrival until its work has really ended: its time, the bytes of its body, and
 * its place among those that are in flight. All of it is given back when nobody uses it any more,
 * which may be long after the client was answered.
 */
export class Admission implements Deadline {
  previous: Deadline | undefined = undefined;
  next: Deadline | undefined = undefined;
  waits = false;
  readonly deadline: number;
  /** Bytes of the body that are held for it. */
  bytes = 0;
  readonly arrived: number;
  readonly cancellation: Cancellation;
  readonly id: string;
  readonly #context: AdmissionContext;
  readonly #limitMs: number;
  // Whoever asked for it is the first.
  #users = 1;
  #payload: Payload | undefined;
  #beganAt: number | undefined;
  #gaveUpAt: number | undefined;

  /** Made by `admit` only, which has counted it. */
  constructor({ id, cancellation, timeoutMs, elapsedMs = 0 }: Arrival, context: AdmissionContext) {
    const arrived = context.clock.now() - elapsedMs;
    const limitMs = Math.min(context.api.timeoutMs, timeoutMs ?? Infinity);
    this.deadline = arrived + limitMs;
    this.id = id;
    this.cancellation = cancellation;
    this.arrived = arrived;
    this.#context = context;
    this.#limitMs = limitMs;
    context.deadlines.add(this);
  }

  expire(): void {
    const { api, clock } = this.#context;
    const limitMs = this.#limitMs;
    this.#gaveUpAt = clock.now();
    this.cancellation.abort(
      this.#beganAt === undefined ? bodyTooSlow(api, limitMs) : tooSlow(api, limitMs),
    );
  }

  /** Counts further bytes that are held. @throws BODY_BUDGET_EXCEEDED when they do not fit */
  hold(bytes: number): void {
    const { gate, api } = this.#context;
    gate.hold(bytes, this, api.name);
    this.bytes += bytes;
  }

  /** Gives back bytes that are no longer in memory. */
  free(bytes: number): void {
    const freed = Math.min(bytes, this.bytes);
    this.bytes -= freed;
    this.#context.gate.free(freed);
  }

  /**
   * The body is there and the work begins, which ends with the last use. The payload is released
   * then, or at once when there is no place. Answers when that was, by the clock of the runtime.
   * @throws CONCURRENCY_EXCEEDED
   */
  begin(payload: Payload): number {
    const { api, gate, load, clock } = this.#context;
    try {
      gate.checkApi(api, load);
    } catch (error) {
      releasePayload(payload);
      throw error;
    }
    load.working++;
    this.#payload = payload;
    return (this.#beganAt = clock.now());
  }

  /** For whoever works on it; `give` ends that. */
  take(): void {
    this.#users++;
  }

  give(): void {
    if (--this.#users === 0) this.#end();
  }

  /** For whoever asked for it: the request has its answer, so that its time matters no more. */
  leave(): void {
    this.#context.deadlines.remove(this);
    this.give();
  }

  #end(): void {
    const { api, gate, load, clock, onEnd } = this.#context;
    gate.end(this);
    onEnd();
    if (this.#payload !== undefined) releasePayload(this.#payload);
    if (this.#beganAt === undefined) return;
    load.working--;
    const now = clock.now();
    const tookMs = now - this.#beganAt;
    load.meanMs = load.meanMs === 0 ? tookMs : load.meanMs + (tookMs - load.meanMs) / 16;
    const lateMs = this.#gaveUpAt === undefined ? 0 : now - this.#gaveUpAt;
    // What only waited ended when its time did.
    if (lateMs >= 1) gate.tellLate(api, { requestId: this.id, tookMs, lateMs });
  }
}

/** What cannot be removed from the disk is no reason to fail a request that has its answer. */
export function releasePayload(payload: Payload): void {
  const { release } = payload;
  if (release === undefined) return;
  // One of an author's own may throw, or answer no promise.
  new Promise((resolve) => resolve(release.call(payload))).catch(() => {});
}

function tooSlow({ name }: ApiDefinition, limitMs: number): EkibenError {
  return new EkibenError("REQUEST_TIMEOUT", {
    detail: `"${name}" did not answer within ${limitMs} ms.`,
  });
}

function bodyTooSlow({ name }: ApiDefinition, limitMs: number): EkibenError {
  return new EkibenError("REQUEST_INCOMPLETE", {
    detail: `The request to "${name}" had not arrived whole within ${limitMs} ms, the time for its answer.`,
    hint: "Send it faster or in smaller parts, or allow more time: `timeoutMs` of the API, or the header X-Request-Timeout-Ms.",
    expected: limitMs,
  });
}
