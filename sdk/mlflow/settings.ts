import { readFile } from "node:fs/promises";
import { EkibenError } from "../core/errors.js";
import { USUAL_RETRIES, type RetrySettings } from "./retry.js";

/** How to prove who asks: a token, or a user with a password. */
export type MlflowCredentials =
  | { readonly token: string }
  | { readonly username: string; readonly password: string };

/** Where an MLflow server is, and how to talk to it. */
export interface MlflowConnection {
  /** @default the environment variable MLFLOW_TRACKING_URI */
  trackingUri?: string;
  /** The server with the models, when it is another one. @default MLFLOW_REGISTRY_URI, or `trackingUri` */
  registryUri?: string;
  /**
   * Gives the credentials when they are needed. What is written in a cell becomes part of a bundle,
   * so read them here from where they are kept.
   * @default MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN
   */
  credentials?: () => MlflowCredentials | Promise<MlflowCredentials>;
  /** Whether a certificate that cannot be checked will do. @default MLFLOW_TRACKING_INSECURE_TLS */
  insecureTls?: boolean;
  /**
   * Milliseconds without an answer, or without a further byte of it, after which a request fails.
   * @default MLFLOW_HTTP_REQUEST_TIMEOUT (seconds), or 60_000
   */
  timeoutMs?: number;
}

/** Options of TLS as `node:https` takes them. */
export interface TlsSettings {
  rejectUnauthorized?: boolean;
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
}

