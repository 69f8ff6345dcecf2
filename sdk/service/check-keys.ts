import { findClosestName, printNames } from "../core/closest-name.js";
import { EkibenError } from "../core/errors.js";

/**
 * Refuses an option that does not exist: a misspelt one would pass in silence, and its default with
 * it. The compiler says the same, but not to those who write JavaScript.
 * @throws SERVICE_INVALID
 */
export function checkKeys(where: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const near = findClosestName(unknown, known);
  throw new EkibenError("SERVICE_INVALID", {
    detail: `${where} has no option "${unknown}".`,
    hint: `${near === undefined ? "" : `Did you mean "${near}"? `}The options are ${printNames(known)}.`,
    received: unknown,
  });
}
