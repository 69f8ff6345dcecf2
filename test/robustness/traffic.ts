import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { expect } from "vitest";
import { CUSTOMERS, isRight } from "./churn.js";

export interface Answer {
  status: number;
  headers: Record<string, string | undefined>;
  body: string;
}

/** One request over a connection of the agent, or over one of its own. */
export function send(
  url: string,
  body: string | Buffer,
  options: { method?: string; headers?: Record<string, string>; agent?: Agent } = {},
): Promise<Answer> {
  const { method = "POST", headers = {}, agent } = options;
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method,
        agent: agent ?? false,
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          ...headers,
        },
      },
      (reply) => {
        let text = "";
        reply.setEncoding("utf8").on("data", (part: string) => (text += part));
        reply.on("end", () => {
          resolve({
            status: reply.statusCode!,
            headers: reply.headers as Record<string, string>,
            body: text,
          });
        });
        reply.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Predicts customers and says what is wrong with the answer, if anything. */
export async function predict(
  url: string,
  at: number,
  count: number,
  agent?: Agent,
): Promise<string | undefined> {
  const asked = Array.from(
    { length: count },
    (_, row) => CUSTOMERS[(at + row) % CUSTOMERS.length]!,
  );
  const body = JSON.stringify(asked.map(({ row }) => row));
  try {
    const answer = await send(`${url}/v1/predict`, body, agent === undefined ? {} : { agent });
    const right = answer.status === 200 && isRight(JSON.parse(answer.body), asked);
    return right ? undefined : `${answer.status} ${answer.body.slice(0, 200)}`;
  } catch (error) {
    return String(error);
  }
}

/** Runs `work` while four clients send good requests, all of which must be answered right. */
export async function amidGoodRequests<T>(url: string, work: () => Promise<T>): Promise<T> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  let running = true;
  let answered = 0;
  const wrong: string[] = [];
  const clients = Array.from({ length: 4 }, async (_, client) => {
    for (let at = client; running || at === client; at++) {
      const fault = await predict(url, at, 1 + (at % 5), agent);
      if (fault === undefined) answered++;
      else wrong.push(fault);
    }
  });
  try {
    return await work();
  } finally {
    running = false;
    await Promise.all(clients);
    agent.destroy();
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(answered).toBeGreaterThan(3);
    expect(await predict(url, 0, 3)).toBeUndefined();
  }
}

/** The request as text, for what a client of Node's does not do. */
export function toText(path: string, body: string, ...headers: string[]): string {
  const lines = ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`];
  const head = [`POST ${path} HTTP/1.1`, "Host: test", ...lines, ...headers];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** A bare connection and all that came over it. */
export interface Wire {
  readonly socket: Socket;
  /** Resolves when this many whole answers came, or the server has closed the connection. */
  answers(count: number): Promise<Answer[]>;
}

export async function openWire(url: string): Promise<Wire> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  // What was received before a reset still counts.
  socket.on("error", () => {});
  await once(socket, "connect");
  return {
    socket,
    async answers(count) {
      for (;;) {
        const found = readAnswers(Buffer.concat(chunks));
        if (found.length >= count || socket.closed) return found;
        await new Promise<void>((resolve) => {
          socket.once("data", () => resolve());
          socket.once("close", () => resolve());
        });
      }
    },
  };
}

function readAnswers(bytes: Buffer): Answer[] {
  const found: Answer[] = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf("\r\n\r\n", at);
    if (end === -1) return found;
    const [first, ...lines] = bytes.toString("latin1", at, end).split("\r\n");
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const status = Number(first!.split(" ")[1]);
    const stop = end + 4 + Number(headers["content-length"] ?? 0);
    if (stop > bytes.length) return found;
    if (status !== 100)
      found.push({ status, headers, body: bytes.toString("utf8", end + 4, stop) });
    at = stop;
  }
}

/** The problem document of an answer that is one. */
export function problemOf(answer: Answer | undefined): Record<string, unknown> {
  expect(answer?.headers["content-type"]).toBe("application/problem+json");
  const problem = JSON.parse(answer!.body) as Record<string, unknown>;
  expect(problem["requestId"]).toBe(answer!.headers["x-request-id"]);
  expect(problem["requestId"]).toMatch(/^[0-9a-f-]{36}$/);
  expect(problem["status"]).toBe(answer!.status);
  return problem;
}
