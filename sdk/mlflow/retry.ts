import { setTimeout as wait } from "node:timers/promises";
import type { EkibenError } from "../core/errors.js";
import type { Settings } from "./settings.js";

const MOST_TRIES = 3;
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
  { backoffMs }: Pick<Settings, "backoffMs">,
  attempt: () => Promise<Result>,
  mostTries = MOST_TRIES,
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
