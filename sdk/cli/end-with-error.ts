import { printError } from "./print-error.js";

/** Writes what went wrong and ends the process: with 2 for wrong usage, else with 1. */
export function endWithError(error: unknown, verbose = false): never {
  printError(error, verbose || (process.env["EKIBEN_DEBUG"] ?? "") !== "");
  // A command that failed half-way may have left a timer or a socket behind.
  process.exit(isWrongUsage(error) ? 2 : 1);
}

/** What a new start will not mend. */
function isWrongUsage(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "SETTING_INVALID";
}
