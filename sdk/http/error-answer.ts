import { isRejection } from "../core/rejection.js";
import { printJson } from "../outputs/print-json.js";
import type { ErrorHook, FailedRequest } from "../service/definition.js";
import type { AppOptions } from "./app-options.js";
import type { Answered } from "./api-request.js";
import { toProblemAnswer } from "./problem-response.js";

const JSON_TYPE = "application/json";

/** What the author's hooks know of an error, and how its problem is told. */
export interface ErrorFrame {
  failed: FailedRequest;
  options: AppOptions;
}

/**
 * Answers what was thrown: a rejection as it says, anything else as the hook says that was added
 * last, and else with its problem document.
 */
export async function answerError(
  error: unknown,
  hooks: readonly ErrorHook[],
  { failed, options }: ErrorFrame,
): Promise<Answered> {
  if (isRejection(error)) {
    try {
      return toRejectedAnswer(error.status, printJson(error.body ?? null), failed.id);
    } catch (unprintable) {
      return toProblemAnswer(unprintable, failed.id, options);
    }
  }
  // The log keeps what is behind an answer of the author's own, too.
  const problem = toProblemAnswer(error, failed.id, options);
  for (const hook of hooks.toReversed()) {
    try {
      const own = await hook(error, failed);
      if (!isRejection(own)) continue;
      // Headers such as `Retry-After` and `WWW-Authenticate` mean the same with any body.
      const headers = { ...problem.headers, "content-type": JSON_TYPE };
      return { status: own.status, headers, body: printJson(own.body ?? null) };
    } catch (thrown) {
      options.log.error("an onError hook failed", { requestId: failed.id, error: thrown });
    }
  }
  return problem;
}

/** The answer of a handler, an input or a hook in place of outputs. */
export function toRejectedAnswer(status: number, json: string, id: string): Answered {
  const headers = {
    "content-type": JSON_TYPE,
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "x-request-id": id,
  };
  return { status, headers, body: json };
}
