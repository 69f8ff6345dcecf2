import { randomUUID } from "node:crypto";
import { Cancellation } from "../core/cancellation.js";
import { EkibenError, ERROR_CATALOGUE, type Problem } from "../core/errors.js";
import type { ServiceDefinition } from "../service/definition.js";
import type { LocalServing } from "./local-apps.js";
import type { RecordedCall } from "./samples.js";

/** Sends one request to a service, over HTTP when it has an address. */
export interface Target extends LocalServing {
  readonly address?: string;
}

/**
 * Calls an API as a client would: same codec, same batcher, same answer. A batched API is then tried
 * with the request twice in one batch, so that a handler that cannot take a batch fails here.
 * @throws what the handler threw, or an EkibenError with the code of the answered problem.
 */
export async function callInline(
  definition: ServiceDefinition,
  target: Target,
  api: string,
  input: unknown,
): Promise<{ output: unknown; call: RecordedCall }> {
  const declared = definition.apis[api]!;
  const { bytes, mediaType } = declared.input.encode(input);
  const requestId = randomUUID();
  const path = `/${declared.route}`;
  const request: RequestInit = {
    method: "POST",
    headers: { "content-type": mediaType, "x-request-id": requestId },
    body: bytes,
  };
  const response =
    target.address === undefined
      ? await target.app.request(path, request)
      : await fetch(`${target.address}${path}`, request);
  const text = await response.text();
  if (!response.ok) throw toThrown(target.findError(requestId), response.status, text);

  const runtime = target.runtime.apis.get(api)!;
  const payload = await declared.input.parse({ bytes, mediaType, parameters: {} });
  try {
    await runtime.rehearse(payload, {
      id: requestId,
      headers: new Headers(),
      cancellation: new Cancellation(),
    });
  } catch (error) {
    throw toThrown(error, 500, "");
  }
  return { output: JSON.parse(text) as unknown, call: { api, bytes, mediaType } };
}

/** What the author threw comes first: its stack leads to the line in the cell. */
function toThrown(error: unknown, status: number, text: string): unknown {
  if (error instanceof EkibenError) {
    return error.code === "HANDLER_FAILED" && error.cause instanceof Error ? error.cause : error;
  }
  if (error !== undefined) return error;
  const problem = readProblem(text);
  if (problem === undefined) {
    return new EkibenError("REQUEST_REJECTED", {
      detail: `The service answered ${status}: ${text.slice(0, 500)}`,
      received: status,
    });
  }
  const { code, detail, hint, expected, received, issues, issueCount } = problem;
  return new EkibenError(code, {
    detail,
    ...(hint === undefined ? {} : { hint }),
    ...(expected === undefined ? {} : { expected }),
    ...(received === undefined ? {} : { received }),
    ...(issues === undefined ? {} : { issues }),
    ...(issueCount === undefined ? {} : { issueCount }),
  });
}

function readProblem(text: string): Problem | undefined {
  try {
    const read = JSON.parse(text) as Partial<Problem> | null;
    return read?.code !== undefined && read.code in ERROR_CATALOGUE ? (read as Problem) : undefined;
  } catch {
    return undefined;
  }
}
