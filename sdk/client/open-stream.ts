import { ClientError } from "./client-error.js";
import { createStream } from "./client-stream.js";
import type { ApiContract } from "./contract.js";
import type { Deadline } from "./deadline.js";
import { toNetworkError } from "./exchange.js";
import { parseJson, toMediaType } from "./read-answer.js";
import { refuseAnswer } from "./read-problem.js";
import { readStream } from "./read-stream.js";

export interface StreamOptions {
  requestId: string;
  deadline: Deadline;
  /** Milliseconds for each further value. */
  limitMs: number;
  attempts: number;
}

/**
 * The stream of an answer, once its first value has come: until then the request may be sent again,
 * and afterwards never.
 * @throws ClientError
 */
export async function openStream(
  response: Response,
  { output }: ApiContract,
  { requestId, deadline, limitMs, attempts }: StreamOptions,
): Promise<AsyncIterableIterator<unknown>> {
  const { status, headers, url } = response;
  const facts = { status, requestId: headers.get("x-request-id") ?? requestId };
  const type = toMediaType(headers.get("content-type"));
  if (!output.mediaTypes.includes(type)) {
    const text = await response.text();
    if (type !== "application/json") throw refuseAnswer(response, text, facts);
    throw new ClientError("REQUEST_REJECTED", {
      ...facts,
      detail: `The service answered ${status} and no stream: ${text.slice(0, 200)}`,
      body: parseJson(text, facts),
    });
  }
  const values = readStream(response, type, facts);
  const first = await values.next();
  deadline.stop();

  async function next(): Promise<IteratorResult<unknown, void>> {
    deadline.start(limitMs);
    try {
      return await values.next();
    } catch (thrown) {
      const error =
        thrown instanceof ClientError
          ? thrown
          : toNetworkError(thrown, { url, deadline, requestId: facts.requestId }, status);
      throw Object.assign(error, { attempts });
    } finally {
      deadline.stop();
    }
  }

  return createStream(first, {
    next,
    end() {
      deadline.close();
      values.return().catch(() => {});
    },
  });
}
