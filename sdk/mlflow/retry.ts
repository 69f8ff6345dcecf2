import { setTimeout as wait } from "node:timers/promises";
import type { EkibenError } from "../core/errors.js";

/** How often a request is sent before it is given up. */
export interface RetrySettings {
  readonly mostTries: number;
  /** Milliseconds before the second try; doubled each time. */
  readonly backoffMs: number;
}

export const USUAL_RETRIES: RetrySettings = { mostTries: 3, backoffMs: 500 };

const LONGEST_WAIT_MS = 30_000;

/** A failure that may be gone the next time. */
export class Transient extends Error {
  /** @param afterMs When the server said to try again. */
  constructor(
    readonly error: EkibenError,
    readonly afterMs?: number,
  ) {
    super(error.message);
  }
}

/** Tries again what failed for a moment; the last failure is thrown as what it is. */
export async function withRetries<Result>(
  { mostTries, backoffMs }: RetrySettings,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      if (tries >= mostTries) throw error.error;
      await wait(Math.min(LONGEST_WAIT_MS, error.afterMs ?? backoffMs * 2 ** (tries - 1)));
    }
  }
}
