import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as it was sent, with what the tests ask for. */
export interface SentSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly kind: number;
  /** Nanoseconds since 1970. */
  readonly began: bigint;
  readonly ended: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly failed: boolean;
  readonly service: Readonly<Record<string, unknown>>;
}

/** What takes OTLP over HTTP, in JSON. */
export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly SentSpan[];
  readonly requests: readonly { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** Waits until there are spans with these names, so many of each. */
  waitFor(counts: Readonly<Record<string, number>>): Promise<void>;
}

export async function startReceiver(): Promise<OtlpReceiver> {
  const spans: SentSpan[] = [];
  const requests: { path: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    requests.push({ path: request.url!, headers: request.headers });
    spans.push(...readSpans(JSON.parse(text)));
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    requests,
    async waitFor(counts) {
      const has = ([name, count]: [string, number]): boolean =>
        spans.filter((span) => span.name === name).length >= count;
      for (let tries = 0; !Object.entries(counts).every(has); tries++) {
        if (tries > 600) {
          throw new Error(`only these came: ${spans.map(({ name }) => name).join(", ")}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function readSpans({ resourceSpans }: any): SentSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }: any) =>
    scopeSpans.flatMap(({ spans }: any) =>
      spans.map((span: any) => ({
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        kind: span.kind,
        began: BigInt(span.startTimeUnixNano),
        ended: BigInt(span.endTimeUnixNano),
        attributes: readAttributes(span.attributes),
        links: (span.links ?? []).map(({ traceId, spanId }: any) => ({ traceId, spanId })),
        failed: span.status?.code === 2,
        service: readAttributes(resource.attributes),
      })),
    ),
  );
}

function readAttributes(attributes: any[] = []): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const [[kind, plain]] = Object.entries(value) as [[string, unknown]];
      return [key, kind === "intValue" ? Number(plain) : plain];
    }),
  );
}
