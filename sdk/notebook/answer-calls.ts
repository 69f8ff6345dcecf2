import type { Sample } from "../bundle/sample.js";
import type { Service } from "../service/infer.js";
import type { Target } from "./inline-call.js";
import type { RecordedCall } from "./samples.js";

/** The answers that the service gives now, also for calls that an earlier definition answered. */
export async function answerCalls(
  { definition }: Service,
  calls: readonly RecordedCall[],
  { app }: Target,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const { name, route, input, example } of Object.values(definition.apis)) {
    const sent = calls.filter((call) => call.api === name);
    const requests =
      sent.length > 0 || example === undefined ? sent : [{ api: name, ...input.encode(example) }];
    for (const { bytes, mediaType } of requests) {
      const response = await app.request(`/${route}`, {
        method: "POST",
        headers: { "content-type": mediaType },
        body: bytes as Uint8Array<ArrayBuffer>,
      });
      const text = await response.text();
      // Made for an input that the service does not take any more, or one that it fails on.
      if (!response.ok) continue;
      samples.push({
        api: name,
        route,
        request: { mediaType, bytes },
        answer: { status: response.status, json: JSON.parse(text) as unknown },
      });
    }
  }
  return samples;
}
