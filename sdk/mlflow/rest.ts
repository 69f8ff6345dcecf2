import type { IncomingHttpHeaders } from "node:http";
import { EkibenError, type ErrorCode, type ErrorFacts } from "../core/errors.js";
import { printUrl, readBody, send, type Outgoing } from "./exchange.js";
import { Transient, withRetries } from "./retry.js";
import type { Settings } from "./settings.js";

/** What MLflow says when it refuses: its own code, and a text. */
export interface Refusal {
  readonly status: number;
  /** Absent when the answer was no JSON of MLflow: a proxy, an unknown route, missing credentials. */
  readonly errorCode?: string;
  readonly message: string;
}

/** A refusal as an error, for those who know what it means where they asked. */
export class RefusedError extends EkibenError {
  constructor(
    code: ErrorCode,
    facts: ErrorFacts,
    readonly refusal: Refusal,
  ) {
    super(code, facts);
  }
}

export interface Question {
  method: Outgoing["method"];
  /** Below the root of the server, such as `api/2.0/mlflow/runs/get`. */
  path: string;
  query?: Readonly<Record<string, string | readonly string[] | number | undefined>>;
  json?: object;
  /** Whether asking twice does nothing more than asking once. @default true for GET */
  repeatable?: boolean;
}

export const API = "api/2.0/mlflow";

const ONCE = { mostTries: 1, backoffMs: 0 };
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_EXCERPT = 200;
const PASSING: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/** Makes a URL below a server, whose own path stays: it may be behind a proxy. */
export function toUrl(server: URL, path: string, query: Question["query"] = {}): URL {
  const url = new URL(`${server.origin}${server.pathname.replace(/(?<!\/)\/+$/, "")}/${path}`);
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      url.searchParams.append(name, String(one));
    }
  }
  return url;
}

/**
 * Asks the REST API and gives the object it answers.
 * @throws MODEL_NOT_FOUND, REGISTRY_REFUSED (both as RefusedError), REGISTRY_UNREACHABLE
 */
export async function ask(
  settings: Settings,
  server: URL,
  question: Question,
): Promise<Readonly<Record<string, unknown>>> {
  const { method, path, query, json, repeatable = method === "GET" } = question;
  const url = toUrl(server, path, query);
  const attempt = async (): Promise<Readonly<Record<string, unknown>>> => {
    const answer = await send(settings, {
      method,
      url,
      totalMs: settings.timeoutMs,
      ...(json === undefined
        ? {}
        : {
            headers: { "content-type": "application/json" },
            body: Buffer.from(JSON.stringify(json)),
          }),
    });
    const text = (await readBody(url, answer, MOST_BYTES)).toString("utf8");
    if (answer.status < 200 || answer.status > 299) {
      throw explainRefusal(settings, url, { ...answer, text });
    }
    return parseObject(text) ?? refuseAnswer(settings, url, text);
  };
  return withRetries(repeatable ? settings.retries : ONCE, attempt);
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuseAnswer(settings: Settings, url: URL, text: string): never {
  throw new EkibenError("REGISTRY_UNREACHABLE", {
    detail: `${printUrl(url)} answers, but not as MLflow does: ${toExcerpt(settings, text)}`,
    hint: "Check MLFLOW_TRACKING_URI; a login page or a proxy in between may have answered.",
  });
}

/** What a refused request means, from its status and text. */
export function explainRefusal(
  settings: Settings,
  url: URL,
  answer: { status: number; headers: IncomingHttpHeaders; text: string },
): EkibenError | Transient {
  const { status, text } = answer;
  const parsed = parseObject(text);
  const errorCode = typeof parsed?.["error_code"] === "string" ? parsed["error_code"] : undefined;
  const message = toExcerpt(settings, String(parsed?.["message"] ?? text));
  const refusal: Refusal = { status, message, ...(errorCode === undefined ? {} : { errorCode }) };
  const make = (code: ErrorCode, detail: string, hint?: string): RefusedError =>
    new RefusedError(code, { detail, ...(hint === undefined ? {} : { hint }) }, refusal);
  const where = url.origin;

  if (status === 401) return make("REGISTRY_REFUSED", ...explain401(settings, url));
  if (status === 403) return make("REGISTRY_REFUSED", ...explain403(url, message));
  if (status === 404 && errorCode !== undefined) {
    return make("MODEL_NOT_FOUND", `The registry at ${where} says: ${message}`);
  }
  if (isDisabledProxy(refusal)) return make("REGISTRY_REFUSED", `${where} says: ${message}`);
  if (PASSING.has(status)) {
    return new Transient(
      make(
        "REGISTRY_UNREACHABLE",
        `${printUrl(url)} answers with ${status}: ${message}`,
        "Try again; look at the log of the server if it lasts.",
      ),
      toMilliseconds(answer.headers["retry-after"]),
    );
  }
  if (errorCode === undefined) {
    return make(
      "REGISTRY_UNREACHABLE",
      `${printUrl(url)} answers with ${status}, and not as MLflow does: ${message}`,
      "Check MLFLOW_TRACKING_URI, with its path if there is one; a proxy in between may have answered.",
    );
  }
  return make("REGISTRY_REFUSED", `The registry at ${where} says: ${message} (${errorCode})`);
}

/** MLflow says so with 503, but it will not pass: artifacts are to be had in another way. */
export function isDisabledProxy({ status, message }: Refusal): boolean {
  return status === 503 && message.includes("--no-serve-artifacts");
}

function explain401(settings: Settings, url: URL): [detail: string, hint: string] {
  const sent = settings.authorization.get(url.origin)?.split(" ")[0];
  if (sent === undefined) {
    return [
      `${url.origin} asks for credentials, and none are set.`,
      "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.",
    ];
  }
  return [
    `${url.origin} does not accept the ${sent === "Bearer" ? "token" : "user name and password"}.`,
    sent === "Bearer"
      ? "Check MLFLOW_TRACKING_TOKEN; MLflow's own login takes a user name and a password instead."
      : "Check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.",
  ];
}

function explain403(url: URL, message: string): [detail: string, hint: string] {
  const detail = `${url.origin} does not allow this: ${message}`;
  return message.includes("Invalid Host header")
    ? [detail, `Start the server with --allowed-hosts ${url.host}.`]
    : [detail, "Ask for permission to read the model and its experiment."];
}

/** A text of the server for a message: one line, without markup, and without credentials. */
function toExcerpt(settings: Settings, text: string): string {
  const known = settings.redact(text.slice(0, 50 * MOST_EXCERPT));
  const safe = (/<title>([^<]*)<\/title>/i.exec(known)?.[1] ?? known)
    .replace(/<[^<>]*>/g, " ")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
  if (safe === "") return "an empty answer";
  return safe.length > MOST_EXCERPT ? `${safe.slice(0, MOST_EXCERPT - 1)}…` : safe;
}

function toMilliseconds(retryAfter: string | undefined): number | undefined {
  const seconds = Number(retryAfter);
  return retryAfter !== undefined && seconds >= 0 ? seconds * 1000 : undefined;
}
