import type { EncodedBody } from "../inputs/input.js";
import type { ApiDefinition } from "../service/definition.js";
import { toPath } from "../service/route.js";

/** A request of an API as a client sends it. */
export interface SentRequest {
  method: string;
  /** With a leading slash and the query string. */
  path: string;
  headers: Record<string, string>;
  /** Absent for GET. */
  body?: Uint8Array;
}

export interface SentParameters {
  params?: Readonly<Record<string, unknown>>;
  query?: Readonly<Record<string, unknown>>;
  headers?: Readonly<Record<string, string>>;
}

/** Writes a request from what its input has encoded and from what goes with it. */
export function toSentRequest(
  { method, route }: Pick<ApiDefinition, "method" | "route">,
  { bytes, mediaType, headers }: EncodedBody,
  sent: SentParameters = {},
): SentRequest {
  const path = `${toPath(route, sent.params)}${printQuery(sent.query ?? {})}`;
  const own = { ...lowerCase(headers), ...lowerCase(sent.headers) };
  if (method === "GET") return { method, path, headers: own };
  return { method, path, headers: { "content-type": mediaType, ...own }, body: bytes };
}

/** What `fetch` and the app take. */
export function toRequestInit({ method, headers, body }: SentRequest): RequestInit {
  const init = { method, headers };
  return body === undefined ? init : { ...init, body: body as Uint8Array<ArrayBuffer> };
}

function lowerCase(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

function printQuery(query: Readonly<Record<string, unknown>>): string {
  const printed = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) printed.append(name, printParameter(one));
    }
  }
  return printed.size === 0 ? "" : `?${printed}`;
}

function printParameter(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}
