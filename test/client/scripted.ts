import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ServiceContract } from "../../sdk/client/contract.js";

export interface Received {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export type Answer =
  | ((response: ServerResponse, request: IncomingMessage) => void)
  | { status: number; headers?: Record<string, string>; body?: unknown };

export interface Scripted extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Everything but `/metadata`, in order. */
  readonly received: Received[];
  /** How often `/metadata` was asked for. */
  readonly described: () => number;
  /** What the next requests are answered with; the last one stays. */
  answers: Answer[];
  contract: ServiceContract | undefined;
}

/** A contract with `run`, which is JSON, `look`, which is GET, `talk` and `list`, which stream. */
export const CONTRACT: ServiceContract = {
  service: "scripted",
  apis: [
    {
      name: "run",
      method: "POST",
      path: "/run",
      input: { kind: "json", items: "one", mediaTypes: ["application/json"] },
      output: { kind: "json", streams: false, mediaTypes: ["application/json"] },
    },
    {
      name: "table",
      method: "POST",
      path: "/table",
      input: { kind: "dataframe", items: "many", mediaTypes: ["application/json"] },
      output: { kind: "json", streams: false, mediaTypes: ["application/json"] },
      limits: { maxBatchSize: 2, timeoutMs: 200 },
    },
    {
      name: "look",
      method: "GET",
      path: "/look",
      input: { kind: "none", items: "one", mediaTypes: [] },
      output: { kind: "json", streams: false, mediaTypes: ["application/json"] },
    },
    {
      name: "send",
      method: "POST",
      path: "/send",
      input: { kind: "file", items: "one", mediaTypes: ["application/octet-stream"] },
      output: { kind: "json", streams: false, mediaTypes: ["application/json"] },
    },
    {
      name: "talk",
      method: "POST",
      path: "/talk",
      input: { kind: "json", items: "one", mediaTypes: ["application/json"] },
      output: { kind: "eventStream", streams: true, mediaTypes: ["text/event-stream"] },
    },
    {
      name: "list",
      method: "POST",
      path: "/list",
      input: { kind: "json", items: "one", mediaTypes: ["application/json"] },
      output: { kind: "ndjsonStream", streams: true, mediaTypes: ["application/x-ndjson"] },
    },
  ],
};

/** A server that answers as a test says, request by request. */
export async function script(...answers: Answer[]): Promise<Scripted> {
  const received: Received[] = [];
  let described = 0;
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    if (url === "/metadata") {
      described++;
      const { contract } = scripted;
      response.writeHead(contract === undefined ? 404 : 200, {
        "content-type": "application/json",
      });
      response.end(JSON.stringify(contract ?? {}));
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      received.push({ method, path: url, headers, body: Buffer.concat(chunks).toString() });
      const answer = scripted.answers.length > 1 ? scripted.answers.shift()! : scripted.answers[0]!;
      if (typeof answer === "function") return answer(response, request);
      const { status, headers: own = {}, body } = answer;
      const text = typeof body === "string" ? body : JSON.stringify(body);
      response.writeHead(status, { "content-type": "application/json", ...own });
      response.end(text);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const scripted: Scripted = {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    described: () => described,
    answers,
    contract: CONTRACT,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return scripted;
}

/** A problem document as a service answers it. */
export function problem(
  code: string,
  status: number,
  { retryAfter, ...more }: Record<string, unknown> = {},
): Answer {
  const type = "application/problem+json";
  return {
    status,
    headers: {
      "content-type": type,
      ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
    },
    body: {
      type: `urn:ekiben:error:${code}`,
      title: code,
      status,
      code,
      detail: `${code} happened.`,
      requestId: "from-the-service",
      ...more,
    },
  };
}

export const ok = (body: unknown): Answer => ({ status: 200, body });

/** Cuts the connection without an answer. */
export const cut: Answer = (response) => {
  response.socket!.destroy();
};
