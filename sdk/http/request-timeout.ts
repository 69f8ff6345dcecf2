import type { HeaderReader } from "../core/header-reader.js";

/**
 * For how many milliseconds the client waits, by the header `X-Request-Timeout-Ms`: no standard
 * header of HTTP says it in less than whole seconds. What is no whole number says nothing.
 */
export function readRequestTimeout(headers: HeaderReader): number | undefined {
  const sent = headers.get("x-request-timeout-ms");
  return sent !== null && /^\d{1,9}$/.test(sent) ? Number(sent) : undefined;
}
