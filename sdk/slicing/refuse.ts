import { EkibenError } from "../core/errors.js";

/** Says why a service cannot be captured: the name, its cell, and what to do. */
export function refuse(detail: string, { hint }: { hint: string }): never {
  throw new EkibenError("CAPTURE_FAILED", { detail, hint });
}

/** ``via `handler`, `score` ``: how the service leads to a name, for messages. */
export function printPath(path: readonly string[]): string {
  if (path.length < 2) return "";
  return ` The service needs it: ${path.map((name) => `\`${name}\``).join(" → ")}.`;
}
