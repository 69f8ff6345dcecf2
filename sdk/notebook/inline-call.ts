import { randomUUID } from "node:crypto";
import { Cancellation } from "../core/cancellation.js";
import { EkibenError, ERROR_CATALOGUE, type Problem } from "../core/errors.js";
import { isRejection } from "../core/rejection.js";
import { readSampleAnswer } from "../bundle/sample.js";
import { toRequestInit, toSentRequest } from "../http/sent-request.js";
import { frameOf } from "../frame/lazy-data-frame.js";
import type { EncodedBody } from "../inputs/input.js";
import type { ApiDefinition, ServiceDefinition } from "../service/definition.js";
import { parseEncoded, readExampleParameters } from "../service/example.js";
import type { CallOptions } from "../service/faces.js";
import { createWriter } from "../service/writer.js";
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
  { input, options }: { input: unknown; options: CallOptions },
): Promise<{ output: unknown; call: RecordedCall }> {
  const declared = definition.apis[api]!;
  const encoded = declared.input.encode(input);
  const requestId = randomUUID();
  const request = toSentRequest(declared, encoded, options);
  const init = toRequestInit({
    ...request,
    headers: { ...request.headers, "x-request-id": requestId },
  });
  const response =
    target.address === undefined
      ? await target.app.request(request.path, init)
      : await fetch(`${target.address}${request.path}`, init);
  const { mediaType, bytes } = await readSampleAnswer(response);
  if (!response.ok) {
    const text = Buffer.from(bytes).toString("utf8");
    throw toThrown(target.findError(requestId), response.status, text);
  }
  await rehearse(declared, { target, encoded, requestId, options });
  const output: unknown = readOutput(declared, response, { mediaType, bytes });
  const items = declared.input.cardinality === "many" ? countItems(input) : 1;
  return { output, call: { api, request, items } };
}

function countItems(input: unknown): number {
  return Array.isArray(input) ? input.length : (frameOf(input)?.rowCount ?? 1);
}

interface Rehearsal {
  target: Target;
  encoded: EncodedBody;
  requestId: string;
  options: CallOptions;
}

/** @throws what the handler threw */
async function rehearse(
  api: ApiDefinition,
  { target, encoded, requestId, options }: Rehearsal,
): Promise<void> {
  if (api.batch === undefined) return;
  const payload = await parseEncoded(api.input, encoded);
  const exampleParameters = { params: options.params ?? {}, query: options.query ?? {} };
  try {
    await target.runtime.apis.get(api.name)!.rehearse(payload, {
      id: requestId,
      headers: new Headers(options.headers),
      ...readExampleParameters({ ...api, exampleParameters }),
      writer: createWriter(api),
      cancellation: new Cancellation(),
    });
  } catch (error) {
    if (!isRejection(error)) throw toThrown(error, 500, "");
  } finally {
    await payload.release?.();
  }
}

/** The answer as the output reads it; what a middleware or `reject` has answered as the JSON it is. */
function readOutput(
  { input, output }: ApiDefinition,
  response: Response,
  { mediaType, bytes }: { mediaType: string; bytes: Uint8Array },
): unknown {
  const { cardinality } = input;
  if (output.mediaTypes(cardinality).includes(mediaType)) {
    const header = (name: string): string | null => response.headers.get(name);
    return output.read(bytes, { mediaType, cardinality, header });
  }
  const text = Buffer.from(bytes).toString("utf8");
  return text === "" ? undefined : (JSON.parse(text) as unknown);
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
    // A service may answer an error in words of its own, with a `code` among them.
    const isProblem = read?.type === `urn:ekiben:error:${read?.code}`;
    return isProblem && Object.hasOwn(ERROR_CATALOGUE, read?.code ?? "")
      ? (read as Problem)
      : undefined;
  } catch {
    return undefined;
  }
}
