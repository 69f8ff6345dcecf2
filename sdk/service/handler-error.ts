import { EkibenError } from "../core/errors.js";
import { isRejection } from "../core/rejection.js";

/** What a handler threw: a rejection and an error of the catalogue as they are, all else as HANDLER_FAILED. */
export function toHandlerError(api: string, error: unknown): Error {
  if (error instanceof EkibenError || isRejection(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new EkibenError("HANDLER_FAILED", {
    detail: `The handler of "${api}" failed: ${message}`,
    cause: error,
  });
}
