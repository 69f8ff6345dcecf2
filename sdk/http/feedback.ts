import type { Context, Hono, MiddlewareHandler } from "hono";
import { EkibenError } from "../core/errors.js";
import { describeValue } from "../inputs/findings.js";
import { isJsonType, parseJson, readText, refuseMediaType } from "../inputs/json-text.js";
import { watchClient } from "./client-watch.js";
import { parseMediaType } from "../inputs/media-type.js";
import { createValueReader } from "../inputs/value-reader.js";
import type { FeedbackFacts } from "../observability/records/record.js";
import type { ServiceDefinition } from "../service/definition.js";
import { ANY_FEEDBACK, REQUEST_ID } from "../service/feedback.js";
import type { AppOptions } from "./app-options.js";
import type { Answered } from "./api-request.js";
import { toResponseBody } from "./endpoint.js";
import { BYTES, createEntry, record, type Refuse } from "./entry.js";
import { toProblemAnswer, toProblemResponse } from "./problem-response.js";
import { readBody } from "./request-body.js";
import { beginTrace, tracedOf, withTrace, type Traced } from "./request-trace.js";
import { isRequestId, toRequestId } from "./request-id.js";

export const FEEDBACK_PATH = "/feedback";
/** The largest body of feedback in bytes. */
export const MAX_FEEDBACK_BYTES = 64 * 1024;

/** Whether feedback that is taken goes anywhere. */
export function takesFeedback({ requestLog }: AppOptions): boolean {
  return requestLog === undefined || requestLog.keeps("feedback");
}

/**
 * Mounts `POST /feedback` behind the author's middlewares: who may ask may also say how the answer
 * turned out. Feedback is written down, and joined to its prediction by who reads the logs.
 */
export function mountFeedback(app: Hono, definition: ServiceDefinition, options: AppOptions): void {
  if (!takesFeedback(options)) return;
  const { middleware, feedback = ANY_FEEDBACK } = definition;
  // Compiled when the first feedback comes: a start does not wait for it.
  let reader: ((value: unknown) => unknown) | undefined;
  const read = (value: unknown): unknown =>
    (reader ??= createValueReader(feedback, "feedback"))(value);
  const limits = { maxBytes: MAX_FEEDBACK_BYTES, untouched: middleware.length === 0 };

  async function answer(c: Context, ownId: string, trace: Traced["trace"]): Promise<Answered> {
    try {
      const facts = await readFeedback(c, ownId);
      put(options, { ...facts, trace: trace?.fields });
      return {
        // It is written later.
        status: 202,
        headers: {
          "content-type": "application/json",
          "x-content-type-options": "nosniff",
          "x-request-id": ownId,
        },
        body: JSON.stringify({ status: "accepted", [REQUEST_ID]: facts.requestId }),
      };
    } catch (error) {
      return toProblemAnswer(error, ownId, options);
    }
  }

  async function readFeedback(c: Context, ownId: string): Promise<FeedbackFacts> {
    const { headers } = c.req.raw;
    const { mediaType, parameters } = parseMediaType(headers.get("content-type"));
    const bytes = await readBody(c, headers, { ...limits, admission: toSmallAdmission(c) });
    const body = { bytes, mediaType, parameters, headers };
    if (!isJsonType(mediaType)) refuseMediaType(body, ["application/json"]);
    const sent = parseJson(readText(body));
    if (sent === null || typeof sent !== "object" || Array.isArray(sent)) {
      throw invalid("it is no object", describeValue(sent));
    }
    const { [REQUEST_ID]: requestId, ...said } = sent as Record<string, unknown>;
    if (!isRequestId(requestId)) {
      throw invalid(`it has no "${REQUEST_ID}"`, describeValue(requestId), REQUEST_ID);
    }
    return { requestId, ownId, fields: read(said) as Record<string, unknown> };
  }

  const path = FEEDBACK_PATH;
  if (middleware.length === 0) {
    app.post(path, async (c) => {
      const began = performance.now();
      const id = toRequestId(c.req.header("x-request-id"));
      options.serviceMetrics?.begin(path, "POST");
      const about = { id, method: "POST", route: path, headers: c.req.raw.headers, began };
      const traced: Traced = { trace: beginTrace(options, about) };
      const answered = withTrace(await answer(c, id, traced.trace), traced.trace);
      const { status, headers } = answered;
      const end = (bytesOut: number): void =>
        record(options, { path, id, method: "POST", status, began, from: c, bytesOut, traced });
      return new Response(toResponseBody(answered, end), { status, headers });
    });
    return;
  }
  // Not the hooks of the APIs, which know what they refuse by its API.
  const refuse: Refuse = (error, c) => {
    const id = c.get("requestId") as string;
    if ((error as { code?: unknown }).code === "RATE_LIMITED") {
      options.serviceMetrics?.observer.shed("feedback", "rate-limit");
    }
    return Promise.resolve(toProblemResponse(error, id, options));
  };
  const handler = async (c: Context): Promise<Response> => {
    const id = c.get("requestId") as string;
    const answered = await answer(c, id, tracedOf(c)?.trace);
    const body = toResponseBody(answered, (bytesOut) => c.set(BYTES, { bytesOut }));
    return c.newResponse(body as string, answered.status as 202, answered.headers);
  };
  const stack = [createEntry(path, options, refuse), ...middleware, handler];
  app.on("POST", [path], ...(stack as [MiddlewareHandler]));
}

function put({ requestLog, log }: AppOptions, facts: FeedbackFacts): void {
  // A notebook shows it where its other lines are.
  if (requestLog === undefined)
    log.info("feedback", { ...facts.fields, ...facts.trace, requestId: facts.requestId });
  else if (requestLog.wants("feedback", facts.requestId)) requestLog.feedback(facts);
}

function invalid(what: string, received: string, path?: string): EkibenError {
  return new EkibenError("INPUT_INVALID", {
    detail: `The feedback cannot be taken: ${what}.`,
    hint: `Send an object with the X-Request-Id of the answer as "${REQUEST_ID}", and what there is to say of it.`,
    expected: `{ "${REQUEST_ID}": …, … }`,
    received,
    ...(path === undefined ? {} : { issues: [{ path, message: what, received }] }),
  });
}

/** Small bodies of no API: they count nowhere, and are given up when their client goes. */
function toSmallAdmission(c: Context) {
  return { cancellation: watchClient(c), hold() {}, free() {} };
}
