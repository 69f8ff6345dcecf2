import type { LogFields } from "./read-log.js";

/** A request as the prediction log has it, and what was answered. */
export interface RecordedCall {
  readonly id: string;
  readonly api: string;
  readonly method: string;
  readonly route: string;
  readonly path: string;
  readonly query: string;
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent for a request without a body. */
  readonly body: Uint8Array | undefined;
  readonly status: number;
  readonly answer: { readonly mediaType: string; readonly bytes: Uint8Array };
  readonly durationMs: number;
}

/** Why a record cannot be replayed or compared. */
export type SkipReason =
  | "redacted"
  | "truncated"
  | "omitted"
  | "body not read"
  | "not answered"
  | "not a prediction"
  | "no such API";

/** What depends on the load of that time, and on the client: refused for want of room or time, or gone. */
const NOT_ANSWERED: ReadonlySet<number> = new Set([408, 429, 499, 503, 504]);
const REDACTED = "[REDACTED]";

/** Reads a record, or says why it is none that can be sent again. */
export function readCall(fields: LogFields): RecordedCall | SkipReason {
  const text = (name: string): string => {
    const value = fields[name];
    return typeof value === "string" ? value : "";
  };
  const id = text("http.request.id");
  const status = fields["http.response.status_code"];
  if (fields["message"] !== "prediction" || id === "" || typeof status !== "number") {
    return "not a prediction";
  }
  if (NOT_ANSWERED.has(status)) return "not answered";
  // Who compares what is not whole finds differences that there are not.
  for (const side of ["input", "output"]) {
    const change = text(`ekiben.${side}.change`);
    if (change === "redacted" || change === "truncated" || change === "omitted") return change;
  }
  const query = text("url.query");
  const params = text("ekiben.params");
  if (decodeURIComponent(query).includes(REDACTED) || params.includes(REDACTED)) return "redacted";
  const method = text("http.request.method");
  const body = readBody(fields, "input");
  if (body === undefined && method === "POST" && fields["ekiben.input.bytes"] === undefined) {
    return "body not read";
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields)) {
    const header = /^http\.request\.headers\.(.+)$/.exec(name)?.[1];
    if (header !== undefined && value !== REDACTED) headers[header] = String(value);
  }
  const mediaType = text("ekiben.input.media_type");
  if (mediaType !== "") headers["content-type"] = mediaType;
  const answered = text("ekiben.output.media_type");
  if (status < 300 && answered !== "") headers["accept"] = answered;
  return {
    id,
    api: text("ekiben.api"),
    method,
    route: text("http.route"),
    path: text("url.path"),
    query,
    params: params === "" ? {} : (JSON.parse(params) as Record<string, string>),
    headers,
    body,
    status,
    answer: { mediaType: answered, bytes: readBody(fields, "output") ?? new Uint8Array() },
    durationMs: Number(fields["event.duration"] ?? Number.NaN) / 1e6,
  };
}

function readBody(fields: LogFields, side: string): Uint8Array | undefined {
  const base64 = fields[`ekiben.${side}.base64`];
  if (typeof base64 === "string") return Buffer.from(base64, "base64");
  const body = fields[`ekiben.${side}.body`];
  return typeof body === "string" ? Buffer.from(body) : undefined;
}
