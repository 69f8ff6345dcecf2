import { toExampleRequest } from "../bundle/record-examples.js";
import { readSampleAnswer, toSample, type Sample } from "../bundle/sample.js";
import { toRequestInit } from "../http/sent-request.js";
import type { Service } from "../service/infer.js";
import type { Target } from "./inline-call.js";
import type { RecordedCall } from "./samples.js";

/** A sample with the headers that it does not keep. */
export interface AnsweredCall {
  sample: Sample;
  headers: Readonly<Record<string, string>>;
}

/** The answers that the service gives now, also for calls that an earlier definition answered. */
export async function answerCalls(
  { definition }: Service,
  calls: readonly RecordedCall[],
  { app }: Target,
): Promise<AnsweredCall[]> {
  const answered: AnsweredCall[] = [];
  for (const api of Object.values(definition.apis)) {
    const sent = calls.filter((call) => call.api === api.name).map(({ request }) => request);
    const example = sent.length > 0 ? undefined : toExampleRequest(api);
    for (const request of example === undefined ? sent : [example]) {
      const response = await app.request(request.path, toRequestInit(request));
      // Made for an input that the service does not take any more, or one that it fails on.
      if (!response.ok) {
        await response.body?.cancel();
        continue;
      }
      const answer = await readSampleAnswer(response);
      const sample = toSample(api.name, request, { answer, middleware: definition.middleware });
      const { headers } = request;
      const kept = sample.withheld.filter((name) => headers[name] !== undefined);
      answered.push({
        sample,
        headers: Object.fromEntries(kept.map((name) => [name, headers[name]!])),
      });
    }
  }
  return answered;
}
