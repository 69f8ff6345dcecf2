import { EkibenError } from "../core/errors.js";

const DEEPEST = 8;

/**
 * What to say of an API whose example its own model cannot take, such as for want of a column: no
 * request with such a row can be answered. `undefined` when the example failed for another reason,
 * which may be one of this moment.
 */
export function toExampleMisfit(api: string, error: unknown): EkibenError | undefined {
  let found: unknown = error;
  // A handler may have thrown an error of its own because of it.
  for (let depth = 0; found instanceof Error && depth < DEEPEST; depth++, found = found.cause) {
    if (!(found instanceof EkibenError) || found.code !== "MODEL_INPUT_INVALID") continue;
    return new EkibenError("MODEL_INPUT_INVALID", {
      ...found.facts,
      detail: `The API ${JSON.stringify(api)} cannot answer its own example: ${found.facts.detail}`,
      hint:
        found.facts.hint ??
        "Compare the schema of its input with what the model takes, and mend the one, the other or the handler.",
      cause: error,
    });
  }
  return undefined;
}
