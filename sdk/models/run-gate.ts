import { EkibenError } from "../core/errors.js";
import { UnderWay } from "../core/under-way.js";

/** Lets runs of a model through until it is released, and its memory go after the last of them. */
export interface RunGate {
  /** @throws MODEL_RUN_FAILED once the model has been released. */
  run<Result>(work: () => Result | Promise<Result>): Promise<Result>;
  /** Waits for runs that have begun, then frees; a second call waits for the same. */
  close(free: () => unknown): Promise<void>;
}

export function createRunGate(model: string): RunGate {
  const runs = new UnderWay();
  let closed: Promise<void> | undefined;
  return {
    async run(work) {
      if (closed !== undefined) {
        throw new EkibenError("MODEL_RUN_FAILED", {
          detail: `The model ${JSON.stringify(model)} has been released.`,
          hint: "Load it again before running it.",
        });
      }
      runs.begin();
      try {
        return await work();
      } finally {
        runs.end();
      }
    },
    close(free) {
      closed ??= runs.ended().then(async () => {
        await free();
      });
      return closed;
    },
  };
}
