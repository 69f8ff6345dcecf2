import type { Payload } from "../inputs/input.js";

/**
 * Who still needs what a payload holds outside of memory. A request that is given up while its batch
 * runs is answered at once, and its handler goes on reading.
 */
export class Lease {
  readonly #payload: Payload;
  #users = 0;

  constructor(payload: Payload) {
    this.#payload = payload;
  }

  take(): void {
    this.#users++;
  }

  /** Releases the payload when nobody needs it any more. */
  give(): void {
    if (--this.#users === 0) releasePayload(this.#payload);
  }
}

/** What cannot be removed from the disk is no reason to fail a request that has its answer. */
export function releasePayload(payload: Payload): void {
  const { release } = payload;
  if (release === undefined) return;
  // One of an author's own may throw, or answer no promise.
  new Promise((resolve) => resolve(release.call(payload))).catch(() => {});
}
