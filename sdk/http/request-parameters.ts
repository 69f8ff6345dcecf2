import { createParameterReader } from "../inputs/parameters.js";
import type { ApiDefinition } from "../service/definition.js";

/** Parameters by name, as they were sent. */
export type Parameters = Readonly<Record<string, unknown>>;

export const NO_PARAMETERS: Parameters = Object.freeze({});

/** Reads what was sent by the schema of the API; without one it stays text. */
export function toReader(
  api: ApiDefinition,
  key: "params" | "query",
  where: "path" | "query",
): (sent: Parameters) => unknown {
  const schema = api[key];
  return schema === undefined ? (sent) => sent : createParameterReader(schema, where);
}

/** A name that came once has a text, one that came several times a list of texts. */
export function readQueryString(url: string): Parameters {
  const start = url.indexOf("?");
  if (start === -1) return NO_PARAMETERS;
  // Without a prototype, so that no name means anything but itself.
  const sent: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(url.slice(start))) {
    const before = sent[name];
    if (before === undefined) sent[name] = value;
    else if (typeof before === "string") sent[name] = [before, value];
    else before.push(value);
  }
  return sent;
}
