import { z } from "zod";
import { EkibenError } from "../core/errors.js";

/** A request and its answer, recorded where the service was written. */
export interface Sample {
  api: string;
  /** Path without a leading slash. */
  route: string;
  request: { mediaType: string; bytes: Uint8Array };
  answer: { status: number; json: unknown };
}

const printed = z.object({
  api: z.string(),
  route: z.string(),
  request: z.object({
    mediaType: z.string(),
    text: z.string().optional(),
    base64: z.base64().optional(),
  }),
  answer: z.object({ status: z.number().int(), json: z.unknown() }),
});

/** The files of samples: `samples/<api>-1.json` and on, in the order given. */
export function toSampleFiles(samples: readonly Sample[]): Record<string, string> {
  const counts = new Map<string, number>();
  return Object.fromEntries(
    samples.map((sample) => {
      const count = (counts.get(sample.api) ?? 0) + 1;
      counts.set(sample.api, count);
      return [`samples/${sample.api}-${count}.json`, printSample(sample)];
    }),
  );
}

function printSample({ api, route, request, answer }: Sample): string {
  const { mediaType, bytes } = request;
  const text = decode(bytes);
  const body = text === undefined ? { base64: Buffer.from(bytes).toString("base64") } : { text };
  return `${JSON.stringify({ api, route, request: { mediaType, ...body }, answer }, null, 2)}\n`;
}

/** @throws BUNDLE_CORRUPT */
export function parseSample(text: string, where: string): Sample {
  try {
    const { api, route, request, answer } = printed.parse(JSON.parse(text));
    const bytes =
      request.base64 === undefined
        ? Buffer.from(request.text ?? "")
        : Buffer.from(request.base64, "base64");
    const { status, json } = answer;
    return {
      api,
      route,
      request: { mediaType: request.mediaType, bytes },
      answer: { status, json },
    };
  } catch (error) {
    throw new EkibenError("BUNDLE_CORRUPT", {
      detail: `${where} is not a sample: ${(error as Error).message}`,
      cause: error,
    });
  }
}

/** The text that the bytes are, or `undefined` when text would not give the same bytes again. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