/** A connection with everything looked up. */
export interface Settings {
  /** Without user, password, query and a slash at the end. */
  readonly tracking: URL;
  readonly registry: URL;
  /** The header `Authorization` by origin: it goes to the two servers and nowhere else. */
  readonly authorization: ReadonlyMap<string, string>;
  readonly tls: TlsSettings;
  readonly timeoutMs: number;
  readonly retries: RetrySettings;
  /** Takes credentials out of a text that goes into a message. */
  redact(text: string): string;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * Looks up where MLflow is and who asks, as MLflow's own client does: a user name wins over a token.
 * @throws REGISTRY_UNREACHABLE when no server is named, or something that is none.
 */
export async function readSettings(
  options: MlflowConnection,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Settings> {
  const given = options.trackingUri ?? read(env, "MLFLOW_TRACKING_URI");
  const tracking = parseServer(given, "MLFLOW_TRACKING_URI");
  const registryText = options.registryUri ?? read(env, "MLFLOW_REGISTRY_URI");
  const registry =
    registryText === undefined ? tracking : parseServer(registryText, "MLFLOW_REGISTRY_URI");
  const credentials = (await options.credentials?.()) ?? readCredentials(env);
  const authorization = new Map<string, string>();
  const secrets: string[] = [];
  for (const { url, inside } of [tracking, registry]) {
    const own = inside ?? credentials;
    if (own === undefined || authorization.has(url.origin)) continue;
    authorization.set(url.origin, toHeader(own));
    secrets.push(toHeader(own).replace(/^\w+ /, ""), "token" in own ? own.token : own.password);
  }
  return {
    tracking: tracking.url,
    registry: registry.url,
    authorization,
    tls: await readTls(options, env),
    timeoutMs: options.timeoutMs ?? readTimeout(env),
    retries: readRetries(env),
    redact: (text) =>
      secrets
        .flatMap((secret) => [secret, encodeURIComponent(secret)])
        .filter((secret) => secret !== "")
        .reduce((rest, secret) => rest.replaceAll(secret, "***"), text),
  };
}

interface Server {
  url: URL;
  /** The credentials that stood in the address. */
  inside?: MlflowCredentials;
}

function parseServer(text: string | undefined, variable: string): Server {
  if (text === undefined) {
    throw new EkibenError("REGISTRY_UNREACHABLE", {
      detail: "No MLflow server is named.",
      hint: 'Set MLFLOW_TRACKING_URI, such as http://127.0.0.1:5000, or give { trackingUri: "…" }.',
    });
  }
  const url = tryParse(text);
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw noServer(text, variable, url);
  const username = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  const plain = new URL(`${url.origin}${url.pathname.replace(/(?<!\/)\/+$/, "")}`);
  return username === "" && password === ""
    ? { url: plain }
    : { url: plain, inside: { username, password } };
}

function tryParse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** What stands there may have a password in it, so only its scheme is shown. */
function noServer(text: string, variable: string, url: URL | undefined): EkibenError {
  const scheme = url === undefined ? undefined : url.protocol.replace(/:$/, "");
  const database = /^(?:sqlite|mysql|postgresql|mssql)\b/.test(scheme ?? "");
  const local = scheme === undefined || scheme === "file" || scheme.length === 1;
  const what = database
    ? `a database (${scheme}:)`
    : local
      ? "a folder"
      : `an address of the kind ${scheme}:`;
  return new EkibenError("REGISTRY_UNREACHABLE", {
    detail: `${variable} names ${what}; ekiben talks to an MLflow server over HTTP.`,
    hint:
      database || local
        ? `Start one over it, \`mlflow server --backend-store-uri ${database ? `${scheme}:…` : JSON.stringify(text)}\`, and set ${variable} to http://127.0.0.1:5000.`
        : `Set ${variable} to the http: or https: address of a server.`,
    expected: "http: or https:",
    ...(scheme === undefined ? {} : { received: `${scheme}:` }),
  });
}

function readCredentials(env: NodeJS.ProcessEnv): MlflowCredentials | undefined {
  const username = read(env, "MLFLOW_TRACKING_USERNAME");
  const password = read(env, "MLFLOW_TRACKING_PASSWORD");
  if (username !== undefined && password !== undefined) return { username, password };
  const token = read(env, "MLFLOW_TRACKING_TOKEN");
  return token === undefined ? undefined : { token };
}

function toHeader(credentials: MlflowCredentials): string {
  if ("token" in credentials) return `Bearer ${credentials.token}`;
  const { username, password } = credentials;
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

async function readTls(options: MlflowConnection, env: NodeJS.ProcessEnv): Promise<TlsSettings> {
  const insecure =
    options.insecureTls ?? /^(?:1|true)$/i.test(read(env, "MLFLOW_TRACKING_INSECURE_TLS") ?? "");
  const ca = await readPem(env, "MLFLOW_TRACKING_SERVER_CERT_PATH");
  const client = await readPem(env, "MLFLOW_TRACKING_CLIENT_CERT_PATH");
  return {
    ...(insecure ? { rejectUnauthorized: false } : {}),
    ...(ca === undefined ? {} : { ca }),
    // One file with both, as MLflow has it.
    ...(client === undefined ? {} : { cert: client, key: client }),
  };
}

async function readPem(env: NodeJS.ProcessEnv, variable: string): Promise<Buffer | undefined> {
  const path = read(env, variable);
  if (path === undefined) return undefined;
  return readFile(path).catch((cause: unknown) => {
    throw new EkibenError("REGISTRY_UNREACHABLE", {
      detail: `${variable} names ${path}, which cannot be read.`,
      hint: "Name a file of certificates in PEM.",
      cause,
    });
  });
}

function readTimeout(env: NodeJS.ProcessEnv): number {
  const seconds = Number(read(env, "MLFLOW_HTTP_REQUEST_TIMEOUT"));
  return seconds > 0 ? seconds * 1000 : DEFAULT_TIMEOUT_MS;
}

function readRetries(env: NodeJS.ProcessEnv): RetrySettings {
  const further = Number(read(env, "MLFLOW_HTTP_REQUEST_MAX_RETRIES") ?? Number.NaN);
  const seconds = Number(read(env, "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR") ?? Number.NaN);
  return {
    mostTries: further >= 0 ? Math.floor(further) + 1 : USUAL_RETRIES.mostTries,
    backoffMs: seconds >= 0 ? seconds * 1000 : USUAL_RETRIES.backoffMs,
  };
}

function read(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === "" ? undefined : value;
}

/** Whether a server is this machine. */
export function isLoopback(url: URL): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
}
