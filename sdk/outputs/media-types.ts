import { EkibenError } from "../core/errors.js";

export const JSON_TYPE = "application/json";
export const CSV_TYPE = "text/csv";
export const NDJSON_TYPE = "application/x-ndjson";
export const ARROW_STREAM_TYPE = "application/vnd.apache.arrow.stream";
export const EVENT_STREAM_TYPE = "text/event-stream";
export const BYTES_TYPE = "application/octet-stream";

/** The names of types and subtypes (RFC 6838, section 4.2), in lower case. */
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/;

/** @throws SERVICE_INVALID for what is no media type, or has parameters. */
export function checkMediaType(output: string, mediaType: string): void {
  if (typeof mediaType === "string" && MEDIA_TYPE.test(mediaType)) return;
  throw new EkibenError("SERVICE_INVALID", {
    detail: `${output}() got the media type ${JSON.stringify(mediaType)}.`,
    hint: "Write it in lower case and without parameters, such as text/markdown.",
    expected: "type/subtype",
    received: String(mediaType),
  });
}
