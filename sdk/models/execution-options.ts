import { EkibenError } from "../core/errors.js";
import type { ExecutionMode, ExecutionOptions } from "./engine.js";

const MODES: readonly ExecutionMode[] = ["auto", "loop", "worker"];
const MOST_WORKERS = 64;

/** @throws SERVICE_INVALID for a place that does not exist, and for a number of workers that is none. */
export function checkExecutionOptions(
  owner: string,
  { execution = "auto", workers = 1 }: ExecutionOptions,
): void {
  if (!MODES.includes(execution)) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `The option \`execution\` of ${owner} is ${JSON.stringify(execution)}.`,
      hint: 'Use "auto", "loop" or "worker".',
      expected: MODES.join(", "),
      received: String(execution),
    });
  }
  if (!Number.isInteger(workers) || workers < 1 || workers > MOST_WORKERS) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `The option \`workers\` of ${owner} is ${String(workers)}.`,
      hint: `Use a whole number from 1 to ${MOST_WORKERS}.`,
      expected: `1 to ${MOST_WORKERS}`,
      received: String(workers),
    });
  }
  if (execution === "loop" && workers > 1) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `${owner[0]!.toUpperCase()}${owner.slice(1)} has ${workers} workers, and \`execution: "loop"\` uses none.`,
      hint: 'Leave out `workers`, or use execution: "worker".',
    });
  }
}
