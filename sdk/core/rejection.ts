import { EkibenError } from "./errors.js";

/**
 * An answer that stands in for outputs: thrown it answers a whole request, and among the items of an
 * input it answers that item.
 */
export class Rejection extends Error {
  /** The HTTP status, 200 to 599. */
  readonly status: number;
  /** Sent as JSON. */
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    super(`The request was answered with ${status} before the handler.`);
    this.name = "Rejection";
    this.status = status;
    this.body = body;
  }
}

/**
 * Makes the answer of a request that shall not reach its handler, for `throw reject(422, { … })`. The
 * status may be 200, for clients that read an error code of their own from the body.
 * @throws SERVICE_INVALID for a status outside of 200 to 599.
 */
export function reject(status: number, body: unknown = null): Rejection {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `reject() got the status ${String(status)}.`,
      expected: "a status from 200 to 599",
      received: String(status),
    });
  }
  return new Rejection(status, body);
}

/** Tells a rejection, also one that another copy of this package has made. */
export function isRejection(value: unknown): value is Rejection {
  return value instanceof Rejection || (value instanceof Error && value.name === "Rejection");
}
