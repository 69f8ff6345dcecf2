import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { EkibenError } from "../core/errors.js";
import type { RecordedCall } from "./recorded-call.js";

/** What a target answered. */
export interface TargetAnswer {
  readonly status: number;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly durationMs: number;
  /** Of a refusal for want of room or time: when to ask again. */
  readonly retryAfterMs: number | undefined;
}

/** A running service that recorded requests are sent to. */
export interface Target {
  readonly name: string;
  /** The path and query of a recorded request here; `undefined` when there is no such API. */
  toPath(call: RecordedCall): string | undefined;
  /** @throws Error when there is no answer */
  send(call: RecordedCall, path: string): Promise<TargetAnswer>;
  close(): void;
}

export interface TargetOptions {
  /** Sent along with each request, such as a key. */
  headers?: Readonly<Record<string, string>>;
  concurrency: number;
  /** Milliseconds for one answer. @default 120_000 */
  timeoutMs?: number;
}

interface Metadata {
  service?: string;
  version?: string;
  apis?: { name: string; method: string; path: string }[];
}

/** Routes of other protocols are the same everywhere. */
const PROTOCOL = /^\/(v2\/|invocations$)/;

/** Asks a service for its APIs. @throws COMMAND_INVALID when it does not answer as one of ours */
export async function openTarget(url: string, options: TargetOptions): Promise<Target> {
  const base = url.replace(/(?<!\/)\/+$/, "");
  const { headers = {}, timeoutMs = 120_000 } = options;
  const metadata = await readMetadata(base, headers);
  const paths = new Map(metadata.apis!.map(({ name, method, path }) => [name, { method, path }]));
  const secure = base.startsWith("https:");
  const agent = new (secure ? HttpsAgent : HttpAgent)({
    keepAlive: true,
    maxSockets: options.concurrency,
  });
  const request = secure ? httpsRequest : httpRequest;
  return {
    name: `${metadata.service ?? "service"}:${metadata.version ?? "development"} at ${base}`,
    toPath({ api, method, route, path, params, query }) {
      const suffix = query === "" ? "" : `?${query}`;
      // Another version of the service has other versions of its models.
      if (PROTOCOL.test(route)) return `${path.replace(/\/versions\/[^/]+/, "")}${suffix}`;
      const here = paths.get(api);
      if (here === undefined || here.method !== method) return undefined;
      const filled = here.path.replace(/:([^/]+)/g, (_, name: string) =>
        encodeURIComponent(params[name] ?? ""),
      );
      return `${filled}${suffix}`;
    },
    send: (call, path) =>
      new Promise((resolve, reject) => {
        const began = performance.now();
        const sent = request(
          `${base}${path}`,
          {
            method: call.method,
            agent,
            headers: {
              ...call.headers,
              ...headers,
              "x-request-id": `replay:${call.id}`.slice(0, 128),
              ...(call.body === undefined ? {} : { "content-length": call.body.byteLength }),
            },
            timeout: timeoutMs,
          },
          (reply) => {
            const chunks: Buffer[] = [];
            reply.on("data", (chunk: Buffer) => chunks.push(chunk));
            reply.on("error", reject);
            reply.on("end", () =>
              resolve({
                status: reply.statusCode!,
                mediaType: reply.headers["content-type"]?.split(";")[0]!.trim() ?? "",
                bytes: Buffer.concat(chunks),
                durationMs: performance.now() - began,
                retryAfterMs: readRetryAfter(reply),
              }),
            );
          },
        );
        sent.on("timeout", () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
        sent.on("error", reject);
        sent.end(call.body);
      }),
    close: () => agent.destroy(),
  };
}

function readRetryAfter({ statusCode, headers }: IncomingMessage): number | undefined {
  if (statusCode !== 429 && statusCode !== 503) return undefined;
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  return seconds >= 0 ? seconds * 1000 : undefined;
}

async function readMetadata(
  base: string,
  headers: Readonly<Record<string, string>>,
): Promise<Metadata> {
  try {
    const answer = await fetch(`${base}/metadata`, {
      headers,
      signal: AbortSignal.timeout(30_000),
    });
    const metadata = (await answer.json()) as Metadata;
    if (Array.isArray(metadata.apis)) return metadata;
    throw new Error(`it answers ${answer.status} without a list of APIs`);
  } catch (cause) {
    throw new EkibenError("COMMAND_INVALID", {
      detail: `${base}/metadata does not answer as a service does: ${(cause as Error).message}.`,
      hint: "Give the address of a service that runs, such as http://127.0.0.1:3000.",
      received: base,
      cause,
    });
  }
}
