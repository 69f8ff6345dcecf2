export { findClosestName as findSimilarName } from "../inputs/closest-name.js";

/** Names for a message: quoted, and at most `most` of them. */
export function printNames(names: readonly string[], most = 20): string {
  const shown = names.slice(0, most).map((name) => JSON.stringify(name));
  const rest = names.length - shown.length;
  return rest > 0 ? `${shown.join(", ")} and ${rest} more` : shown.join(", ");
}
