import {
  request as requestHttp,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import { request as requestHttps } from "node:https";
import { pipeline } from "node:stream/promises";
import type { Readable } from "node:stream";
import { EkibenError } from "../core/errors.js";
import { Transient } from "./retry.js";
import type { Settings } from "./settings.js";

export interface Outgoing {
  method: "GET" | "POST" | "PATCH" | "PUT";
  url: URL;
  headers?: Readonly<Record<string, string | number>>;
  body?: Uint8Array | Readable;
  /** Milliseconds for all of it, on top of the limit without a byte. */
  totalMs?: number;
  /**
   * Whether a redirect to another server is followed, without credentials: storage that is reached
   * by a signed address. Otherwise only redirects on the same server are.
   */
  leavesServer?: boolean;
}

/** An answer whose body has still to be read, or destroyed. */
export interface Incoming {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

const MOST_REDIRECTS = 5;

/**
 * Sends one request. Credentials go to the servers of the settings only, so no redirect and no
 * address in a registry can lead them elsewhere.
 * @throws Transient with REGISTRY_UNREACHABLE when it may work the next time, or REGISTRY_UNREACHABLE.
 */
export async function send(settings: Settings, outgoing: Outgoing): Promise<Incoming> {
  let { url } = outgoing;
  for (let redirects = 0; ; redirects++) {
    const answer = await sendOnce(settings, { ...outgoing, url });
    const { location } = answer.headers;
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer;
    answer.body.destroy();
    const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (target === undefined || redirects === MOST_REDIRECTS || outgoing.method !== "GET") {
      throw redirected(url, target, "It cannot be followed.");
    }
    if (target.origin !== url.origin) checkLeaving(outgoing, url, target);
    url = target;
  }
}

function checkLeaving({ leavesServer }: Outgoing, url: URL, target: URL): void {
  if (leavesServer === true && (target.protocol === "https:" || url.protocol === "http:")) return;
  const moved = target.hostname === url.hostname;
  throw redirected(
    url,
    target,
    moved
      ? `Set MLFLOW_TRACKING_URI to ${target.origin}: credentials are not sent along a redirect.`
      : "Credentials are not sent along a redirect; a login page in between may be the reason.",
  );
}

function redirected(url: URL, target: URL | undefined, hint: string): EkibenError {
  return new EkibenError("REGISTRY_UNREACHABLE", {
    detail: `${printUrl(url)} answers with a redirect to ${target === undefined ? "nowhere" : target.origin}.`,
    hint,
  });
}

async function sendOnce(settings: Settings, outgoing: Outgoing): Promise<Incoming> {
  const { method, url, body, totalMs } = outgoing;
  const authorization = settings.authorization.get(url.origin);
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    method,
    agent: false,
    // What the servers of the settings may use TLS with is nothing for others.
    ...(url.origin === settings.tracking.origin || url.origin === settings.registry.origin
      ? settings.tls
      : {}),
    headers: {
      accept: "*/*",
      "user-agent": "ekiben",
      ...outgoing.headers,
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(totalMs === undefined ? {} : { signal: AbortSignal.timeout(totalMs) }),
  });
  const ms = settings.timeoutMs;
  request.setTimeout(ms, () => request.destroy(toTimeout(ms)));
  try {
    const answer = answerTo(request);
    // An answer may come before all is sent: a refusal, and then the connection ends. What fails
    // while it is sent fails the request as well.
    sendBody(request, body).catch(() => {});
    const response = await answer;
    // A limit that passes while the body is read ends it as an error of the body.
    return { status: response.statusCode!, headers: response.headers, body: response };
  } catch (cause) {
    request.destroy();
    throw explainFailure(url, cause);
  }
}

function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    // Stays, because a request that was answered may still fail while it is sent.
    request.on("error", reject);
  });
}

async function sendBody(request: ClientRequest, body: Outgoing["body"]): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) {
    request.end(body);
    return;
  }
  await pipeline(body, request);
}

/**
 * All of a body that is known to be small.
 * @throws REGISTRY_UNREACHABLE when it has more than `most` bytes, or breaks off (as Transient).
 */
export async function readBody(url: URL, { body }: Incoming, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.byteLength;
      if (size > most) throw new TooLarge();
      chunks.push(chunk);
    }
  } catch (cause) {
    body.destroy();
    if (cause instanceof TooLarge) {
      throw new EkibenError("REGISTRY_UNREACHABLE", {
        detail: `${printUrl(url)} answers with more than ${most} bytes.`,
        hint: "Check that this is an MLflow server.",
      });
    }
    throw explainFailure(url, cause);
  }
  return Buffer.concat(chunks);
}

class TooLarge extends Error {}

class Stalled extends Error {}

function toTimeout(ms: number): Stalled {
  return new Stalled(`nothing came for ${ms / 1000} s`);
}

/** What a failure of the network means, and whether the next try may do better. */
export function explainFailure(url: URL, cause: unknown): Transient | EkibenError {
  const { code = "", name, message } = cause as NodeJS.ErrnoException;
  const where = url.origin;
  const because = (reason: string, hint: string): EkibenError =>
    new EkibenError("REGISTRY_UNREACHABLE", {
      detail: `The model registry at ${where} does not answer: ${reason}.`,
      hint,
      cause,
    });
  if (code === "ECONNREFUSED") {
    return because("nothing listens there", "Start the server, or correct MLFLOW_TRACKING_URI.");
  }
  if (code === "ENOTFOUND") {
    return because(
      `no machine is called ${url.hostname}`,
      "Correct MLFLOW_TRACKING_URI, or check the network.",
    );
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|ALTNAME/.test(code)) {
    return because(
      `its certificate cannot be trusted (${code})`,
      "Name the file of your authority in MLFLOW_TRACKING_SERVER_CERT_PATH.",
    );
  }
  if (code === "EPROTO" || code.startsWith("ERR_SSL")) {
    return because("it does not speak TLS", `Try http://${url.host}.`);
  }
  if (code.startsWith("HPE_")) {
    return because("what it says is not HTTP", `Try https://${url.host}.`);
  }
  const reason =
    cause instanceof Stalled
      ? message
      : name === "AbortError" || name === "TimeoutError"
        ? "it took too long"
        : code === "ECONNRESET" || /aborted|socket hang up/.test(message)
          ? "the connection broke off"
          : message;
  return new Transient(because(reason, "Try again; look at the log of the server if it lasts."));
}

/** An address for messages: where, without what was asked. */
export function printUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
