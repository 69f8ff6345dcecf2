import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { MiddlewareHandler } from "hono";
import { z } from "zod";
import { EkibenError } from "../core/errors.js";
import type { RecordedAnswer, RecordedAnswers } from "../http/openapi-answer.js";
import { findGuards } from "../http/guards/guard-facts.js";
import type { SentRequest } from "../http/sent-request.js";
import type { Bundle } from "./load.js";

/** A request and its answer, recorded where the service was written. */
export interface Sample {
  api: string;
  request: SentRequest;
  /** Names of headers that it needs and that are not kept, since they may hold a secret. */
  withheld: readonly string[];
  answer: SampleAnswer;
}

export interface SampleAnswer {
  status: number;
  /** Without parameters. */
  mediaType: string;
  bytes: Uint8Array;
}

const body = z.object({
  json: z.unknown().optional(),
  text: z.string().optional(),
  base64: z.base64().optional(),
});

const printed = z.object({
  api: z.string(),
  request: body.extend({
    method: z.enum(["GET", "POST"]),
    path: z.string().startsWith("/"),
    headers: z.record(z.string(), z.string()),
    withheld: z.array(z.string()).optional(),
  }),
  answer: body.extend({ status: z.number().int(), mediaType: z.string() }),
});

const SECRET = /auth|cookie|key|token|secret|password|session|credential/i;

/** A sample without what may be a secret among its headers, and without what its guards read. */
export function toSample(
  api: string,
  request: SentRequest,
  { answer, middleware }: { answer: SampleAnswer; middleware: readonly MiddlewareHandler[] },
): Sample {
  const needed = findGuards(middleware).map(({ header }) => header);
  const secret = Object.keys(request.headers).filter((name) => SECRET.test(name));
  const withheld = [...new Set([...secret, ...needed])];
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !withheld.includes(name)),
  );
  return { api, request: { ...request, headers }, withheld, answer };
}

/** The samples that a bundle lists, by their paths, in the order they were written in. @throws BUNDLE_CORRUPT */
export async function readSamples({ directory, manifest }: Bundle): Promise<[string, Sample][]> {
  const paths = manifest.files
    .map(({ path }) => path)
    .filter((path) => path.startsWith("samples/") && path.endsWith(".json"))
    // As they were written: the tenth comes after the ninth.
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return Promise.all(
    paths.map(async (path): Promise<[string, Sample]> => [
      path,
      parseSample(await readFile(join(directory, path), "utf8"), path),
    ]),
  );
}

/** What the OpenAPI document shows of samples: answers with outputs, the first of each media type. */
export function toRecordedAnswers(samples: readonly Sample[]): RecordedAnswers {
  const answers: Record<string, RecordedAnswer[]> = {};
  for (const { api, answer } of samples) {
    const known = (answers[api] ??= []);
    const { status, mediaType, bytes } = answer;
    if (status !== 200 || known.some((one) => one.mediaType === mediaType)) continue;
    const text = decode(bytes);
    if (text === undefined || text === "") continue;
    known.push({ mediaType, value: isJson(mediaType) ? (JSON.parse(text) as unknown) : text });
  }
  return answers;
}

/** What a response answers, as a sample keeps it. */
export async function readSampleAnswer(response: Response): Promise<SampleAnswer> {
  const mediaType = response.headers.get("content-type")?.split(";")[0]!.trim() ?? "";
  return {
    status: response.status,
    mediaType,
    bytes: new Uint8Array(await response.arrayBuffer()),
  };
}

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

function printSample({ api, request, withheld, answer }: Sample): string {
  const { method, path, headers } = request;
  const { status, mediaType } = answer;
  const sample = {
    api,
    request: {
      method,
      path,
      headers,
      ...(withheld.length === 0 ? {} : { withheld }),
      ...(request.body === undefined ? {} : printBytes(request.body)),
    },
    answer: { status, mediaType, ...printAnswer(answer) },
  };
  return `${JSON.stringify(sample, null, 2)}\n`;
}

/** JSON is shown as such; what stands there is what a client reads, not each of its bytes. */
function printAnswer({ mediaType, bytes }: SampleAnswer): z.output<typeof body> {
  if (!isJson(mediaType)) return printBytes(bytes);
  const text = Buffer.from(bytes).toString("utf8");
  return text === "" ? { text } : { json: JSON.parse(text) as unknown };
}

function printBytes(bytes: Uint8Array): z.output<typeof body> {
  const text = decode(bytes);
  return text === undefined ? { base64: Buffer.from(bytes).toString("base64") } : { text };
}

/** @throws BUNDLE_CORRUPT */
export function parseSample(text: string, where: string): Sample {
  try {
    const { api, request, answer } = printed.parse(JSON.parse(text));
    const { method, path, headers, withheld = [] } = request;
    const { status, mediaType } = answer;
    const sent: SentRequest = { method, path, headers };
    if (method === "POST") sent.body = readBytes(request);
    return {
      api,
      request: sent,
      withheld,
      answer: { status, mediaType, bytes: readBytes(answer) },
    };
  } catch (error) {
    throw new EkibenError("BUNDLE_CORRUPT", {
      detail: `${where} is not a sample: ${(error as Error).message}`,
      cause: error,
    });
  }
}

function readBytes({ json, text, base64 }: z.output<typeof body>): Uint8Array {
  if (base64 !== undefined) return Buffer.from(base64, "base64");
  return Buffer.from(text ?? (json === undefined ? "" : JSON.stringify(json)));
}

export function isJson(mediaType: string): boolean {
  return mediaType === "application/json" || mediaType.endsWith("+json");
}

/** The text that the bytes are, or `undefined` when text would not give the same bytes again. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
