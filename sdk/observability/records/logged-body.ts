import { isUtf8 } from "node:buffer";
import type { Redactor } from "./redact.js";

/** The body of a request or an answer. */
export interface Body {
  /** Absent when it was handed on as it came, and never was in memory. */
  bytes?: string | Uint8Array;
  /** Without parameters, in lower case; empty when it was not told. */
  mediaType: string;
  /** How many bytes there were, when `bytes` is only their beginning. */
  total?: number | undefined;
}

/** A body as a line holds it: text as it was, other bytes in base64. */
export interface LoggedBody {
  mediaType: string;
  /** Of the body as it was. */
  total: number;
  /** Absent when it was left out. */
  text?: string;
  base64?: string;
  /** What was done to it: values replaced, the end cut off, or all of it left out. */
  change?: "redacted" | "truncated" | "omitted";
}

/** A body as it may be logged; nothing is cut yet. */
export function toLoggedBody(body: Body, redactor: Redactor, rows: boolean): LoggedBody {
  const { bytes, mediaType } = body;
  if (bytes === undefined) return { mediaType, total: body.total ?? 0, change: "omitted" };
  const length = typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes.byteLength;
  const total = body.total ?? length;
  const isCut = total > length;
  if (typeof bytes !== "string" && !isUtf8(bytes) && !isCut) {
    if (redactor.mayHide(mediaType)) return { mediaType, total, change: "omitted" };
    return { mediaType, total, base64: toBuffer(bytes).toString("base64") };
  }
  const text = typeof bytes === "string" ? bytes : toBuffer(bytes).toString("utf8");
  if (!redactor.active) return { mediaType, total, text, ...(isCut ? { change: TRUNCATED } : {}) };
  // The beginning of a text cannot be read to its end, so nothing can be found in it.
  if (isCut && redactor.mayHide(mediaType)) return { mediaType, total, change: "omitted" };
  const redacted = redactor.body(text, mediaType, rows);
  if (redacted.text === undefined) return { mediaType, total, change: "omitted" };
  return {
    mediaType,
    total,
    text: redacted.text,
    ...(redacted.changed ? { change: "redacted" as const } : isCut ? { change: TRUNCATED } : {}),
  };
}

const TRUNCATED = "truncated" as const;

/** A body of at most so many characters; of bytes the beginning alone is of no use to anybody. */
export function cutBody(body: LoggedBody, most: number): LoggedBody {
  const { mediaType, total, text } = body;
  if ((text ?? body.base64 ?? "").length <= most) return body;
  if (text === undefined) return { mediaType, total, change: "omitted" };
  const end = isHighSurrogate(text.charCodeAt(most - 1)) ? most - 1 : most;
  return { mediaType, total, text: text.slice(0, Math.max(0, end)), change: "truncated" };
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
